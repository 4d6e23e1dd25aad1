"""Knows names under which a letter or a number is no vote, though they speak of a preference."""

import re
from collections.abc import Collection

from ptrapp.interchange.profile import is_number

_ASIDE = re.compile(
    r"strength|confiden|score|rating|reason|rationale|comment|explanation|time|count|agreement"
    r"|model|elaboration|statement|feedback|suggestion",
    re.IGNORECASE,
)
_WHICH = re.compile(
    r"(?:better|best|preferred|winning|winner|chosen|accepted|selected|picked|which)[\s_-]?"
    r"(?:model|version|batch)(?=\W*$|\s*\(|\s(?:is|was|do|does|did|has|gave|wins|won|would)\b)",
    re.IGNORECASE,
)
"""What is one of two, and not what a vote is about: preferred_version, which model is best; but
winner_model_id and best_batch_size are no votes."""
_COUNTED = re.compile(
    r"batch|version|^(?:n|num|number of)[\s_](?!the)|^total[\s_].*s$"
    r"|(?:vote|judge?ment|verdict|decision|preference|pairwise|outcome)[\s_-]?(?:id|round|turn)$",
    re.IGNORECASE,
)
"""Names of numbers that count votes, or number them; a letter under them may be a vote."""
_SCALED = re.compile(
    r"likert|scale|\d\s*="
    r"|(?:(?<![\d-])[01]|(?<![^\s(\[])-\d)[\s_]*(?:-|\u2013|to|_|\.\.)[\s_]*(?:[3-9]|10)(?!\d)",
    re.IGNORECASE,
)
"""Names of numbers on a scale, or with a legend of their own: 1 (A is much better) to 5. A date and
the version of a model are none."""
_LEGEND = re.compile(
    r"1\s*=\s*(?:\w+\s)?(?:a|left|first)\b[^=\d]*2\s*=\s*(?:\w+\s)?(?:b|right|second)\b",
    re.IGNORECASE,
)
"""A legend that says what every reader takes 1 and 2 for."""


def is_aside(name: str) -> bool:
    """Returns whether a name is that of something beside a vote, as its strength or its number."""
    return bool(_ASIDE.search(name) or _COUNTED.search(_WHICH.sub("", name)))


def is_no_hint(name: str, naming: Collection[str]) -> bool:
    """Returns whether a name does not say that bare letters and numbers such as these are votes.

    >>> is_no_hint("vote_id", ["1"]), is_no_hint("preferred_version", ["1"])
    (True, False)
    """
    rest = _WHICH.sub("", name)
    numbered = all(map(is_number, naming)) and (_COUNTED.search(rest) or is_scaled(name))
    return bool(_ASIDE.search(rest) or numbered)


def is_scaled(name: str) -> bool:
    """Returns whether numbers under a name are on a scale, and do not number the two texts."""
    return _SCALED.search(name) is not None and not _LEGEND.search(name)
