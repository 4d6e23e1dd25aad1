"""Cleans open queries before answers are written for them; every dropped query has a reason.

PTR (arXiv 2410.13413, data construction) drops duplicates, over-long references, HTML and other
noise, and rare long-tail queries, and publishes no thresholds: those here are chosen by us.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ptrapp.tasks.datasets import Question

_HTML = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>|&(?:[a-z]+|#\d+);|<!--", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{3,}")
"""Words of three letters and more: numbers and single letters say nothing about the topic."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds of the cleaning."""

    min_chars: int = 10
    """Shorter queries ask for nothing."""
    max_chars: int = 4_000
    """Longer ones leave no room for an attempt and an answer; about 1,000 tokens of English."""
    min_alphanumeric: float = 0.6
    """Smallest share of letters and digits among the characters that are no white space."""
    max_rare: float = 0.5
    """Largest share of a query's words that no other query has; see `rare_shares`."""
    least_for_rare: int = 200
    """With fewer queries nearly every word is rare, and the rule on rare words is left out."""


class Cleaned(NamedTuple):
    """The kept queries in order, and the number of dropped ones by reason."""

    kept: list[Question]
    dropped: Counter[str]


def clean(
    given: Iterable[Question],
    rules: Rules = Rules(),
    *,
    excluded: Collection[str] = (),
    held_out: Collection[str] = (),
) -> Cleaned:
    """Drops bad queries, each for the first reason that applies.

    `excluded` (a test file) and `held_out` (prompts of the evaluation) hold `normalised` texts.
    """
    dropped: Counter[str] = Counter()
    seen: set[str] = set()
    sound: list[Question] = []
    for question in given:
        text = normalised(question.prompt)
        if reason := _noise(question.prompt, rules):
            dropped[reason] += 1
        elif text in held_out:
            dropped["held out for evaluation"] += 1
        elif text in excluded:
            dropped["in the excluded file"] += 1
        elif text in seen:
            dropped["duplicate"] += 1
        else:
            sound.append(question)
        seen.add(text)
    if len(sound) < rules.least_for_rare:
        return Cleaned(sound, dropped)
    common = [
        question
        for question, share in zip(sound, rare_shares(sound), strict=True)
        if share <= rules.max_rare
    ]
    dropped["rare words"] += len(sound) - len(common)
    return Cleaned(common, +dropped)


def normalised(text: str) -> str:
    """Returns the text without case, white space and punctuation.

    >>> normalised("  What is 2+2?")
    'what is 2 2'
    """
    return " ".join(re.findall(r"\w+", text.casefold()))


def rare_shares(collection: Sequence[Question]) -> list[float]:
    """Returns, for each query, the share of its distinct words that no other query has.

    A long-tail query is about what no other asks about: most of its words occur in it alone. A
    query without a word has a share of 0.
    """
    words = [set(_WORD.findall(question.prompt.casefold())) for question in collection]
    n_queries = Counter(word for own in words for word in own)
    return [sum(n_queries[word] == 1 for word in own) / len(own) if own else 0.0 for own in words]


def _noise(text: str, rules: Rules) -> str | None:
    dense = [char for char in text if not char.isspace()]
    if len(dense) < rules.min_chars:
        return "too short"
    if len(text) > rules.max_chars:
        return "too long"
    if _HTML.search(text):
        return "HTML"
    if sum(map(str.isalnum, dense)) < rules.min_alphanumeric * len(dense):
        return "mostly not letters or digits"
    if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text):
        return "characters that cannot be stored"
    return None
