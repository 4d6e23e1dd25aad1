"""The command `thrice`, also `python -m ptrapp`: starts the app, or runs one of the commands."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

from ptrapp.core.version import VERSION

BEFORE_A_COMMAND = frozenset(
    f"--{name}"
    for name in (
        "data-dir",
        "database-url",
        "model",
        "engine",
        "base-url",
        "judge",
        "device",
        "backup-dir",
    )
)
"""The options of `ptrapp.cli.commands.process`, by which a command is found without loading all."""


def main() -> None:
    """Runs the command that the arguments name; without one, starts the app with them as flags."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not where a test or a notebook took its place
            stream.reconfigure(errors="backslashreplace")  # a code page may lack what a model wrote
    arguments = sys.argv[1:]
    gc.disable()  # what is imported stays: looking through it for garbage is a fifth of the time
    if names_a_command(arguments):
        from ptrapp.cli import commands  # the app needs none of them

        gc.enable()
        commands.main()
        return
    if "--version" in arguments:
        print(f"thrice {VERSION}")  # noqa: T201
        return
    if {"-h", "--help"} & set(arguments):
        from typer.main import get_group

        from ptrapp.cli import commands

        names = ", ".join(sorted(get_group(commands.app).commands))
        print(f"commands, each with --help of its own: {names}\n")  # noqa: T201
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing runs yet: Ctrl-C ends it in silence
    from ptrapp import app  # Gradio takes seconds to import, and a command needs none of it

    sys.exit(app.main(arguments))


def program() -> None:
    """Runs `main`, and ends the app's process at once when every part of it is closed.

    What is left would only be freed, which takes the interpreter seconds with a model in it.
    """
    try:
        main()
    except SystemExit as ended:
        if names_a_command(sys.argv[1:]) or not isinstance(ended.code, int | None):
            raise
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody may read any more
                stream.flush()
        os._exit(ended.code or 0)


def names_a_command(arguments: Sequence[str]) -> bool:
    """Returns whether a word follows the options that may precede a command.

    >>> names_a_command(["--data-dir", "jobs", "jobs"]), names_a_command(["--data-dir", "jobs"])
    (True, False)
    """
    rest = list(arguments)
    while rest and rest[0].partition("=")[0] in BEFORE_A_COMMAND:
        rest = rest[1 if "=" in rest[0] else 2 :]
    return bool(rest) and not rest[0].startswith("-")


if __name__ == "__main__":
    program()
