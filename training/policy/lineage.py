"""Looks up the version a job continues, and refuses to train the same version twice."""

from functools import partial
from typing import Any

from db.models import Adapter, Job
from db.registry import adapters
from ptrapp.artifacts.rows import bring_version
from ptrapp.core.errors import ParentUnusable, TrainingError
from training.jobs.claim import Claim
from training.jobs.patience import patiently


def find_parent(claim: Claim) -> Adapter | None:
    """Returns the version to continue from, None for the base model; its files are here then.

    Raises `ParentUnusable`.
    """
    wanted = claim.payload.parent_adapter_id
    if wanted is None:
        return None
    with claim.database.read() as session:
        parent = session.get(Adapter, wanted)
    if parent is None:
        raise ParentUnusable(f"There is no version with id {wanted}; queue the job again.")
    patiently(claim, partial(bring_version, claim.settings, parent))
    return parent


def refuse_repetition(claim: Claim, parent: Adapter | None, sha256: str) -> None:
    """Raises `TrainingError` when a version of the same parent, data and settings exists."""
    with claim.database.read() as session:
        parent_id = parent.id if parent else None
        existing = adapters.trained_already(session, parent_id, claim.kind, sha256)
        if existing is None:
            return
        job = session.get(Job, existing.job_id)
        settings: dict[str, Any] = job.payload.get("settings", {}) if job else {}
    if settings == claim.payload.settings:
        raise TrainingError(
            f"{existing.name} was trained from the same version on the very same data with the "
            "same settings. Vote on more answers first, or change a setting."
        )
