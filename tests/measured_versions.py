"""Versions as trainings and evaluations leave them: rows with counts that a test chooses."""

from typing import Any

from db.models import Adapter, GateState, Job, JobKind, JobStatus, JudgedWinRate
from db.registry import adapters, evaluations, gates, jobs
from db.storage.session import Session

TASK = "generated"


def job(session: Session, kind: JobKind, name: str, status: JobStatus = JobStatus.DONE) -> Job:
    row = jobs.enqueue(session, kind, {"settings": {}}, name)
    row.status = status
    session.flush()
    return row


def trained(
    session: Session,
    *,
    kind: JobKind = JobKind.DPO,
    parent: Adapter | None = None,
    n_examples: int = 40,
    base_model: str = "scripted",
    path: str = "nowhere",
) -> Adapter:
    """A finished version, named after its job."""
    made_by = job(session, kind, f"train {len(adapters.names(session))}")
    frozen = adapters.save_snapshot(
        session, job_id=made_by.id, sha256=f"{made_by.id:064d}", path="", manifest={},
        highest_vote_id=n_examples, n_rows=n_examples,
    )  # fmt: skip
    return adapters.register(
        session, name=f"{kind.value}-{made_by.id:06d}", parent_id=parent.id if parent else None,
        job_id=made_by.id, snapshot_id=frozen.id, base_model=base_model, path=path,
        sha256="0" * 64, metrics={},
    )  # fmt: skip


def measured(
    session: Session,
    correct: dict[Adapter | None, list[int]],
    *,
    n: int = 100,
    task: str = TASK,
    seeds: int = 1,
    status: JobStatus = JobStatus.DONE,
    tokens: float = 20.0,
    control: str = "refine",
) -> Job:
    """An evaluation: right answers by round of each version (None is the base model), each seed."""
    count = len(evaluations.listing(session))
    by = job(session, JobKind.EVALUATE, f"evaluate {count} {status}", status)
    for version, rounds in correct.items():
        for seed in range(seeds):
            for index, n_correct in enumerate(rounds):
                before = rounds[index - 1] if index else n_correct
                evaluations.add_once(
                    session, adapter_id=version.id if version else None, task=task,
                    round_index=index, setting=f"greedy, seed {seed}, {control}, job {by.id}", n=n,
                    n_correct=n_correct, job_id=by.id, control=control, thought_tokens=tokens,
                    thought_tokens_sd=5.0, response_tokens=10.0, response_tokens_sd=2.0,
                    n_fixed=max(n_correct - before, 0) if index else None,
                    n_broken=max(before - n_correct, 0) if index else None,
                )  # fmt: skip
    return by


def compared(by: Job, version: Adapter, low: float, value: float, high: float) -> None:
    """What the evaluation found of a version against the base model, on the same problems."""
    row = {"version": version.name, "against": "base", "round": 3, "n": 100, "fixed": 9,
           "broken": 2, "difference": value, "low": low, "high": high}  # fmt: skip
    by.result = {**by.result, "differences": [*by.result.get("differences", []), row]}


def judged(
    session: Session, by: Job, version: Adapter, low: float, value: float, high: float,
    against: Adapter | None = None,
) -> None:  # fmt: skip
    """The judge's win rate of a version's last round."""
    row = JudgedWinRate(
        adapter_id=version.id, against_id=against.id if against else None, round_index=2,
        against_round_index=2, task=TASK, judge="verifier", n=100, value=value, low=low, high=high,
    )  # fmt: skip
    evaluations.save_win_rates(session, by.id, [row])


def waits(session: Session, version: Adapter, verdict: str, **result: Any) -> None:
    gates.decide(session, version.id, GateState.WAITS, verdict, result)
