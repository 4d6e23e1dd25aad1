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
_STEMS = frozenset((
    "response", "answer", "completion", "generation", "output", "reply", "option", "text",
    "conversation", "messages", "human_ref", "candidate", "summary", "translation", "continuation",
))  # fmt: skip
_ENDINGS = (("1", "2"), ("a", "b"), ("left", "right"), ("0", "1"), ("first", "second"))
_FIRST = {"left", "a", "1", "first", "one"}
_SECOND = {"right", "b", "2", "second", "two"}
_THIRD = ("3", "c", "third")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_SIGNED = re.compile(r"[-+!~¬\u2212].*|.*[-+\u2212]", re.DOTALL)
"""-1 and +1, -A, !A: whether a sign means the other text, nothing here says."""
_SIGN = re.compile(r"(?P<first>[ab12]) ?(?P<sign>[<>=]{1,3}) ?(?P<second>[ab12])")
"""An arena's verdict: A>>B, A=B, B>A."""
_POOR = (
    r"(?:bad|poor|wrong|terrible|awful|horrible|unacceptable|unsafe|incorrect|unhelpful|useless|harmful"
    r"|inadequate|fail(?:s|ed)?)\b"
)
_BAD = re.compile(rf"\b(neither|none)\b|\bboth ?bad\b|\b(both|equally)\b.*\b{_POOR}")
_NEGATED = re.compile(
    r"\b(both|equally)\b.*(?:\bnot|n't) (?:very |really |so |that |quite )?"
    r"(?:good|great|helpful|useful|ok|okay|correct|right|acceptable|adequate|safe|true|relevant)\b"
    rf"|\b(?:both|equally)\b.*(?:\bnot|n't) {_POOR}"
    rf"|\b(?:neither|none)\b(?: (?!both\b)\w+){{0,4}}? (?:better|best|worse|worst|wins?|{_POOR})"
    r"|[不没差劣输輸坏壞悪]|ない|나쁘|나쁨|못|\b(?:не|хуже|плох\w*)\b"
)
"""Neither a tie nor surely bad: both are not helpful, neither is better. In scripts of which no
word is read beside a letter, what says that the text is the worse one."""
_ONE = re.compile(
    r"\b(?:A(?! tie\b| draw\b)|[Bb])\b|^\W*(?:[12]|[Ll]eft)\b|(?<!\d[-:/])\b(?:[12]|[Ll]eft)$"
    r"|\b(?:a|right|[12]|[Ll]eft)(?= (?:is|was|wins|better|slightly (?:better|worse|more))\b)"
    r"|\b(?i:response|answer|option|output|completion|text|prefer|choose|no)\W*[12]\b"
)
"""A text that an answer names, and no article, no word for correct, no number of votes or stars."""
_TIE = re.compile(r"\b(tie|tied|equal|equally|same|draw|similar|both|indifferent)\b|no preference")
_MUCH = re.compile(r"\b(much|far|significantly|strongly|clearly)\b")
_FILLING = {
    "is", "are", "the", "better", "best", "prefer", "preferred", "i", "much", "far", "slightly",
    "significantly", "strongly", "clearly", "response", "answer", "completion", "generation",
    "output", "reply", "option", "text", "model", "side", "assistant", "winner", "wins", "won",
    "win", "choice", "chosen", "selected", "candidate", "conversation", "summary", "human", "ref",
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
    texts = {name: one for name, one in fields.items() if isinstance(one, str) and name != prompt}
    if (found := two_alike(texts, usual=False)) is not None:
        return found
    if len(texts) == 2:
        return Sides(*texts)
    raise BadRow(_unclear(fields))


def is_usual(name: str) -> bool:
    """Returns whether a name is a usual one for a text: response_b, llama_output."""
    return any(stem in name.lower() for stem in _STEMS)


def is_plain(name: str) -> bool:
    """Returns whether a name is that of a text and says nothing else: response_b, Answer 1."""
    return not _STEMS.isdisjoint(_stems_of(name))


def is_text(name: str) -> bool:
    """Returns whether a name ends in that of a text: full_response_b, and not answer_type_b."""
    return any(stem.endswith(tuple(_STEMS)) for stem in _stems_of(name))


def _stems_of(name: str) -> set[str]:
    """Returns what stands before each ending that a name may have."""
    lowered, ends = name.lower(), [end for both in _ENDINGS for end in both]
    return {lowered.removesuffix(end).rstrip("_- ") for end in ends if lowered.endswith(end)}


def two_alike(texts: Mapping[str, Any], *, usual: bool) -> Sides | None:
    """Returns the two texts whose names differ in their ending alone, None without such two.

    With `usual`, the name must be a usual one besides. Raises `BadRow` where more than two are.
    """
    pairs = [
        (stem, Sides(first, second))
        for first in texts
        for second in texts
        if (stem := _common_stem(first, second)) is not None
    ]
    known = [pair for stem, pair in pairs if is_usual(stem)]
    found = known or ([] if usual else [pair for _, pair in pairs])
    if not found:
        return None
    if len(set(found)) != 1 or _third(found[0], texts):
        raise BadRow(_unclear(texts))
    return found[0]


def _unclear(fields: Mapping[str, Any]) -> str:
    return (
        f"it is not clear which two texts were compared: the fields are {names(fields)}; call "
        "them response_a and response_b"
    )


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
    if _NUMBER.fullmatch(lowered):
        return _by_number(float(lowered.replace(",", ".")), choice, sides)
    if _SIGNED.fullmatch(lowered) or _NEGATED.search(lowered):
        raise BadRow(
            f"the answer {choice[:60]!r} does not say which of {sides.left}, {sides.right} is meant"
        )
    if sign := _SIGN.fullmatch(lowered.strip("[] ")):
        is_turned = sign["first"] in _SECOND
        if is_turned == (sign["second"] in _SECOND):  # A>A
            raise BadRow(f"the answer {choice[:60]!r} names neither of {sides.left}, {sides.right}")
        found = _by_sign(sign["sign"])
        return found.mirrored() if is_turned else found
    strength = 2 if _MUCH.search(lowered.replace("_", " ")) else 1
    if lowered == sides.left.lower():
        return Preference(Choice.LEFT, strength)
    if lowered == sides.right.lower():
        return Preference(Choice.RIGHT, strength)
    words = re.sub(r"[_\W]+", " ", lowered).strip()
    left = set(re.findall(r"[a-z]+|\d+", words)) - _FILLING
    if sides.left.endswith("0"):
        left = {{"0": "1", "1": "2", "2": ""}.get(word, word) for word in left}
    if _BAD.search(words) or _TIE.search(words):
        names_one = _ONE.search(choice.replace("_", " "))
        if names_one and (left.isdisjoint(_FIRST - {"one"}) or left.isdisjoint(_SECOND)):
            raise BadRow(f"the answer {choice[:60]!r} names one text and says that both are even")
    if _BAD.search(words):
        return Preference(Choice.BOTH_BAD)
    if len(left) > 1:
        left -= {"one"}  # the second one
    if left and left <= _FIRST:
        return Preference(Choice.LEFT, strength)
    if left and left <= _SECOND:
        return Preference(Choice.RIGHT, strength)
    if _TIE.search(words):
        return Preference(Choice.TIE)
    raise BadRow(f"the answer {choice[:60]!r} names neither of {sides.left}, {sides.right}")


def belong_to(first: str, second: str, sides: Sides) -> bool:
    """Returns whether two columns are named for the two sides: `score_a` and `score_b`, or
    `answer1_rating` and `answer2_rating`."""
    if first.replace(sides.left, sides.right) == second and sides.left in first:
        return True
    for ending, next_ending in _ENDINGS:
        if sides.left.lower().endswith(ending) and sides.right.lower().endswith(next_ending):
            mine, its = first.lower(), second.lower()
            if mine.endswith(ending) and its == mine[: -len(ending)] + next_ending:
                return True
    return False


def _by_number(number: float, choice: str, sides: Sides) -> Preference:
    """Returns the side with that number: sides are counted as they are named, else from 1."""
    first = 0 if sides.left.endswith("0") else 1
    if number == first + 0.5:
        return Preference(Choice.TIE)
    if number not in (first, first + 1):
        raise BadRow(f"the answer {choice[:60]!r} names neither of {sides.left}, {sides.right}")
    return Preference(Choice.LEFT if number == first else Choice.RIGHT)


def _by_sign(sign: str) -> Preference:
    if "<" in sign and ">" in sign:
        raise BadRow(f"the answer {sign!r} points both ways")
    strength = 2 if len(sign) > 1 else 1
    if "=" in sign and len(set(sign)) == 1:
        return Preference(Choice.TIE)
    return Preference(Choice.LEFT if ">" in sign else Choice.RIGHT, strength)


def _third(pair: Sides, fields: Mapping[str, Any]) -> bool:
    """Returns whether a third text is named like the two: `response_c`, `answer3`."""
    stem = pair.right[:-1]
    return any(stem + ending in fields for ending in _THIRD)


def _common_stem(first: str, second: str) -> str | None:
    """Returns the stem of two names that differ only in their ending, as 1 and 2, a and b."""
    one, other = first.lower(), second.lower()
    for ending, next_ending in _ENDINGS:
        if one.endswith(ending) and other.endswith(next_ending):
            stem = one[: -len(ending)]
            if stem == other[: -len(next_ending)]:
                return stem.rstrip("_- ")
    return None
