"""Computes the word-by-word difference between two responses."""

import re
from collections import Counter
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

_MAX_MATCHES = 30_000
"""Pairs of equal words (or lines); the matcher visits all of them repeatedly, so that a text of
many equal words would take minutes. Natural responses of 1,000 words have fewer."""


class Kind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


class Piece(NamedTuple):
    text: str
    kind: Kind


def word_diff(before: str, after: str) -> list[Piece]:
    """Returns the pieces in reading order; a removed piece comes before what replaced it.

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
    """Splits into words, each with the space before it; large texts into lines, or not at all."""
    words = re.findall(r"\s*\S+|\s+", before), re.findall(r"\s*\S+|\s+", after)
    if _n_matches(*words) <= _MAX_MATCHES:
        return words
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if _n_matches(*lines) <= _MAX_MATCHES:
        return lines
    return [before], [after]


def _n_matches(old: list[str], new: list[str]) -> int:
    counts = Counter(new)
    return len(old) + len(new) + sum(counts[word] for word in old)
