"""What came of a job, in a few words."""

from dataclasses import dataclass
from typing import Any

from db.models import Adapter, Gate, GateState, Job, JobKind, JobStatus
from db.registry import gates
from db.storage.session import Session
from ptrapp.core.counts import counted
from ptrapp.core.public import in_public

_SHOWN_CHARS = 160


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came of a job: the version it made, with what the gate says of it, or words."""

    version: str
    """The version it made; empty where it made none."""
    state: str
    """What became of that version: answers, waits, measuring, passed, overruled, rejected …"""
    text: str
    """What it found, or why it ended."""


def outcome(job: Job, made: Adapter | None, gate: Gate | None) -> JobOutcome:
    """Returns what came of a job."""
    if made is not None:
        return JobOutcome(
            made.name, _state(made, gate), gate.verdict if gate else made.reason or ""
        )
    if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
        return JobOutcome("", "", "stopping" if job.cancel_requested else job.phase)
    if job.status is not JobStatus.DONE:
        text = in_public(job.error or "").split("\n", 1)
        return JobOutcome("", "", text[-1].strip()[:_SHOWN_CHARS])
    return JobOutcome("", "", _found(job.kind, job.result))


def gates_of(session: Session, made: dict[int, Adapter]) -> dict[int, Gate]:
    """Returns the gate of each job's version, by the job's id."""
    found = gates.of_all(session, [row.id for row in made.values()])
    return {job_id: found[row.id] for job_id, row in made.items() if row.id in found}


_IN_WORDS = {
    GateState.MEASURING: "being measured",
    GateState.OVERRULED: "served all the same",
}


def _state(made: Adapter, gate: Gate | None) -> str:
    if made.status.value in ("active", "rejected", "unavailable"):
        return "answers" if made.status.value == "active" else made.status.value
    if gate is None:
        return made.status.value
    return _IN_WORDS.get(gate.state, gate.state.value)


def _judged(result: dict[str, Any]) -> str:
    """Returns how many comparisons the judge labelled, and why not the others."""
    n, of = result.get("n_judged", 0), counted(result.get("n_comparisons", 0), "comparison")
    reasons = [str(row["reason"]) for row in result.get("unscored", [])]
    said = f"{result.get('judge', 'the judge')} labelled {n or 'none'} of {of}"
    return (f"{said}: {reasons[0]}" if reasons else said)[:_SHOWN_CHARS]


def _found(kind: JobKind, result: dict[str, Any]) -> str:
    match kind:
        case JobKind.EVALUATE:
            rows = [row for row in result.get("table", []) if row.get("setting") == "refine"]
            versions = sorted({row["version"] for row in rows})
            n = max((row["n"] for row in rows), default=0)
            return f"{', '.join(versions)}; n = {n}" if rows else ""
        case JobKind.PTR_DATA:
            return counted(result.get("n_trajectories", 0), "trajectory", "trajectories")
        case JobKind.REWARD_MODEL if result.get("accuracy") is not None:
            return f"agrees in {100 * result['accuracy']:.1f} % of {result['n_held_out']} unseen"
        case JobKind.JUDGE:
            return _judged(result)
        case _:
            plain = {
                name: value for name, value in result.items() if isinstance(value, int | float)
            }
            return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in plain.items())[
                :_SHOWN_CHARS
            ]
