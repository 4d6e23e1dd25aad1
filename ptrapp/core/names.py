"""Says what a name means by its form alone, never by what happens to exist on this machine.

A path begins like one (`/`, `./`, `../`, `~`, a drive) or has a backslash. Everything else names
something stored here, or `owner/name` on the hub, which is asked of the hub alone: a local folder
that happens to be called like it is not opened.
"""

import re

_PATH = re.compile(r"[/~]|\.{1,2}(?:[/\\]|$)|[A-Za-z]:[/\\]|file:|.*\\", re.IGNORECASE | re.DOTALL)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")


def is_path(name: str) -> bool:
    """Returns whether a name is a path of the machine.

    >>> [is_path(name) for name in ("/etc", "./a", "~/a", r"C:\\a", "a/b", "gsm8k")]
    [True, True, True, True, False, False]
    """
    return _PATH.match(name) is not None


def is_repository(name: str) -> bool:
    """Returns whether a name can be one of the hub: `owner/name`, or an old `name` alone."""
    return _REPOSITORY.fullmatch(name) is not None and ".." not in name and "--" not in name
