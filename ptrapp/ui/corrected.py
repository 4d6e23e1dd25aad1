"""A field that says what is shown is left alone while it says so: more may be typed meanwhile."""

from typing import Any


def corrected(asked: Any, found: Any) -> dict[str, Any]:
    """Returns the value of a field as an argument: nothing unless what was found is another one.

    A page's answer comes later than what was typed since it was asked for; a value that is written
    back would take that away.

    >>> corrected(2, 2), corrected(9, 3)
    ({}, {'value': 3})
    """
    return {} if asked == found else {"value": found}
