"""TPO jobs in this process: stored sums with known answers, an engine with scripted thoughts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from training_world import adapter_of

from db.content import prompts
from db.models import Adapter, Job, JobKind
from db.registry import jobs
from db.storage.session import Database, Session
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from training.jobs.claim import Claim
from training.jobs.payload import Filters, Payload
from training.jobs.ranks import Ranks
from training.recipes import tpo

SHORT: dict[str, Any] = {
    "prompts": "stored",
    "n_prompts": 6,
    "k": 4,
    "n_selection": 2,
    "epochs": 2,
    "batch_size": 2,
    "save_steps": 2,
    "rho": 0.0,
}
BEST = "step-4"
"""The checkpoint that answers every held-out prompt rightly."""


class Killed(BaseException):
    """The process is gone: nothing of ours catches it."""


def add_sums(session: Session, n: int, *, first: int = 1) -> None:
    """Stores n prompts with a reference answer."""
    for number in range(first, first + n):
        prompts.ensure_prompt(
            session, f"Add {number} and 1.", source="test", reference_answer=str(number + 1)
        )


def sum_of(request: Request) -> int:
    return int(request.messages[-1].content.split()[1]) + 1


def right(request: Request) -> str:
    return f"<T> count one on from there<R> The answer is {sum_of(request)}."


def wrong(request: Request) -> str:
    return "<T> easy<R> The answer is 0."


def malformed(request: Request) -> str:
    return "<T> I go on and on and"


def by_seed(request: Request) -> str:
    """One sample in three is right; greedily only the best checkpoint is."""
    if request.sampling.greedy:
        good = (request.policy.adapter or "").endswith(BEST)
    else:
        good = request.sampling.seed % 3 == 0
    return right(request) if good else wrong(request)


class TpoJobs:
    """Carries out TPO jobs in this process, with an engine opened from a script."""

    def __init__(self, database: Database, data: Path, model: Path, monkeypatch: Any) -> None:
        self.database = database
        self.script: Callable[[Request], str] = by_seed
        self.engines: list[ScriptedEngine] = []
        self._word_s = 0.0
        self.settings = Settings(data_dir=data, model=str(model), device="cpu")
        monkeypatch.setattr("training.generation.serving.open_engine", self._open)

    @property
    def requests(self) -> list[Request]:
        """Everything that any engine was asked."""
        return [request for engine in self.engines for request in engine.requests]

    def claim(self, parent: Adapter | None = None, **settings: Any) -> Claim:
        """Queues a job and claims it."""
        payload = {"parent_adapter_id": parent.id if parent else None}
        payload |= {"settings": SHORT | settings}
        with self.database.write() as session:
            jobs.enqueue(session, JobKind.TPO, payload, dedup=uuid4().hex)
        return self.claim_next()

    def claim_next(self) -> Claim:
        """Claims the oldest job that waits."""
        with self.database.write() as session:
            job = jobs.claim(session, 600)
        assert job is not None
        assert job.claim_token is not None
        given = job.payload
        payload = Payload(given.get("parent_adapter_id"), given["settings"], Filters())
        return Claim(self.database, self.settings, job.id, job.claim_token, job.kind, payload)

    def slow_down(self, word_s: float) -> None:
        """Makes every word from now on take so many seconds."""
        self._word_s = word_s

    def run(self, claim: Claim) -> str:
        return tpo.run(claim, Ranks.join(cpu=True))

    def done(self, parent: Adapter | None = None, **settings: Any) -> tuple[Job, Adapter]:
        """Does a whole iteration; returns its job and its version."""
        claim = self.claim(parent, **settings)
        self.run(claim)
        return self.job(claim), adapter_of(self.database, claim.job_id)

    def job(self, claim: Claim) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, claim.job_id)

    def _open(self, settings: Settings) -> ScriptedEngine:
        engine = ScriptedEngine(lambda request: self.script(request), word_s=self._word_s)
        engine.model_id = settings.model_path
        self.engines.append(engine)
        return engine


class StopsAtCheck(threading.Event):
    """A stop flag that is set at the n-th check."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._left = n

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


@dataclass
class DiesAtWrite:
    """A database whose process is killed at its n-th transaction, which is not committed."""

    database: Database
    n: int
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.n

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.left -= 1
        with self.database.write() as session:
            yield session
            if self.left < 0:
                raise Killed

    def read(self) -> Any:
        return self.database.read()


@pytest.fixture
def tpo_jobs(
    database: Database,
    tmp_path: Path,
    random_model_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TpoJobs:
    with database.write() as session:
        add_sums(session, 40)
    return TpoJobs(database, tmp_path, random_model_dir, monkeypatch)
