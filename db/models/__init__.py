"""The tables. Invariants are constraints of the schema, not promises of the code that writes."""

from db.models.base import NAMING, Base, UtcDateTime, enum_column, now
from db.models.campaigns import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignRater,
    CampaignState,
    ItemKind,
)
from db.models.jobs import Job, JobKind, JobMetric, JobStatus, Worker
from db.models.labels import (
    Aspect,
    Comparison,
    Offer,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Reveal,
    Score,
    Vote,
)
from db.models.measures import Evaluation, Gate, GateState, JudgedWinRate
from db.models.prompts import POLICY, WEAK, Partition, Prompt, Round, Run, RunMode, RunState
from db.models.versions import Adapter, AdapterStatus, Snapshot

__all__ = [
    "NAMING",
    "POLICY",
    "WEAK",
    "Adapter",
    "AdapterStatus",
    "Aspect",
    "Assignment",
    "AssignmentState",
    "Base",
    "Campaign",
    "CampaignItem",
    "CampaignRater",
    "CampaignState",
    "Comparison",
    "Evaluation",
    "Gate",
    "GateState",
    "ItemKind",
    "Job",
    "JobKind",
    "JobMetric",
    "JobStatus",
    "JudgedWinRate",
    "Offer",
    "Outcome",
    "Partition",
    "Prompt",
    "Purpose",
    "Rater",
    "RaterKind",
    "Reveal",
    "Round",
    "Run",
    "RunMode",
    "RunState",
    "Score",
    "Snapshot",
    "UtcDateTime",
    "Vote",
    "Worker",
    "enum_column",
    "now",
]
