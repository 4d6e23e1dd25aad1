"""Parses `--set name=value` to a recipe's settings; the recipe checks names and bounds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ptrapp.core.errors import InputError


def read_values(pairs: Sequence[str]) -> dict[str, Any]:
    """Parses `name=value` texts: numbers, true, false, null and [lists] as JSON, the rest as text.

    Raises `InputError` for one without a name or a value.

    >>> read_values(["epochs=4", "form=ipo", 'versions=["base"]'])
    {'epochs': 4, 'form': 'ipo', 'versions': ['base']}
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise InputError(f"--set {pair} is not understood; say --set name=value.")
        found[name.replace("-", "_")] = _value(value)
    return found


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that were given; the others have the recipe's default."""
    return {name: value for name, value in options.items() if value is not None}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
