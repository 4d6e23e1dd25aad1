"""The kill points: a handful run end to end, and the ledger finds what it is given."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.faults.ledger import problems
from bench.faults.points import POINTS
from bench.labels.filling import fill
from db.labelling import campaigns, raters
from db.models import RaterKind
from db.storage.session import open_database
from ptrapp.core.settings import Settings
from ptrapp.services.backups.making import make

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.worker
@pytest.mark.timeout(400)
def test_a_handful_of_kills_loses_nothing() -> None:
    """One of each: the app, the worker, the job's process, an import, a backup."""
    command = [sys.executable, "-m", "bench.faults", "--points", str(len(POINTS)), "--each"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=390)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["points"] == dict.fromkeys(POINTS, 1)
    assert report["problems"] == []
    assert report["n_acknowledged"] > 0


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """A stored campaign, as the ledger reads it, and what was acknowledged to people."""
    fill(tmp_path, 3)
    database = open_database(f"sqlite:///{tmp_path / 'thrice.db'}")
    with database.write() as session:
        campaign = campaigns.create(session, "small", overlap=1).id
        raters.ensure_rater(session, RaterKind.HUMAN, "ada")
    yield SimpleNamespace(
        folder=tmp_path,
        url=database.url,
        campaign=campaign,
        annotators=SimpleNamespace(acknowledged=[], errors={}),
        settings=Settings(data_dir=tmp_path),
        database=database,
    )
    database.dispose()


def test_nothing_is_wrong_where_nothing_was_promised(world: Any) -> None:
    assert list(problems(world)) == []


def test_a_vote_that_is_not_stored_is_told(world: Any) -> None:
    world.annotators.acknowledged = ["promised"]
    assert "1 n_lost" in list(problems(world))


def test_a_vote_that_was_acknowledged_twice_is_told(world: Any) -> None:
    world.annotators.acknowledged = ["one", "one"]
    assert any("under a key that had one" in problem for problem in problems(world))


def test_a_refused_vote_is_told(world: Any) -> None:
    world.annotators.errors = {"500: no": 2}
    assert list(problems(world)) == ["a vote was refused: 500: no"]


def test_a_backup_that_is_not_whole_is_told(world: Any) -> None:
    made = make(SimpleNamespace(settings=world.settings, database=world.database))
    (made.folder / "thrice.db").write_bytes(b"half")
    assert any("by its hash" in problem for problem in problems(world))
