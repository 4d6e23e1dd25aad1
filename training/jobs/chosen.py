"""Keeps what a job chose by measuring, so that a resumed job computes the same.

::

    data/jobs/<job>/chosen.json     {"precision": {…}, "memory": {…}}
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.jobs import atomic_write
from training.jobs.ranks import Ranks

FILE = "chosen.json"
"""The file's name in a job's folder."""


def chosen_once(
    folder: Path, ranks: Ranks, name: str, choose: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Returns what `choose` returned, now or before the job was interrupted.

    Every process must call it, and gets what the leader chose.
    """
    known = ranks.broadcast(_read(folder).get(name) if ranks.leads else None)
    if known is None:
        known = ranks.broadcast(choose())
        if ranks.leads:
            everything = _read(folder) | {name: known}
            atomic_write.write(folder / FILE, json.dumps(everything, indent=1).encode())
    return known


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        stored: dict[str, dict[str, Any]] = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return stored
