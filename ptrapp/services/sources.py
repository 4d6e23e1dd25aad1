"""Where a job may read questions from when a page asks: never a file of the server's machine."""

import re
from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import InputError

READS = ("queries", "prompts", "tasks", "exclude", "embedding_model")
"""Settings of the recipes that name something to be read."""
_OWN = re.compile(r"generated|held_out|stored|")
_HUB = re.compile(r"(hf:)?[A-Za-z0-9][\w-]*(/[A-Za-z0-9][\w.-]*)?(:[\w.-]+){0,2}")


def check(settings: Mapping[str, Any]) -> None:
    """Raise `InputError` for a setting that would open a file: whoever reaches the page could read
    it. The command line may, as its user can read the file anyway."""
    for name in READS:
        said = settings.get(name, [])
        for value in said if isinstance(said, list) else [said]:
            text = str(value)
            hub = name == "embedding_model" or text.startswith("hf:")
            if not _OWN.fullmatch(text) and not (hub and _HUB.fullmatch(text)):
                raise InputError(
                    f"{name} {text!r} would be read on the server. From a page it is generated, "
                    "stored, held_out or a data set of the hub (hf:NAME); files are for the "
                    "command line: python -m ptrapp --help."
                )
