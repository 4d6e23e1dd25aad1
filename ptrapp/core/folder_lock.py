"""Locks a folder for this process by a lock of the operating system, which ends with the process.

A process that is killed leaves the file and no lock, so nothing has to be cleared away by hand.
"""

import errno
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

_HELD_BY_ANOTHER = {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
_FAR_BYTE = 1 << 30
"""The byte that Windows locks: nobody could read the owner's name in one that is locked."""


class Held(Exception):
    """Another process holds the lock; the message says which, as far as it is known."""


@contextmanager
def hold(file: Path, *, shared: bool = False) -> Iterator[None]:
    """Holds the lock of `file`, which is made if it is not there, until the block is left.

    Several processes may hold a `shared` one, which keeps out whoever wants it alone. Raises `Held`
    at once where another process stands in the way, and `OSError` where the file cannot be made. On
    a file system without locks (some network mounts) it only says so in the log.
    """
    with file.open("a+", encoding="utf-8") as opened:
        try:
            _lock(opened.fileno(), shared=shared)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                opened.seek(0)
                raise Held(opened.read(200).strip() or "another process") from error
            log.warning("%s cannot be locked here (%s): never start two", file, error.strerror)
        opened.truncate(0)
        opened.write(f"process {os.getpid()} on {socket.gethostname()}")
        opened.flush()
        yield


def _lock(descriptor: int, *, shared: bool) -> None:
    if sys.platform == "win32":  # there is no shared lock: apps on one server are not kept apart
        if not shared:
            os.lseek(descriptor, _FAR_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        # flock, not lockf: that one is lost when any other part of the program closes the file
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
