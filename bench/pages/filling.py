"""Adds to a grown database what its app has trained: versions, what was measured of them, a pin."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import insert, update

from bench.growth.size import N_SIBLINGS, Size
from bench.growth.texts import Row
from bench.labels.filling import text as words
from db.models import (
    Adapter,
    AdapterStatus,
    Base,
    Evaluation,
    Gate,
    GateState,
    Job,
    JobKind,
    JobStatus,
    Pin,
    Round,
    Run,
    RunMode,
    RunState,
    Snapshot,
)
from db.storage.session import Database, Session
from ptrapp.core.settings import BUNDLED_MODEL

TASK = "generated"
N_ROUNDS = 3
JOB = 1
"""Id of a job that trained a version."""
_N_PROBLEMS = 200
_PIN = 1
_PINNED_PROMPT = 1
_EVERY = 10
"""Of so many prompts one has an answer of a version beside one of the base model."""
_START = datetime(2026, 2, 1, tzinfo=UTC)


def add_versions(database: Database, size: Size, n: int) -> None:
    """Stores `n` versions, each trained by one of the jobs and measured by one of the others.

    Each has answered the one pinned prompt.
    """
    if n >= size.jobs:
        raise SystemExit(f"{n} versions need more than {n} jobs; the database has {size.jobs}.")
    random = Random(0)
    with database.write() as session:
        _finish(session, size, n)
        _insert(session, Snapshot, (_snapshot(number) for number in range(1, n + 1)))
        _insert(session, Adapter, (_adapter(number) for number in range(1, n + 1)))
        _insert(session, Evaluation, _evaluations(size, n, random))
        _insert(session, Gate, (_gate(size, n, number) for number in range(1, n + 1)))
        for number in range(1, n + 1):
            prompts = range(number * _EVERY, size.prompts, n * _EVERY)
            rounds = [(prompt - 1) * N_SIBLINGS + 1 for prompt in prompts]
            session.execute(update(Round).where(Round.id.in_(rounds)).values(adapter_id=number))
        settings = {"n": N_ROUNDS, "thinking": "always"}
        _insert(session, Pin, [{"id": _PIN, "prompt_id": _PINNED_PROMPT, "settings": settings}])
        for version in (None, *range(1, n + 1)):
            session.add(_answer(version, settings, random))


def _insert(session: Session, table: type[Base], rows: Iterable[Row]) -> None:
    session.execute(insert(table), list(rows))


def _finish(session: Session, size: Size, n: int) -> None:
    """Has the first `n` jobs have trained a version, and the others have measured them."""
    ended = {
        "status": JobStatus.DONE,
        "error": None,
        "started_at": _START,
        "finished_at": _START + timedelta(minutes=7),
    }
    session.execute(update(Job).where(Job.id <= n).values(ended))
    measuring = {"kind": JobKind.EVALUATE, "payload": {"settings": {}}}
    session.execute(update(Job).where(Job.id > n, Job.id <= size.jobs).values(measuring | ended))


def _measured_by(size: Size, n: int, number: int) -> int:
    return n + 1 + number % (size.jobs - n)


def _snapshot(number: int) -> Row:
    return {
        "id": number,
        "job_id": number,
        "sha256": f"{number:064x}",
        "path": "",
        "highest_vote_id": 500 * number,
        "n_rows": 500,
        "manifest": {},
    }


def _adapter(number: int) -> Row:
    return {
        "id": number,
        "name": f"dpo-{number:06d}",
        "parent_id": number - 1 or None,
        "job_id": number,
        "snapshot_id": number,
        "base_model": str(BUNDLED_MODEL),
        "path": f"adapters/dpo-{number:06d}",
        "sha256": f"{number:064x}",
        "status": AdapterStatus.RETIRED,
        "created_at": _START + timedelta(hours=number),
        "activated_at": _START + timedelta(hours=number, minutes=20),
    }


def _evaluations(size: Size, n: int, random: Random) -> Iterable[Row]:
    for number in range(n + 1):  # 0 is the base model
        right = 110
        for index in range(N_ROUNDS):
            fixed, broken = random.randint(5, 25), random.randint(0, 10)
            right += fixed - broken if index else number // 10
            by = _measured_by(size, n, number)
            yield {
                "adapter_id": number or None,
                "job_id": by,
                "task": TASK,
                "round_index": index,
                "setting": f"greedy, refine, job {by}, version {number}",
                "control": "refine",
                "n": _N_PROBLEMS,
                "n_correct": right,
                "thought_tokens": 30.0 + number / 10,
                "response_tokens": 20.0,
                "thought_tokens_sd": 6.0,
                "response_tokens_sd": 4.0,
                "n_fixed": fixed if index else None,
                "n_broken": broken if index else None,
            }


def _gate(size: Size, n: int, number: int) -> Row:
    return {
        "adapter_id": number,
        "against_id": number - 1 or None,
        "job_id": _measured_by(size, n, number),
        "state": GateState.PASSED,
        "verdict": "not worse than its parent: +1.0 points, 95 % −0.5 to +2.5, n = 200",
        "result": {},
        "decided_at": _START + timedelta(hours=number, minutes=20),
    }


def _answer(version: int | None, settings: Row, random: Random) -> Run:
    """Returns a version's answer to what is pinned, with its rounds."""
    run = Run(
        prompt_id=_PINNED_PROMPT,
        pin_id=_PIN,
        mode=RunMode.REFINE,
        settings=settings | {"model": str(BUNDLED_MODEL)},
        adapter_id=version,
        state=RunState.DONE,
    )
    before: Round | None = None
    for index in range(N_ROUNDS):
        thought, response = words(random, 40), words(random, random.randint(40, 120))
        before = Round(
            run=run,
            prompt_id=_PINNED_PROMPT,
            parent=before,
            adapter_id=version,
            index=index,
            thinking=True,
            thought=thought,
            response=response,
            raw=f"<T> {thought}<R> {response}",
            well_formed=True,
            sampling={},
            seed=0,
            n_thought_tokens=60,
            n_response_tokens=120,
            finish_reason="stop",
        )
    return run
