"""Chooses the stored pairs that a campaign compares, and computes their uncertainty."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from db.labelling import candidates
from db.labelling.campaigns import NewItem
from db.labelling.candidates import Pair
from db.models import IMPORTED, Aspect
from db.registry import adapters
from db.storage.session import Session
from ptrapp.core.errors import InputError, NotFound
from ptrapp.preferences.uncertainty import uncertainties
from ptrapp.services.context import DataContext

MAX_PAIRS = 100_000


class SourceKind(StrEnum):
    """Which stored rounds are compared."""

    SIBLINGS = "siblings"
    """Candidates of one run; each pair is a valid one for DPO."""
    ADJACENT = "adjacent"
    """A round and the one that refined it."""
    BEST_WORST = "best_worst"
    """The candidates of a run that a judge scored highest and lowest."""
    VERSIONS = "versions"
    """Two versions' answers to the same prompt."""
    RANDOM = "random"
    """Any two answers to one prompt."""
    IMPORTED = "imported"
    """Pairs that were imported."""
    NONE = "none"
    """No pairs: the campaign starts empty."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a campaign's comparisons come from."""

    kind: SourceKind = SourceKind.SIBLINGS
    judge: str = ""
    """Name of the judge whose scores choose best and worst and give the uncertainty."""
    versions: tuple[str, str] = ("", "")
    import_name: str = ""
    max_pairs: int = 1000
    """Where there are more, so many are drawn at random by `seed`."""
    seed: int = 0


def preview(context: DataContext, source: Source, aspect: str) -> int:
    """Returns how many pairs a campaign of this source would have."""
    with context.database.read() as session:
        return len(_drawn(_found(session, source, aspect_of(aspect)), source))


def choose(session: Session, source: Source, aspect: Aspect) -> list[NewItem]:
    """Returns the comparisons of a source. Raises `InputError` where it finds nothing."""
    pairs = _drawn(_found(session, source, aspect), source)
    if not pairs and source.kind is not SourceKind.NONE:
        raise InputError(_nothing(source, aspect))
    return _with_uncertainty(session, pairs, source.judge)


def aspect_of(word: str) -> Aspect:
    try:
        return Aspect(word)
    except ValueError as error:
        raise InputError(f"{word!r} cannot be compared; choose response or thought.") from error


def _found(session: Session, source: Source, aspect: Aspect) -> list[Pair]:
    match source.kind:
        case SourceKind.SIBLINGS:
            return candidates.siblings(session, aspect)
        case SourceKind.ADJACENT:
            return candidates.adjacent(session, aspect)
        case SourceKind.BEST_WORST:
            if source.judge not in (judges := candidates.scoring_judges(session)):
                raise InputError(
                    f"{source.judge!r} has scored no candidates; those who have: "
                    f"{', '.join(judges) or 'nobody yet. A TPO iteration makes scored candidates'}."
                )
            return candidates.best_and_worst(session, aspect, source.judge)
        case SourceKind.VERSIONS:
            one, other = (_version(session, name) for name in source.versions)
            return candidates.between_versions(session, aspect, one, other)
        case SourceKind.RANDOM:
            return candidates.any_two(session, aspect)
        case SourceKind.IMPORTED:
            name = _import_source(session, source.import_name)
            return candidates.imported(session, aspect, name)
        case SourceKind.NONE:
            return []


def _drawn(pairs: list[Pair], source: Source) -> list[Pair]:
    if len(pairs) <= source.max_pairs:
        return pairs
    return random.Random(source.seed).sample(pairs, source.max_pairs)


def _with_uncertainty(session: Session, pairs: Sequence[Pair], judge: str) -> list[NewItem]:
    """Returns the pairs as items, with uncertainty ½ where the judge's scores give none."""
    ids = sorted({round_id for pair in pairs for round_id in pair}) if judge else []
    known = uncertainties(pairs, candidates.scores_of(session, judge, ids))
    return [
        NewItem(*pair, uncertainty=0.5 if unsure is None else unsure)
        for pair, unsure in zip(pairs, known, strict=True)
    ]


def _import_source(session: Session, given: str) -> str:
    """Returns the source of an import by its plain name or as `import:NAME`.

    Raises `InputError` for an unknown one, and where the name fits several.
    """
    known = candidates.import_sources(session)
    fitting = [one for one in known if given in (one, one.removeprefix(IMPORTED))]
    if not fitting:
        fitting = [
            one for one in known if one.removeprefix(IMPORTED).casefold() == given.casefold()
        ]
    if len(fitting) > 1:
        raise InputError(
            f"{given!r} is the name of several imports: {', '.join(fitting)}. Write one of these."
        )
    if not fitting:
        names = ", ".join(one.removeprefix(IMPORTED) for one in known[:10])
        there = f"There are: {names}" if known else "There is none yet: import a file first"
        raise InputError(f"There is no import {given!r}. {there}.")
    return fitting[0]


def _version(session: Session, name: str) -> int | None:
    if name == "base":
        return None
    row = adapters.by_name(session, name)
    if row is None:
        raise NotFound(f"There is no version {name!r}.")
    return row.id


def _nothing(source: Source, aspect: Aspect) -> str:
    asked = {
        SourceKind.SIBLINGS: "No run has two different candidates: sample on the Play page",
        SourceKind.ADJACENT: "No later round says something else than the one before it: refine "
        "more answers on the Play page",
        SourceKind.BEST_WORST: f"{source.judge} scored no two candidates of a run differently",
        SourceKind.VERSIONS: f"{' and '.join(source.versions)} have answered no prompt in common",
        SourceKind.RANDOM: "No prompt has two different answers",
        SourceKind.IMPORTED: f"No pairs of {source.import_name!r} are stored: import a file first",
    }[source.kind]
    thoughts = ", both with a thought" if aspect is Aspect.THOUGHT else ""
    return f"There is nothing to compare{thoughts}. {asked}."
