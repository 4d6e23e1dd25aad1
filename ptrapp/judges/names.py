"""What a judge may be called, told without opening one."""

from ptrapp.core.errors import ConfigurationError
from ptrapp.core.names import is_path, is_repository
from ptrapp.core.settings import Settings

VERIFIER, LLM = "verifier", "llm"
PREFIX, RULE = "python:", "rule:"
"""What stands before a function of one's own, and before a ready-made rule."""


def check(settings: Settings, given: str) -> None:
    """Raises `ConfigurationError` for a name that is no judge's, wherever it would be opened.

    A folder may be one of the machine on which the judge is opened, and a hub id is not looked up.
    """
    known = given in (VERIFIER, LLM) or given.startswith((PREFIX, RULE))
    if known or is_path(given) or is_hub_id(given) or given in trained_here(settings):
        return
    raise unknown(settings, given)


def is_hub_id(given: str) -> bool:
    """Returns whether a name is `owner/name`: a judge's is never the name alone."""
    return "/" in given and is_repository(given)


def trained_here(settings: Settings) -> list[str]:
    """Returns the names of the reward models trained here, oldest first."""
    found = settings.judges_dir.glob("*/config.json")
    return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))


def unknown(settings: Settings, given: str) -> ConfigurationError:
    """Returns the error for a name that is no judge's."""
    known = ", ".join(trained_here(settings)) or "none yet"
    return ConfigurationError(
        f"{given!r} names no judge. Choose verifier, llm, python:MODULE:FUNCTION, "
        "rule:NAME:ARGUMENT, a folder (./judge or /path/to/judge), a hub id (owner/name) or a "
        f"reward model trained here ({known}): --judge NAME"
    )
