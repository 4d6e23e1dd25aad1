"""Checks whether a response states an answer that is known: a number, a time, or words."""

import re
from decimal import Decimal

_MAX_CHARS = 2_000
"""Only the end of a response is read: the answer is stated last, and the work stays bounded."""

_VALUE = re.compile(
    r"(?:(?<![\w.])[-+]\$?)?"
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?::[0-9]{2}|\.[0-9]+)?|\.[0-9]+)"
)
_ANNOUNCED = re.compile(r"(?:\banswer(?: is|:)|####|\\boxed\{)", re.IGNORECASE)


def states(response: str, answer: str) -> bool:
    """Returns whether the answer stated last in `response` equals `answer`.

    Numbers are compared as numbers, so "$1,200.00." equals "1200"; a time such as 4:05 is
    compared by hour and minute; other answers are compared as words, ignoring case. An answer
    announced as "the answer is …", "#### …" or "\\boxed{…}" wins over a number merely mentioned
    later. Defined for every text.
    """
    wanted = _values(answer)
    tail = response[-_MAX_CHARS:]
    announced = list(_ANNOUNCED.finditer(tail))
    stated = tail[announced[-1].end() :] if announced else tail
    if not wanted:
        return _words(answer) != [] and _words(stated)[-len(_words(answer)) :] == _words(answer)
    found = _values(stated)
    if not found:
        return False
    return found[0 if announced else -1] == wanted[-1]


def _values(text: str) -> list[Decimal | tuple[int, int]]:
    """Returns the numbers and clock times in `text`, in order."""
    values: list[Decimal | tuple[int, int]] = []
    for match in _VALUE.finditer(text):
        token = match.group().replace(",", "").replace("$", "")
        if ":" in token:
            hour, minute = token.lstrip("+-").split(":")
            values.append((int(hour), int(minute)))
        else:
            values.append(Decimal(token))
    return values


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
