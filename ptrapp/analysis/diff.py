"""What changed from one response to the next, word by word."""

import re
from collections import Counter
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

_MOST_MATCHES = 30_000
"""Pairs of equal words (or lines); the matcher walks over all of them again and again, so that a
text of many equal words would take minutes. Natural responses of 1,000 words have fewer."""


class Kind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


class Piece(NamedTuple):
    text: str
    kind: Kind


def word_diff(before: str, after: str) -> list[Piece]:
    """Return the pieces in reading order; what was removed stands before what replaced it.

    Without the removed pieces they join to `after`, without the added ones to `before`.

    >>> [piece.kind.value for piece in word_diff("It is 4.", "It is 5.")]
    ['same', 'removed', 'added']
    """
    old, new = _pieces(before, after)
    pieces: list[Piece] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for change, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        removed, added = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if change == "equal":
            pieces.append(Piece(added, Kind.SAME))
            continue
        if removed:
            pieces.append(Piece(removed, Kind.REMOVED))
        if added:
            pieces.append(Piece(added, Kind.ADDED))
    return pieces


def _pieces(before: str, after: str) -> tuple[list[str], list[str]]:
    """Cut into words, each with the gap before it; a text too big into lines, or not at all."""
    words = re.findall(r"\s*\S+|\s+", before), re.findall(r"\s*\S+|\s+", after)
    if _n_matches(*words) <= _MOST_MATCHES:
        return words
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if _n_matches(*lines) <= _MOST_MATCHES:
        return lines
    return [before], [after]


def _n_matches(old: list[str], new: list[str]) -> int:
    counts = Counter(new)
    return len(old) + len(new) + sum(counts[word] for word in old)
