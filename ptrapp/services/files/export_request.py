"""The request of an export: what, of which campaign and raters, up to where."""

from dataclasses import dataclass
from enum import StrEnum

from db.models import RaterKind
from ptrapp.core.errors import InputError
from ptrapp.preferences.learnable import Completions


class What(StrEnum):
    PREFERENCES = "preferences"
    UNPAIRED = "unpaired"
    VOTES = "votes"
    REFINEMENTS = "refinements"
    PROMPTS = "prompts"
    SCORES = "scores"


COUNTED_BY = {What.REFINEMENTS: "round", What.SCORES: "round", What.PROMPTS: "prompt"}
"""The rows whose ids bound an export of no votes."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export."""

    what: What = What.PREFERENCES
    campaign: str | None = None
    """Name of the campaign whose comparisons are exported; None for all comparisons."""
    kinds: frozenset[RaterKind] | None = None
    """Kinds of raters whose votes count; None for all."""
    completions: Completions = Completions.FULL
    up_to: int | None = None
    """Id of the last vote that counts, of the last round of refinements and scores, of the last
    prompt of prompts; None for the newest."""
    names: bool = False
    """Whether people are named; else they are numbered."""


def request_of(
    what: str, campaign: str, raters: str, completions: str, up_to: int, *, names: bool
) -> ExportRequest:
    """Returns a request as a page makes it: what is empty, or 0, restricts nothing."""
    try:
        kinds = frozenset({RaterKind(raters)}) if raters else None
        which, texts = What(what), Completions(completions)
    except ValueError as error:
        raise InputError(f"This cannot be exported: {error}.") from error
    return ExportRequest(which, campaign or None, kinds, texts, up_to or None, names)
