"""A small world to learn from: prompts, rounds as an engine would have stored them, and votes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from bench.warm.asking import WarmWorker, children_of, template
from db.content import prompts, rounds
from db.content.rounds import NewRound
from db.labelling import comparisons, raters, votes
from db.models import (
    POLICY,
    Adapter,
    Job,
    JobKind,
    JobStatus,
    Outcome,
    Partition,
    RaterKind,
    RunMode,
)
from db.registry import jobs
from db.registry.stored_paths import located
from db.storage.session import Database, Session
from ptrapp.core.thoughts import TINY, split

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


def start_run(
    session: Session, prompt: str, *, partition: Partition = Partition.TRAIN, system: str = ""
) -> int:
    """Store a prompt and a run on it; returns the run's id."""
    row = prompts.ensure_prompt(
        session, prompt, source="test", partition=partition, system=system or None
    )
    return rounds.start_run(session, row.id, RunMode.SAMPLE, {}).id


def add_round(
    session: Session,
    run_id: int,
    raw: str,
    *,
    parent_id: int | None = None,
    index: int = 0,
    candidate: int = 0,
    thinking: bool = True,
    ids: list[int] | None = None,
    finish: str = "stop",
    author: str = POLICY,
    correct: bool | None = None,
) -> int:
    """Store one round of the tiny format; returns its id."""
    parts = split(raw, TINY, thinking)
    new = NewRound(
        index=index,
        parent_id=parent_id,
        candidate=candidate,
        author=author,
        thinking=thinking,
        thought=parts.thought,
        response=parts.response,
        raw=raw,
        completion_ids=ids,
        well_formed=parts.well_formed,
        sampling={},
        seed=0,
        n_thought_tokens=1,
        n_response_tokens=1,
        finish_reason=finish,
        correct=correct,
    )
    return rounds.add_round(session, run_id, new).id


def vote(
    session: Session,
    better: int,
    worse: int,
    outcome: Outcome | None = None,
    *,
    rater: str = "Ada",
) -> int:
    """Let `rater` prefer one round to another (or say `outcome`); returns the vote's id."""
    who = raters.ensure_rater(session, RaterKind.HUMAN, rater)
    comparison = comparisons.ensure_comparison(session, better, worse)
    side = Outcome.LEFT if comparison.left_round_id == better else Outcome.RIGHT
    offer = comparisons.offer(session, who.id, comparison.id, flipped=False)
    return votes.cast_vote(session, offer.key, outcome or side).id


def fill_with_preferences(
    session: Session, n: int, encode: Callable[[str], list[int]], *, first: int = 0
) -> None:
    """Store n prompts of two candidates and a vote each: the one that did the work is preferred."""
    for number in range(first, first + n):
        run = start_run(session, f"Ada has {number} pens and buys {number % 7}. How many now?")
        good = f"<T> {number} + {number % 7} = {number + number % 7}.<R> The answer is {number}."
        bad = f"<T> This looks easy.<R> The answer is {number + 1}."
        left, right = (
            add_round(session, run, raw, candidate=at, ids=encode(raw.removeprefix("<T>")))
            for at, raw in enumerate((good, bad))
        )
        vote(session, left, right)


def fill_with_refinements(session: Session, n: int) -> None:
    """Store n chains of two rounds whose second is right."""
    for number in range(n):
        run = start_run(session, f"What is {number} plus {number}?")
        first = add_round(session, run, "<R> The answer is 1.", thinking=False)
        right = f"<T> {number} + {number}.<R> The answer is {2 * number}."
        add_round(session, run, right, parent_id=first, index=1, correct=True)


def encoder(model: Path) -> Callable[[str], list[int]]:
    """Ids of a completion's text behind its prefill, end of turn included."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)

    def encode(text: str) -> list[int]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [*ids, tokenizer.eos_token_id]

    return encode


def order(
    database: Database,
    kind: JobKind,
    settings: dict[str, Any],
    *,
    parent_id: int | None = None,
    filters: dict[str, Any] | None = None,
) -> int:
    """Queue a job; returns its id."""
    payload = {"parent_adapter_id": parent_id, "settings": settings, "filters": filters or {}}
    with database.write() as session:
        return jobs.enqueue(session, kind, payload, dedup=uuid4().hex).id


def job(database: Database, job_id: int) -> Job:
    with database.read() as session:
        return session.get_one(Job, job_id)


def wait_until(look: Callable[[], T], what: str, timeout_s: float = 120) -> T:
    """Look until something true is seen, and return it."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.03)
    raise AssertionError(f"{what} was not seen within {timeout_s} s")


def finished(database: Database, job_id: int, timeout_s: float = 120) -> Job:
    """Wait for a job to end in any way."""
    return wait_until(
        lambda: (row := job(database, job_id)).status not in OPEN and row, "the end", timeout_s
    )


def adapter_of(database: Database, job_id: int) -> Adapter:
    """The version that a job made, with the whole path of its folder."""
    with database.read() as session:
        made = session.query(Adapter).where(Adapter.job_id == job_id).one()
    made.path = str(located(made.path, Path(database.url.removeprefix("sqlite:///")).parent))
    return made


class Programs:
    """Real worker processes on one data folder; killed at the end if they are still there."""

    def __init__(self, database: Database, data: Path, model: Path, **environment: str) -> None:
        self.data = data
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("THRICE_")
        } | {
            "THRICE_DATA_DIR": str(data),
            "THRICE_DATABASE_URL": database.url,
            "THRICE_MODEL": str(model),
            "THRICE_DEVICE": "cpu",
            "THRICE_LEASE_S": "2",
            "HF_HUB_OFFLINE": "1",
            **environment,
        }
        self._workers: list[WarmWorker] = []
        self._apps: list[subprocess.Popen[bytes]] = []

    def start_worker(self, *flags: str) -> WarmWorker:
        self._workers.append(template().start_worker(flags, self._environment))
        return self._workers[-1]

    def start_app_with_worker(self) -> tuple["subprocess.Popen[bytes]", int]:
        """A program that starts a worker of its own and lives on; its worker's process id."""
        code = (
            "import os, subprocess, sys, time\n"
            "worker = [sys.executable, '-m', 'training.worker']\n"
            "worker += ['--exit-with-parent', str(os.getpid())]\n"
            "print(subprocess.Popen(worker).pid, flush=True)\n"
            "time.sleep(60)"
        )
        app = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=self._environment, stdout=subprocess.PIPE
        )
        self._apps.append(app)
        assert app.stdout is not None
        return app, int(app.stdout.readline())

    def child_of(self, worker: WarmWorker) -> int | None:
        """Process id of the training process, if there is one."""
        found = children_of(worker.pid)
        return found[0] if found else None

    def close(self) -> None:
        for program in (*self._workers, *self._apps):
            if program.poll() is None:
                program.send_signal(signal.SIGTERM)
        for program in (*self._workers, *self._apps):
            try:
                program.wait(5)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
