"""A TPO iteration that is stopped or killed, at whatever stage, ends as an undisturbed one."""

import hashlib
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from fresh_database import fresh_database
from tpo_world import DiesAtWrite, Killed, StopsAtCheck, TpoJobs, add_sums, tpo_jobs
from training_world import adapter_of

from db.content import samples
from db.models import Score
from db.storage.session import Database
from training.jobs import atomic_write
from training.jobs.claim import Claim, StopRequested

__all__ = ["tpo_jobs"]


@dataclass(frozen=True)
class Outcome:
    """What may not depend on how often a job was interrupted."""

    weights: str
    result: dict[str, Any]
    samples: list[tuple[int, str, int]]
    n_scores: int


def outcome(tpo_jobs: TpoJobs, claim: Claim) -> Outcome:
    made = adapter_of(tpo_jobs.database, claim.job_id)
    content = (Path(made.path) / "adapter_model.safetensors").read_bytes()
    with tpo_jobs.database.read() as session:
        runs = samples.runs_of_job(session, claim.job_id)
        n_scores = session.query(Score).count()
    drawn = [(run.prompt_id, each.raw, each.seed) for run in runs for each in run.rounds]
    found = {name: value for name, value in tpo_jobs.job(claim).result.items() if name != "seconds"}
    return Outcome(hashlib.sha256(content).hexdigest(), found, drawn, n_scores)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, random_model_dir: Path) -> Outcome:
    folder = tmp_path_factory.mktemp("undisturbed")
    database: Database = fresh_database(folder)
    with database.write() as session:
        add_sums(session, 40)
    with pytest.MonkeyPatch.context() as patch:
        tpo_jobs = TpoJobs(database, folder, random_model_dir, patch)
        claim = tpo_jobs.claim()
        tpo_jobs.run(claim)
        found = outcome(tpo_jobs, claim)
    database.dispose()
    return found


def test_killed_again_and_again_it_ends_with_the_very_version(
    tpo_jobs: TpoJobs, undisturbed: Outcome
) -> None:
    """Each process dies in a transaction that is lost, a little later than the one before."""
    claim = tpo_jobs.claim()
    phases = []
    for n_writes in range(3, 40):
        dying = DiesAtWrite(tpo_jobs.database, n_writes)
        try:
            tpo_jobs.run(replace(claim, database=cast(Database, dying)))
            break
        except Killed:
            phases.append(tpo_jobs.job(claim).phase)
    assert {"sampling", "judging", "training"} <= set(phases)
    assert outcome(tpo_jobs, claim) == undisturbed
    assert len([r for r in tpo_jobs.requests if not r.sampling.greedy]) <= 24 + 4 * len(phases) * 6


def test_stopped_again_and_again_it_ends_with_the_very_version(
    tpo_jobs: TpoJobs, undisturbed: Outcome
) -> None:
    claim = tpo_jobs.claim()
    phases = []
    for n_checks in range(10, 4000, 70):
        try:
            tpo_jobs.run(replace(claim, stop=StopsAtCheck(n_checks)))
            break
        except StopRequested:
            phases.append(tpo_jobs.job(claim).phase)
    assert len(set(phases)) >= 2
    assert outcome(tpo_jobs, claim) == undisturbed


def test_killed_before_any_of_its_files_it_ends_with_the_very_version(
    tpo_jobs: TpoJobs, undisturbed: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process dies before a file is written, a little later than the one before."""
    claim = tpo_jobs.claim()
    write = atomic_write.write
    lost: list[str] = []
    left = 0

    def write_or_die(path: Path, content: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            lost.append(path.name)
            raise Killed
        write(path, content)

    monkeypatch.setattr(atomic_write, "write", write_or_die)
    for n_files in range(30):
        left = n_files
        try:
            tpo_jobs.run(claim)
            break
        except Killed:
            continue
    assert {"figures.json", "manifest.json", "selection.json"} < set(lost)
    assert outcome(tpo_jobs, claim) == undisturbed


def test_a_stop_ends_a_slow_generation_at_once(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = lambda request: "<T> " + "on and " * 400
    claim = tpo_jobs.claim(max_tokens=800)
    tpo_jobs.slow_down(word_s=0.02)
    threading.Timer(0.5, claim.stop.set).start()
    began = time.monotonic()

    with pytest.raises(StopRequested):
        tpo_jobs.run(claim)

    assert time.monotonic() - began < 1.5


def test_a_stop_does_not_wait_for_a_slow_judge(
    tpo_jobs: TpoJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()

    class Slow:
        name = "slow"

        def score(self, *_: object) -> list[float]:
            never.wait(20)
            return []

        def compare(self, *_: object) -> None: ...

    monkeypatch.setattr("training.recipes.tpo.open_judge", lambda settings: Slow())
    claim = tpo_jobs.claim()
    threading.Timer(0.8, claim.stop.set).start()
    began = time.monotonic()

    with pytest.raises(StopRequested):
        tpo_jobs.run(claim)

    assert tpo_jobs.job(claim).phase == "judging"
    assert time.monotonic() - began < 2
    never.set()
