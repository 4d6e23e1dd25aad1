"""Tells a mark that ends or begins a thought from its mention in code, in quotes, in a sentence."""

import re
from bisect import bisect_left
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from ptrapp.core.errors import BadRow

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)|```[\w+-]*[ \t]*$", re.MULTILINE)
"""A block of code begins at a line's start; behind a thought its first line may not."""
_BARE_FENCE = re.compile(r"[ \t]*(?:```|~~~)[ \t]*(?:\n|$)")
_BLANK_LINE = re.compile(r"[ \t]*\r?\n[ \t]*\r?\n")
_MAX_MARKS = 1000
_MAX_CHARS = 2000
"""Of a line that are looked at on each side of a mark."""
_QUOTES = ("``", '""', "''", "“”", "‘’", "„“", "«»")
_BEFORE_MENTION = "`'\"“‘„«([{=/\\|"
_AFTER_MENTION = ".,;:!?)]}`'\"”’»\\|"


class Marks(NamedTuple):
    """What begins a thought, and what ends it."""

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    ends: str
    """The closing mark in small letters."""
    is_word: bool
    """Whether they are elements that a document may have too."""


def marks(opening: str, closing: str, *, is_word: bool = False, in_capitals: bool = False) -> Marks:
    """Returns the marks of a format; with `in_capitals` they are never written otherwise."""
    flags = 0 if in_capitals else re.IGNORECASE
    first, last = (re.compile(re.escape(one), flags) for one in (opening, closing))
    return Marks(first, last, closing.lower(), is_word)


def openings(text: str, begin: int, known: Marks) -> list[re.Match[str]]:
    """Returns the openings from `begin` on that are neither quoted nor in a block of code."""
    found = _found(known.opening, text, begin, len(text))
    return [mark for mark in found if not _is_mentioned(text, mark, begin)]


def stands_first(text: str, mark: re.Match[str], begin: int) -> bool:
    """Returns whether nothing stands before a mark on its line, or since `begin`."""
    return not _before(text, mark, begin).strip()


def closing_of(text: str, begin: int, known: Marks) -> re.Match[str] | None:
    """Returns what ends the thought that begins at `begin`, None where nothing does.

    A thought may mention the mark as well, so one that is certain is taken before any other. A
    thought may also leave quotes or a block of code open.
    """
    inner = [one for one in openings(text, begin, known) if stands_first(text, one, begin)]
    found = _found(known.closing, text, begin, inner[0].start() if inner else len(text))
    found = found or _found(known.closing, text, begin, len(text))
    found = [one for one in found if not _is_enclosed(text, one)]
    free = [one for one in found if not _is_mentioned(text, one, begin)]
    certain = [one for one in free if _is_certain(text, one)]
    return next(iter(certain or free or found), None)


def lone_closing(text: str, known: Marks) -> re.Match[str] | None:
    """Returns what ends a thought that a chat template began, None where all are mentions.

    At a line's start it ends a thought whatever follows; else where it is not quoted, in code,
    behind an opening, or a word of a sentence.

    >>> think = marks("<think>", "</think>")
    >>> bool(lone_closing("So 4.</think>Four.", think))
    True
    >>> bool(lone_closing("Cut it at `</think>`, or at </think> alone.", think))
    False
    """
    opened = [one for one in openings(text, 0, known) if stands_first(text, one, 0)]
    last = opened[0].start() if opened else len(text)
    for mark in _found(known.closing, text, 0, last):
        begins_text = not text[: mark.start()].strip()
        if stands_first(text, mark, 0) and not begins_text:
            if not _is_in_closed_block(text, mark):
                return mark
        elif not (_is_mentioned(text, mark, 0) or _is_word(text, mark, known)):
            return mark
    return None


def _is_word(text: str, mark: re.Match[str], known: Marks) -> bool:
    """Returns whether a mark stands in a sentence as one of its words, or behind an opening."""
    before, after = _before(text, mark, 0), _after(text, mark)
    if known.opening.search(before):
        return True
    if before.strip() and not before[-1].isspace():
        return False
    if not after.strip():
        return bool(before.strip()) and not text[mark.end() :].strip()
    following = after.lstrip()[0]
    return following in _AFTER_MENTION or (after[0].isspace() and following.islower())


def _is_in_closed_block(text: str, mark: re.Match[str]) -> bool:
    """Returns whether a mark stands in a block of code that ends behind it, with a bare fence.

    A fence that names a language begins a block, so that the one before was left open by a thought.
    """
    fences = _fences(text)
    at = bisect_left(fences, mark.start())
    return at % 2 == 1 and at < len(fences) and bool(_BARE_FENCE.match(text, fences[at]))


def _found(mark: re.Pattern[str], text: str, begin: int, end: int) -> list[re.Match[str]]:
    """Returns all places of a mark. Raises `BadRow` for more than somebody writes."""
    found = list(islice(mark.finditer(text, begin, end), _MAX_MARKS + 1))
    if len(found) > _MAX_MARKS:
        raise BadRow(f"a text holds {found[0][0]} more than {_MAX_MARKS} times")
    return found


def _is_mentioned(text: str, mark: re.Match[str], begin: int) -> bool:
    """Returns whether a mark is quoted, or stands in a block of code that begins after `begin`."""
    if _is_enclosed(text, mark):
        return True
    before, after = _before(text, mark, begin), _after(text, mark)
    if any(before.count(quote) % 2 and quote in after for quote in '`"'):
        return True
    fences = _fences(text)
    at = bisect_left(fences, mark.start())
    return (at - bisect_left(fences, begin)) % 2 == 1 and at < len(fences)


def _is_enclosed(text: str, mark: re.Match[str]) -> bool:
    """Returns whether a mark alone stands between two quotes, the first of which opens there."""
    around = text[max(mark.start() - 1, 0) : mark.start()] + text[mark.end() : mark.end() + 1]
    if around not in _QUOTES:
        return False
    return around[0] not in '`"' or _before(text, mark, 0).count(around[0]) % 2 == 1


def _is_certain(text: str, mark: re.Match[str]) -> bool:
    """Returns whether the place of a closing says that it ends a thought.

    It stands alone on its line, before a blank one, or directly behind the thought; in a sentence
    about it a space or a quote stands before it.
    """
    before, after = _before(text, mark, 0), _after(text, mark)
    if not after.strip():
        is_glued = not before.strip() or not before[-1].isspace()
        return is_glued or bool(_BLANK_LINE.match(text, mark.end()))
    if before.strip() and (before[-1].isspace() or before[-1] in _BEFORE_MENTION):
        return False
    following = after.lstrip()[0]
    return following not in _AFTER_MENTION and not (after[0].isspace() and following.islower())


@lru_cache(maxsize=2)
def _fences(text: str) -> list[int]:
    """Returns where blocks of code begin and end."""
    return [fence.start() for fence in _FENCE.finditer(text)]


def _before(text: str, mark: re.Match[str], begin: int) -> str:
    """Returns what stands before a mark on its line, from `begin` on."""
    begin = max(begin, mark.start() - _MAX_CHARS)
    return text[max(text.rfind("\n", begin, mark.start()) + 1, begin) : mark.start()]


def _after(text: str, mark: re.Match[str]) -> str:
    """Returns what stands behind a mark on its line."""
    return text[mark.end() : mark.end() + _MAX_CHARS].partition("\n")[0]
