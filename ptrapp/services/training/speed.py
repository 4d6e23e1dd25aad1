"""How long a job takes, stage by stage, by the measured speed of earlier ones of its kind.

Learning, sampling, judging and selecting scale with what there is of it; loading and publishing
take what they took before. Only jobs for the same base model that nothing interrupted count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from db.models import Job, JobKind
from db.registry import adapters, job_list, phases
from db.storage.session import Session
from ptrapp.services.training import form
from ptrapp.services.training.stages import Stage, durations

N_EARLIER = 5
"""Latest jobs of a kind that are taken as a measure; the middle one of them counts."""
_STARTS_WITHIN_S = 5.0
"""Seconds between a job's first start and that of its last claim, else it was interrupted."""
_CONTROLS = 3
"""How much more an evaluation with controls has to do."""
_LEAST_SHARE = 0.05
"""An evaluation that took nearly all answers from earlier ones does not tell how long one takes."""


@dataclass(frozen=True, slots=True)
class MeasuredJob:
    """One earlier job: how much it had to do, and how long that took, by stage."""

    job_id: int
    amounts: Mapping[Stage, float]
    seconds: Mapping[Stage, float]


def expected(earlier: Sequence[MeasuredJob], amounts: Mapping[Stage, float]) -> dict[Stage, float]:
    """Returns the seconds each stage is expected to take; empty where nothing was measured.

    >>> one = MeasuredJob(1, {Stage.LEARN: 100}, {Stage.LOAD: 2.0, Stage.LEARN: 50.0})
    >>> expected([one], {Stage.LEARN: 40})
    {<Stage.LOAD: 'load'>: 2.0, <Stage.LEARN: 'learn'>: 20.0}
    """
    found: dict[Stage, float] = {}
    for stage in Stage:
        rates = []
        for one in earlier:
            if stage not in one.seconds:
                continue
            had, has = one.amounts.get(stage), amounts.get(stage)
            scale = has / had if had and has is not None else 1.0
            rates.append(one.seconds[stage] * scale)
        if rates:
            found[stage] = median(rates)
    return found


def was_paused(job: Job, points: Sequence[tuple[str, float]]) -> bool:
    """Returns whether a job that began was interrupted and begun anew, by when its phases began.

    The time between its start and its end is then longer than it worked.
    """
    if not points or job.started_at is None:
        return False
    return points[0][1] - job.started_at.timestamp() > _STARTS_WITHIN_S


def read_earlier(
    session: Session, kind: JobKind, base_model: str, before: int | None = None
) -> list[MeasuredJob]:
    """Returns the latest finished jobs of a kind, as far as they are a measure; newest first."""
    rows = job_list.last_done(session, kind, base_model, limit=N_EARLIER, before=before)
    began = phases.of_jobs(session, [row.id for row in rows])
    found = []
    for row in rows:
        points = began[row.id]
        if not points or row.finished_at is None or was_paused(row, points):
            continue
        spent, _ = durations(kind, points, row.finished_at.timestamp())
        had = amounts(kind, row.payload.get("settings", {}), examples(session, row))
        if (share := row.result.get("share_done", 1.0)) < _LEAST_SHARE:
            continue
        had = {stage: share * amount for stage, amount in had.items()}
        found.append(MeasuredJob(row.id, had, spent))
    return found


def examples(session: Session, job: Job) -> int | None:
    """Returns how many examples a job froze to learn from, or has counted; None is unknown."""
    frozen = adapters.snapshot_of(session, job.id)
    if frozen is not None:
        return frozen.n_rows
    counted = job.result.get("n_pairs")
    return counted if isinstance(counted, int) else None


def amounts(
    kind: JobKind, settings: Mapping[str, Any], n_examples: int | None
) -> dict[Stage, float]:
    """Returns how much there is to do by stage: completions, comparisons, passes over examples.

    Nothing is known of settings that are no numbers; their job will say so itself.
    """
    try:
        return _amounts(kind, settings, n_examples)
    except (TypeError, ValueError):
        return {}


def _amounts(
    kind: JobKind, settings: Mapping[str, Any], n_examples: int | None
) -> dict[Stage, float]:
    def number(key: str) -> float:
        return float(settings.get(key, form.default(kind, key)))

    match kind:
        case JobKind.TPO:
            drawn = number("n_prompts") * number("k")
            learnt = number("n_prompts") * number("epochs")
            return {
                Stage.SAMPLE: drawn,
                Stage.JUDGE: drawn,
                Stage.LEARN: learnt,
                Stage.SELECT: number("n_selection"),
            }
        case JobKind.PTR_DATA:
            asked = number("n_queries")
            return {Stage.SAMPLE: asked * number("rounds"), Stage.JUDGE: asked}
        case JobKind.EVALUATE:
            tasks = settings.get("tasks") or form.default(kind, "tasks")
            versions = {*(settings.get("versions") or ("the one that answers",)), "base"}
            chains = number("n") * len(tasks) * max(number("n_samples"), 1) * len(versions)
            controlled = _CONTROLS if settings.get("controls", True) in (True, "true") else 1
            compared = chains if settings.get("judge") else 0.0
            return {Stage.SAMPLE: chains * number("rounds") * controlled, Stage.JUDGE: compared}
        case JobKind.DPO | JobKind.MASK_SFT | JobKind.REWARD_MODEL if n_examples is not None:
            return {Stage.LEARN: n_examples * number("epochs")}
        case _:
            return {}
