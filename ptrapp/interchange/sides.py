"""Finds the two compared fields of a foreign row, and the preference that an answer names."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange.conversation import is_messages
from ptrapp.interchange.values import names

PROMPT_NAMES = (
    "prompt", "instruction", "question", "query", "input", "chat", "messages", "conversation",
    "context", "document", "source_text",
)  # fmt: skip
_STEMS = ("response", "answer", "completion", "generation", "output", "reply", "option", "text")
_ENDINGS = (("1", "2"), ("a", "b"), ("left", "right"), ("0", "1"), ("first", "second"))
_FIRST = {"left", "a", "1", "first", "one"}
_SECOND = {"right", "b", "2", "second", "two"}
_BAD = re.compile(r"\b(neither|none)\b|\b(both|equally)\b.*\b(bad|poor|wrong)\b|^both_?bad$")
_TIE = re.compile(r"\b(tie|tied|equal|equally|same|draw|similar|both|indifferent)\b|no preference")
_MUCH = re.compile(r"\b(much|far|significantly|strongly|clearly)\b")
_FILLING = {
    "is", "are", "the", "better", "best", "prefer", "preferred", "i", "much", "far", "slightly",
    "significantly", "strongly", "clearly", "response", "answer", "completion", "generation",
    "output", "reply", "option", "text", "model", "side", "assistant",
}  # fmt: skip


class Sides(NamedTuple):
    """Names of the two compared fields."""

    left: str
    right: str


def prompt_field(fields: Mapping[str, Any]) -> str:
    """Returns the field that holds the prompt. Raises `BadRow` where none has a usual name."""
    by_lower = {name.lower(): name for name in fields}
    found = next(
        (by_lower[name] for name in PROMPT_NAMES if fields.get(by_lower.get(name, ""))), ""
    )
    if not found:
        raise BadRow(
            f"no prompt: none of the fields {names(fields)} is called {', '.join(PROMPT_NAMES)}"
        )
    return found


def two_sides(fields: Mapping[str, Any], prompt: str) -> Sides:
    """Finds the two compared texts: `answer1` and `answer2`, `response_a` and `response_b` …

    Raises `BadRow` when no two fields, or too many, look like that.
    """
    texts = [name for name, value in fields.items() if isinstance(value, str) and name != prompt]
    pairs = [
        (stem, Sides(first, second))
        for first in texts
        for second in texts
        if (stem := _common_stem(first, second)) is not None
    ]
    usual = [pair for stem, pair in pairs if any(known in stem for known in _STEMS)]
    found = usual or [pair for _, pair in pairs]
    if not found and len(texts) == 2:
        return Sides(*texts)
    if len(set(found)) != 1:
        raise BadRow(
            f"it is not clear which two texts were compared: the fields are {names(fields)}; call "
            "them response_a and response_b"
        )
    return found[0]


def options(fields: Mapping[str, Any], prompt: str) -> list[str]:
    """Returns every text field except the prompt, in the order of the file."""
    return [
        name
        for name, value in fields.items()
        if name != prompt and isinstance(value, str) and value and not is_messages(value)
    ]


def preference_from(choice: str, sides: Sides) -> Preference:
    """Returns the preference that an answer in words names. Raises `BadRow` if it names none.

    >>> preference_from("Response B is much better", Sides("response_a", "response_b"))
    Preference(choice=<Choice.RIGHT: 'right'>, strength=2)
    """
    lowered = choice.strip().lower()
    strength = 2 if _MUCH.search(lowered.replace("_", " ")) else 1
    if lowered == sides.left.lower():
        return Preference(Choice.LEFT, strength)
    if lowered == sides.right.lower():
        return Preference(Choice.RIGHT, strength)
    words = re.sub(r"[_\W]+", " ", lowered).strip()
    if _BAD.search(words):
        return Preference(Choice.BOTH_BAD)
    left = set(re.findall(r"[a-z]+|\d+", words)) - _FILLING
    if len(left) > 1:
        left -= {"one"}  # the second one
    if sides.left.endswith("0"):
        left = {{"0": "1", "1": "2"}.get(word, word) for word in left}
    if left and left <= _FIRST:
        return Preference(Choice.LEFT, strength)
    if left and left <= _SECOND:
        return Preference(Choice.RIGHT, strength)
    if _TIE.search(words):
        return Preference(Choice.TIE)
    raise BadRow(f"the answer {choice[:60]!r} names neither of {sides.left}, {sides.right}")


def _common_stem(first: str, second: str) -> str | None:
    """Returns the stem of two names that differ only in their ending, as 1 and 2, a and b."""
    one, other = first.lower(), second.lower()
    for ending, next_ending in _ENDINGS:
        if one.endswith(ending) and other.endswith(next_ending):
            stem = one[: -len(ending)]
            if stem == other[: -len(next_ending)]:
                return stem.rstrip("_- ")
    return None
