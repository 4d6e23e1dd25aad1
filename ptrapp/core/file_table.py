"""Says whether something failed because too many files are open, here or on the whole machine."""

import errno
import os

FULL_TABLE = "This server has too many files open at once; try again in a moment."
_FULL = {errno.EMFILE, errno.ENFILE}


def is_out_of_files(error: BaseException) -> bool:
    """Returns whether a full table of open files is the error or stands behind it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def opens_nothing() -> bool:
    """Returns whether the table is full now, where the error itself is not known."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return is_out_of_files(error)
    return False
