"""Makes what a page may know of a comparison before the vote: prompt and two texts, no more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from db.labelling.shown_pairs import ShownPair
from db.models import Outcome, Purpose
from ptrapp.blinding import scrub
from ptrapp.core.types import CUT_OFF
from ptrapp.rendering import render, visible


@dataclass(frozen=True, slots=True)
class Text:
    """One side as it is shown: without deceptive characters, its author's names masked."""

    text: str
    html: str
    """The same as Markdown draws it, and whether it was cut off."""


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """An earlier turn of the conversation that ends with the prompt."""

    role: str
    html: str


@dataclass(frozen=True, slots=True)
class LabelPair:
    """A comparison on the screen. Gold comparisons and repeats look like any other."""

    key: str
    aspect: str
    practice: bool
    system: str | None
    context: list[EarlierTurn]
    prompt: str
    prompt_html: str
    left: Text
    right: Text
    was: str | None
    """The withdrawn outcome, where the pair is shown again after the undo of a vote."""
    was_much: bool
    """Whether that was "much better"."""


def as_pair(
    shown: ShownPair, names: Collection[str], was: Outcome | None = None, *, much: bool = False
) -> LabelPair:
    """Renders a pair; `names` are those of the served models, `was` has the screen's sides."""
    return LabelPair(
        key=shown.key,
        aspect=shown.aspect.value,
        practice=shown.purpose is Purpose.PRACTICE,
        system=None if shown.system is None else visible(shown.system),
        context=[_turn(turn, names) for turn in shown.context],
        prompt=visible(shown.prompt),
        prompt_html=render(visible(shown.prompt)),
        left=_text(shown.left, names, cut=shown.left_cut),
        right=_text(shown.right, names, cut=shown.right_cut),
        was=was.value if was else None,
        was_much=much,
    )


def blinded(text: str, names: Collection[str]) -> str:
    """Returns a text without deceptive characters and with its author's names masked."""
    return scrub(visible(text), names)


def _text(text: str, names: Collection[str], *, cut: bool) -> Text:
    shown = blinded(text, names)
    return Text(shown, render(shown) + (f"<p><em>{CUT_OFF}</em></p>" if cut else ""))


def _turn(turn: Mapping[str, str], names: Collection[str]) -> EarlierTurn:
    content = blinded(str(turn.get("content", "")), names)
    return EarlierTurn(str(turn.get("role", "user")), render(content))
