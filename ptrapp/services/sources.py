"""Restricts what a job started from a page may name: never a file of the server's machine.

Whoever reaches the page could read it, or have it sent somewhere. On the command line paths are
allowed, because its user can read the files anyway.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ptrapp.core.errors import InputError
from ptrapp.core.names import is_path, is_repository
from ptrapp.core.settings import Settings
from ptrapp.judges import names as judges
from ptrapp.tasks.families import GENERATED
from ptrapp.tasks.fitting import AUTO
from ptrapp.tasks.hub import PREFIX as HUB
from ptrapp.tasks.ifeval import PREFIX as IFEVAL
from ptrapp.tasks.instructions import INSTRUCTIONS, SETS

_SOURCES: Mapping[str, tuple[str, ...]] = {
    "queries": (AUTO, GENERATED, INSTRUCTIONS),
    "prompts": (AUTO, GENERATED, INSTRUCTIONS, "stored"),
    "tasks": (AUTO, GENERATED, "held_out", *SETS),
    "exclude": (),
}
"""What each setting that names questions calls those that need no file."""
_JUDGES = frozenset({"", judges.VERIFIER, judges.LLM})
DATA = tuple(_SOURCES)
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
        if name in DATA and not _is_data(name, value):
            raise InputError(
                f"{name} {value!r} would be read on the server. From a page it is "
                f"{_in_words(name)}; files are for the command line (thrice --help), or for "
                "whoever starts the app with --allow-source."
            )
        if name in MODELS and not _is_model(settings, value):
            raise InputError(
                f"{name} {value!r} would be loaded from the server's disk. From a page it is a "
                "model trained here or of the hub (owner/name); folders are for the command line "
                "(thrice --help), or for whoever starts the app with --allow-source."
            )


def from_here(settings: Settings, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a recipe with files by their whole path: a worker runs in a folder of its own.

    Raises `InputError` for questions that are neither a source nor a file in this folder, and
    `ConfigurationError` for a judge of no known kind. A whole path may be one of the machine that
    the worker runs on.
    """
    found = dict(recipe)
    if judge := found.get("judge"):
        judges.check(settings, str(judge))
    for name in (*DATA, *MODELS):
        match found.get(name):
            case str(value) if value:
                found[name] = _whole(name, value)
            case list(values):
                found[name] = [_whole(name, one) if isinstance(one, str) else one for one in values]
    return found


def _whole(name: str, value: str) -> str:
    if name in MODELS:
        is_folder = is_path(value) and Path(value).expanduser().is_dir()
        return str(Path(value).expanduser().resolve()) if is_folder else value
    if value in _SOURCES[name] or value.startswith(HUB):
        return value
    prefix = IFEVAL if name == "tasks" and value.startswith(IFEVAL) else ""
    path = Path(value.removeprefix(prefix)).expanduser()
    if path.is_file():
        return f"{prefix}{path.resolve()}"
    if prefix and not path.is_absolute():
        raise InputError(f"{name} {value!r}: there is no file {str(path)!r} in {Path.cwd()}.")
    if not path.is_absolute():
        raise InputError(
            f"{name} {value!r} is no file in {Path.cwd()} and none of these: {_in_words(name)}."
        )
    return value


def _in_words(name: str) -> str:
    """Returns what a setting that names questions may be besides a file."""
    return " or ".join(filter(None, (", ".join(_SOURCES[name]), "a data set of the hub (hf:NAME)")))


def _named(recipe: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in (*DATA, *MODELS):
        given = recipe.get(name)
        for value in given if isinstance(given, list) else [given]:
            if value is not None:
                yield name, str(value)


def _is_data(name: str, value: str) -> bool:
    if not value or value in _SOURCES[name]:
        return True
    repository, *rest = value.removeprefix(HUB).split(":")
    parts = all(part and not is_path(part) and "/" not in part for part in rest)
    return value.startswith(HUB) and is_repository(repository) and len(rest) <= 2 and parts


def _is_model(settings: Settings, value: str) -> bool:
    if value in _JUDGES or value in {path.name for path in settings.judges_dir.glob("*")}:
        return True
    return is_repository(value) and "/" in value and not is_path(value)
