"""What leaves the server of a comparison that somebody is to decide: two texts, and no more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from db.labelling.shown_pairs import ShownPair
from db.models import Outcome, Purpose
from ptrapp.blinding import scrub
from ptrapp.rendering import render, visible


@dataclass(frozen=True, slots=True)
class Text:
    """One side, as it is read: made harmless and, where it names its writer, neutral."""

    text: str
    html: str


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """An earlier turn of the conversation the prompt ends."""

    role: str
    html: str


@dataclass(frozen=True, slots=True)
class LabelPair:
    """A comparison on the screen. Gold and repeats look like any other."""

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
    """The earlier answer, where an undone pair comes back."""


def as_pair(shown: ShownPair, names: Collection[str], was: Outcome | None = None) -> LabelPair:
    """Render a pair; `names` are our models', which no text gives itself; `was` is the screen's."""
    return LabelPair(
        key=shown.key,
        aspect=shown.aspect.value,
        practice=shown.purpose is Purpose.PRACTICE,
        system=None if shown.system is None else visible(shown.system),
        context=[_turn(turn, names) for turn in shown.context],
        prompt=visible(shown.prompt),
        prompt_html=render(visible(shown.prompt)),
        left=_text(shown.left, names),
        right=_text(shown.right, names),
        was=was.value if was else None,
    )


def neutral(text: str, names: Collection[str]) -> str:
    """What somebody wrote, without hidden characters and without who he says he is."""
    return scrub(visible(text), names)


def _text(text: str, names: Collection[str]) -> Text:
    shown = neutral(text, names)
    return Text(shown, render(shown))


def _turn(turn: Mapping[str, str], names: Collection[str]) -> EarlierTurn:
    said = neutral(str(turn.get("content", "")), names)
    return EarlierTurn(str(turn.get("role", "user")), render(said))
