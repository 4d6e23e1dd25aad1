"""Reads a job's log, which its process writes to a file in the job's folder."""

import os
from pathlib import Path

from ptrapp.core.errors import NotFound
from ptrapp.services.context import DataContext

TAIL_BYTES = 6_000


def path_of(context: DataContext, job_id: int) -> Path:
    """Returns the path of a job's log. Raises `NotFound` where there is none."""
    path = context.settings.jobs_dir / str(job_id) / "log.txt"
    if not path.is_file():
        raise NotFound(f"Job {job_id} has no log: it has not begun, or was discarded.")
    return path


def tail(context: DataContext, job_id: int) -> str:
    """Returns the last lines of a job's log; empty where there is none."""
    try:
        with path_of(context, job_id).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL_BYTES, 0))
            text = file.read().decode("utf-8", errors="replace")
    except (NotFound, FileNotFoundError):
        return ""
    return text if size <= TAIL_BYTES else text.partition("\n")[2]
