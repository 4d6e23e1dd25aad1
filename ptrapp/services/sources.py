"""Restricts what a job started from a page may read: never a file of the server's machine."""

import re
from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import InputError

READS = ("queries", "prompts", "tasks", "exclude", "embedding_model")
"""Settings of recipes that name something to be read."""
_OWN = re.compile(r"generated|held_out|stored|")
_HUB = re.compile(r"(hf:)?[A-Za-z0-9][\w-]*(/[A-Za-z0-9][\w.-]*)?(:[\w.-]+){0,2}")


def check(settings: Mapping[str, Any]) -> None:
    """Raises `InputError` for a setting that would open a file.

    Whoever reaches the page could read it. The command line may: its user can read the file anyway.
    """
    for name in READS:
        given = settings.get(name, [])
        for value in given if isinstance(given, list) else [given]:
            text = str(value)
            hub = name == "embedding_model" or text.startswith("hf:")
            if not _OWN.fullmatch(text) and not (hub and _HUB.fullmatch(text)):
                raise InputError(
                    f"{name} {text!r} would be read on the server. From a page it is generated, "
                    "stored, held_out or a data set of the hub (hf:NAME); files are for the "
                    "command line: python -m ptrapp --help."
                )
