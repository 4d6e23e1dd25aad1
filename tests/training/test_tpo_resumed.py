"""A TPO iteration that is stopped or killed, at whatever stage, ends as an undisturbed one."""

import hashlib
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from fresh_database import fresh_database
from tpo_world import Bench, DiesAtWrite, Killed, StopsAtLook, add_sums, bench
from training_world import adapter_of

from db.content import samples
from db.models import Score
from db.storage.session import Database
from training.jobs import atomic_write
from training.jobs.claim import Claim, StopRequested

__all__ = ["bench"]


@dataclass(frozen=True)
class Outcome:
    """What may not depend on how often a job was interrupted."""

    weights: str
    result: dict[str, Any]
    samples: list[tuple[int, str, int]]
    n_scores: int


def outcome(bench: Bench, claim: Claim) -> Outcome:
    made = adapter_of(bench.database, claim.job_id)
    content = (Path(made.path) / "adapter_model.safetensors").read_bytes()
    with bench.database.read() as session:
        runs = samples.runs_of_job(session, claim.job_id)
        n_scores = session.query(Score).count()
    drawn = [(run.prompt_id, each.raw, each.seed) for run in runs for each in run.rounds]
    found = {name: value for name, value in bench.job(claim).result.items() if name != "seconds"}
    return Outcome(hashlib.sha256(content).hexdigest(), found, drawn, n_scores)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, random_model_dir: Path) -> Outcome:
    folder = tmp_path_factory.mktemp("undisturbed")
    database: Database = fresh_database(folder)
    with database.write() as session:
        add_sums(session, 40)
    with pytest.MonkeyPatch.context() as patch:
        bench = Bench(database, folder, random_model_dir, patch)
        claim = bench.claim()
        bench.run(claim)
        found = outcome(bench, claim)
    database.dispose()
    return found


def test_killed_again_and_again_it_ends_with_the_very_version(
    bench: Bench, undisturbed: Outcome
) -> None:
    """Each life ends in a transaction that is lost, and comes a little further than the last."""
    claim = bench.claim()
    phases = []
    for n_writes in range(3, 40):
        dying = DiesAtWrite(bench.database, n_writes)
        try:
            bench.run(replace(claim, database=cast(Database, dying)))
            break
        except Killed:
            phases.append(bench.job(claim).phase)
    assert {"sampling", "judging", "training"} <= set(phases)
    assert outcome(bench, claim) == undisturbed
    assert len([r for r in bench.requests if not r.sampling.greedy]) <= 24 + 4 * len(phases) * 6


def test_stopped_again_and_again_it_ends_with_the_very_version(
    bench: Bench, undisturbed: Outcome
) -> None:
    claim = bench.claim()
    phases = []
    for n_looks in range(10, 4000, 70):
        try:
            bench.run(replace(claim, stop=StopsAtLook(n_looks)))
            break
        except StopRequested:
            phases.append(bench.job(claim).phase)
    assert len(set(phases)) >= 2
    assert outcome(bench, claim) == undisturbed


def test_killed_before_any_of_its_files_it_ends_with_the_very_version(
    bench: Bench, undisturbed: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each life ends before a file is written, and comes a little further than the last."""
    claim = bench.claim()
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
            bench.run(claim)
            break
        except Killed:
            continue
    assert {"figures.json", "manifest.json", "selection.json"} < set(lost)
    assert outcome(bench, claim) == undisturbed


def test_a_stop_is_heard_while_a_slow_model_writes(bench: Bench) -> None:
    bench.script = lambda request: "<T> " + "on and " * 400
    claim = bench.claim(max_tokens=800)
    bench.slow_down(word_s=0.02)
    threading.Timer(0.5, claim.stop.set).start()
    began = time.monotonic()

    with pytest.raises(StopRequested):
        bench.run(claim)

    assert time.monotonic() - began < 1.5


def test_a_stop_is_heard_while_a_slow_judge_reads(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()

    class Slow:
        name = "slow"

        def score(self, *_: object) -> list[float]:
            never.wait(20)
            return []

        def compare(self, *_: object) -> None: ...

    monkeypatch.setattr("training.recipes.tpo.open_judge", lambda settings: Slow())
    claim = bench.claim()
    threading.Timer(0.8, claim.stop.set).start()
    began = time.monotonic()

    with pytest.raises(StopRequested):
        bench.run(claim)

    assert bench.job(claim).phase == "judging"
    assert time.monotonic() - began < 2
    never.set()
