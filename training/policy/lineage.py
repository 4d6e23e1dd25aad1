"""What came before a job: the version it continues, and what that one has learnt already."""

from typing import Any

from db.models import Adapter, Job
from db.registry import adapters
from ptrapp.core.errors import ParentUnusable, TrainingError
from training.jobs.claim import Claim


def find_parent(claim: Claim) -> Adapter | None:
    """The version to continue from, None for the base model. Raises `ParentUnusable`."""
    wanted = claim.payload.parent_adapter_id
    if wanted is None:
        return None
    with claim.database.read() as session:
        parent = session.get(Adapter, wanted)
    if parent is None:
        raise ParentUnusable(f"There is no version with id {wanted}; queue the job again.")
    return parent


def refuse_repetition(claim: Claim, parent: Adapter | None, sha256: str) -> None:
    """Raise `TrainingError` when there is a version of the same parent, data and settings."""
    with claim.database.read() as session:
        parent_id = parent.id if parent else None
        twin = adapters.trained_already(session, parent_id, claim.kind, sha256)
        if twin is None:
            return
        made_by = session.get(Job, twin.job_id)
        settings: dict[str, Any] = made_by.payload.get("settings", {}) if made_by else {}
    if settings == claim.payload.settings:
        raise TrainingError(
            f"{twin.name} was trained from the same version on the very same data with the same "
            "settings. Vote on more answers first, or change a setting."
        )
