"""Shows the settings in `--help` as people read them: what a flag takes, not its Python type."""

import re
from argparse import Action, ArgumentParser
from typing import Any

from pydantic_settings import BaseSettings, CliSettingsSource

_TAKES = {"str": "TEXT", "SecretStr": "TEXT", "int": "N", "float": "N", "Path": "FOLDER"}
_OF_EACH = re.compile(r"tuple\[(.*),\.\.\.\]")
_NO_DEFAULT = re.compile(r" \(default: (\(\))?\)$")
_NAME = re.compile(r"\(default: [A-Z]+\)$")


def flags_of(settings: type[BaseSettings], flags: list[str]) -> CliSettingsSource[BaseSettings]:
    """Returns the source that reads settings from flags and shows them in `--help`.

    Raises `SettingsError` for flags that it does not know.
    """
    return CliSettingsSource(settings, cli_parse_args=flags, add_argument_method=_add)


def _add(parser: ArgumentParser, *names: str, **about: Any) -> Action:
    if metavar := about.get("metavar"):
        takes = _OF_EACH.sub(r"\1", metavar)
        named = takes.startswith("{") and takes.isupper()
        about["metavar"] = "NAME" if named else _TAKES.get(takes, takes)
    text = _NO_DEFAULT.sub("", about.get("help") or "")
    about["help"] = _NAME.sub(lambda found: found[0].lower(), text)
    return parser.add_argument(*names, **about)
