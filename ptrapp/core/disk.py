"""Says whether something failed because a disk is full, and how much room one has."""

import errno
import shutil
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}
_IN_WORDS = "No space left on device"
"""How libraries that are not Python's own (safetensors) say it."""
NEARLY_FULL_BYTES = 4 << 20


def is_full(error: BaseException) -> bool:
    """Returns whether a full disk, or a quota that is used up, is the error or stands behind it."""
    seen: BaseException | None = error
    while seen is not None:
        if (isinstance(seen, OSError) and seen.errno in _FULL) or _IN_WORDS in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def free_bytes(folder: Path) -> int:
    """Returns the room on the disk of a folder; 0 for a folder that cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def is_nearly_full(folder: Path) -> bool:
    """Returns whether the disk of a folder has hardly any room: PyTorch says nothing of a write
    that failed for want of it."""
    return free_bytes(folder) < NEARLY_FULL_BYTES
