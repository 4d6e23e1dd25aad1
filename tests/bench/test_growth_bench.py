"""The benchmark of a grown database on a small size: it runs end to end on rows that add up."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bench.growth.places import copy_of, name_of
from bench.growth.size import CAMPAIGN, Size
from bench.labels.recount import recount

ROOT = Path(__file__).resolve().parents[2]
SMALL = Size(votes=300, prompts=100, runs=20, jobs=3)


def test_the_counters_of_what_was_filled_equal_a_recount(tmp_path: Path) -> None:
    with copy_of(None, SMALL, tmp_path) as (url, folder):
        counted = recount(folder, CAMPAIGN, ())
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            stored = {
                table: file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("votes", "prompts", "jobs")
            }
    n_changed = 300 // 40  # one of forty changes the one before it, which is offered again
    assert counted.flaws == {"n_twice_to_a_person": n_changed}
    assert counted.n_votes == 300 - n_changed
    assert stored == {"votes": 300, "prompts": 100, "jobs": 3}


def test_a_database_is_filled_once_for_each_size(tmp_path: Path) -> None:
    with copy_of(None, SMALL, tmp_path) as (url, _):
        first = Path(url.removeprefix("sqlite:///"))
        kept = tmp_path / f"{name_of(SMALL)}.db"
        filled_at = kept.stat().st_mtime_ns
    with copy_of(None, SMALL, tmp_path) as (url, _):
        assert Path(url.removeprefix("sqlite:///")) != first
    assert kept.stat().st_mtime_ns == filled_at
    assert name_of(SMALL) != name_of(Size(votes=301, prompts=100, runs=20, jobs=3))
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.worker
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_answers_votes_and_an_export_are_measured(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.growth", "-n", "1", "--kept", str(tmp_path)]
    command += ["--votes", "300", "--prompts", "100", "--runs", "40", "--jobs", "3"]
    command += ["--seconds", "1", "--annotators", "2"]
    command += ["--parts", "pages", "actions", "labels", "export"]
    if kind == "postgresql":
        if not (server := os.environ.get("THRICE_TEST_POSTGRES")):
            pytest.skip("no PostgreSQL server: set THRICE_TEST_POSTGRES to its URL")
        command += ["--database", server]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    assert report["database"] == kind
    assert report["pages"]["GET /training"]["later"]["ms"] > 0
    assert set(report["actions"]) == {"POST /votes", "POST /jobs"}
    assert report["labels"]["n_acknowledged"] > 0
    assert report["labels"]["errors"] == {}
    assert report["export"]["mib"] > 0


@pytest.mark.worker
@pytest.mark.timeout(400)
def test_labelling_is_measured_beside_a_training_and_people_who_play(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.growth", "--kept", str(tmp_path), "--parts", "playing"]
    command += ["--votes", "300", "--prompts", "100", "--runs", "40", "--jobs", "3"]
    command += ["--seconds", "8", "--annotators", "2", "--players", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=390)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])["playing"]
    assert report["n_acknowledged"] > 0
    assert report["n_players"] == 4
    assert (report["errors"], report["players_refused"]) == ({}, {})
