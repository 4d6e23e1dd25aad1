"""Reads how much memory the control groups of this process still allow: a container's limit."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

UNLIMITED = 1 << 60
"""Limits from here on are none; version 1 writes the largest number of pages."""


def allowed_bytes(root: Path = Path("/sys/fs/cgroup"), process: Path = Path("/proc/self")) -> int:
    """Returns the bytes that may still be taken in every group around this process.

    Pages of files that were not used lately do not count as taken: the kernel drops them first.
    `UNLIMITED` where no group has a limit.
    """
    return min((_left(*each) for each in _groups(root, process)), default=UNLIMITED)


def _groups(root: Path, process: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Yields the group's folder and those around it, with the names that its version has."""
    try:
        lines = (process / "cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        inside = PurePosixPath(path.lstrip("/"))
        for part in (inside, *inside.parents):
            if number == "0":
                yield root / part, "memory.max", "memory.current", "inactive_file"
            elif "memory" in controllers.split(","):
                names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
                yield root / "memory" / part, *names


def _left(folder: Path, limit_file: str, usage_file: str, idle: str) -> int:
    try:
        limit = int((folder / limit_file).read_text(encoding="ascii"))
        usage = int((folder / usage_file).read_text(encoding="ascii"))
        stat = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # no such group in our view, or no limit: "max"
        return UNLIMITED
    if limit >= UNLIMITED:
        return UNLIMITED
    droppable = sum(int(line.split()[1]) for line in stat if line.split()[0] == idle)
    return max(limit - usage + droppable, 0)
