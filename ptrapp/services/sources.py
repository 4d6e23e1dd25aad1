"""Restricts what a job started from a page may name: never a file of the server's machine.

Whoever reaches the page could read it, or have it sent somewhere. On the command line paths are
allowed, because its user can read the files anyway.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ptrapp.core.errors import InputError
from ptrapp.core.names import is_path, is_repository
from ptrapp.core.settings import Settings
from ptrapp.tasks.families import GENERATED
from ptrapp.tasks.fitting import AUTO
from ptrapp.tasks.instructions import SETS

_STORED = frozenset({"", AUTO, GENERATED, "held_out", "stored", *SETS})
_JUDGES = frozenset({"", "verifier", "llm"})
DATA = ("queries", "prompts", "tasks", "exclude")
"""Settings of recipes that name questions to read."""
MODELS = ("base", "judge", "embedding_model")
"""Settings of recipes that name a model to load."""


def check(settings: Settings, recipe: Mapping[str, Any]) -> None:
    """Raises `InputError` for a setting of a recipe that names something only the operator may.

    A request may name what is stored here, what the hub has, and what the operator listed
    (`--allow-source`).
    """
    for name, value in _named(recipe):
        if value in settings.allow_source:
            continue
        if name in DATA and not _is_data(value):
            raise InputError(
                f"{name} {value!r} would be read on the server. From a page it is auto, generated, "
                f"stored, held_out, {', '.join(SETS)} or a data set of the hub (hf:NAME); files "
                "are for the command line (thrice --help), or for whoever starts the app with "
                "--allow-source."
            )
        if name in MODELS and not _is_model(settings, value):
            raise InputError(
                f"{name} {value!r} would be loaded from the server's disk. From a page it is a "
                "model trained here or of the hub (owner/name); folders are for the command line "
                "(thrice --help), or for whoever starts the app with --allow-source."
            )


def _named(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in (*DATA, *MODELS):
        given = recipe.get(name)
        for value in given if isinstance(given, list) else [given]:
            if value is not None:
                yield name, str(value)


def _is_data(value: str) -> bool:
    if value in _STORED:
        return True
    repository, *rest = value.removeprefix("hf:").split(":")
    parts = all(part and not is_path(part) and "/" not in part for part in rest)
    return value.startswith("hf:") and is_repository(repository) and len(rest) <= 2 and parts


def _is_model(settings: Settings, value: str) -> bool:
    if value in _JUDGES or value in {path.name for path in settings.judges_dir.glob("*")}:
        return True
    return is_repository(value) and "/" in value and not is_path(value)
