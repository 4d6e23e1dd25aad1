"""Ready-made rules for `--judge rule:NAME:ARGUMENT`, and examples of a judge of one's own.

Each is called as `python:module:function` is: with lists of equal length, a score for each.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from ptrapp.tasks.constraints import words_of


def length(
    prompts: Sequence[str], completions: Sequence[str], argument: Sequence[str], **columns: Any
) -> list[float]:
    """Returns 1 for `LEAST-MOST` words, and less the farther a response is from them.

    >>> length(["", ""], ["one two three", "one"], ["2-4"] * 2)
    [1.0, 0.5]
    """
    return [_nearness(len(words_of(text)), *_range(argument[0])) for text in completions]


def regex(
    prompts: Sequence[str], completions: Sequence[str], argument: Sequence[str], **columns: Any
) -> list[float]:
    """Returns 1 where the expression is found in a response, else 0."""
    pattern = re.compile(argument[0])
    return [float(pattern.search(text) is not None) for text in completions]


def is_json(prompts: Sequence[str], completions: Sequence[str], **columns: Any) -> list[float]:
    """Returns 1 for a response that is one JSON value and nothing else, else 0."""
    return [float(_reads(text)) for text in completions]


RULES: dict[str, Callable[..., list[float]]] = {
    "length": length,
    "regex": regex,
    "is_json": is_json,
}


def check(rule: str, columns: dict[str, str]) -> None:
    """Raises `ValueError` for a rule, or an argument in `columns`, by which nothing is scored."""
    if rule not in RULES:
        raise ValueError(f"there is no rule {rule!r}; choose {', '.join(RULES)}")
    given: dict[str, Any] = {name: [value] for name, value in columns.items()}
    try:
        RULES[rule]([""], [""], **given)
    except TypeError as error:
        raise ValueError(f"the rule wants an argument; write rule:{rule}:ARGUMENT") from error
    except re.error as error:
        raise ValueError(f"{columns['argument']!r} is no regular expression: {error}") from error


def _range(argument: str) -> tuple[int, int]:
    least, dash, most = argument.partition("-")
    if not (dash and least.isdigit() and most.isdigit() and int(least) <= int(most)):
        raise ValueError(f"{argument!r} is no range of words; write rule:length:20-60")
    return int(least), int(most)


def _nearness(n: int, least: int, most: int) -> float:
    if least <= n <= most:
        return 1.0
    return n / least if n < least else most / n


def _reads(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
