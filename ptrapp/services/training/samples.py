"""Reads what a TPO job's checkpoints answered to held-out prompts when one of them was selected.

The job stores it beside its log; other kinds of jobs store no samples::

    data/jobs/<job>/selection.json           responses and scores of the parent and of each step
    data/jobs/<job>/selection_prompts.json   ids of the prompts
"""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from db.content import samples
from db.storage.session import Session

N_PROMPTS = 4
"""Prompts that are shown, the first ones; all of them are in the file."""


@dataclass(frozen=True, slots=True)
class CheckpointSamples:
    """Responses of the parent and of each checkpoint to a few held-out prompts."""

    n_prompts: int
    """All that they answered."""
    prompts: tuple[str, ...]
    versions: tuple[str, ...]
    """`parent`, then `step 10` and so on."""
    responses: tuple[tuple[str, ...], ...]
    """By prompt, then by version; empty where a completion was malformed."""
    mean_characters: tuple[tuple[int, float], ...]
    """Step, and the mean length of its responses to all the prompts; the parent is step 0."""


def read_samples(session: Session, folder: Path) -> CheckpointSamples | None:
    """Returns what was stored so far; None where nothing is."""
    ids, measured = _json(folder / "selection_prompts.json"), _json(folder / "selection.json")
    by_version = measured.get("by_version", {}) if isinstance(measured, dict) else {}
    if not ids or not by_version:
        return None
    shown = ids[:N_PROMPTS]
    known = samples.prompts_by_id(session, shown)
    names = sorted(by_version, key=lambda name: int(name) if name.isdigit() else -1)
    return CheckpointSamples(
        n_prompts=len(ids),
        prompts=tuple(known[one].text if one in known else f"prompt {one}" for one in shown),
        versions=tuple(f"step {name}" if name.isdigit() else name for name in names),
        responses=tuple(
            tuple(by_version[name]["responses"][at] for name in names) for at in range(len(shown))
        ),
        mean_characters=tuple(
            (int(name) if name.isdigit() else 0, fmean(map(len, by_version[name]["responses"])))
            for name in names
        ),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
