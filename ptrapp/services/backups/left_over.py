"""Removes what a backup or its test left that was cut off: a killed app cannot do it itself."""

import re
import shutil
from contextlib import suppress
from pathlib import Path
from time import time

from ptrapp.services.backups.folder import STAMPED

TEST = ".thrice-test-"
"""Begins the names of folders in which backups are restored as a test."""
SILENT_S = 2 * 3600.0
"""Seconds without a change after which nobody is writing there any more. No process is asked:
another machine may write to the same folder, and a container's processes have the same numbers
after each start."""
_UNFINISHED = re.compile(rf"\.{STAMPED.pattern}-\d+|{re.escape(TEST)}\w{{8}}")


def sweep(folder: Path) -> list[Path]:
    """Removes unfinished folders of backups; returns those removed."""
    swept = []
    for path in folder.glob(".*"):
        if _UNFINISHED.fullmatch(path.name) and time() - _changed(path) > SILENT_S:
            shutil.rmtree(path, ignore_errors=True)
            swept.append(path)
    return swept


def _changed(folder: Path) -> float:
    """Returns when anything in a folder was made or written last; a hard link is a change."""
    times = [0.0]
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_ctime)
    return max(times)
