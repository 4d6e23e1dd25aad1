"""Says which host names are served, so that no foreign name that leads here reaches the app."""

import socket
from collections.abc import Callable
from ipaddress import ip_address

from ptrapp.core.settings import Settings


def hosts_of(settings: Settings) -> Callable[[str], bool]:
    """Returns whether a host is served: this machine's names and the allowed ones.

    With `--open` addresses in numbers are served too.

    A site that has its own name lead to this server reaches it under that name alone, so an
    address in numbers is the visitor's own doing.
    """
    names = {"localhost", "127.0.0.1", "::1", settings.host}
    names |= {host.lower() for host in settings.allowed_host}
    if settings.open:
        names.add(socket.gethostname().lower())

    def serves(name: str) -> bool:
        return name in names or (settings.open and _is_address(name))

    return serves


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
