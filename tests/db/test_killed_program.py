"""A vote that was acknowledged is there after the program was killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.models import Vote
from db.storage.session import open_database

ROOT = Path(__file__).parents[2]
VOTE_AND_SAY_SO = """
import sys, threading
from db.labelling import comparisons
from db.labelling import votes
from db.models import Outcome
from db.storage.session import open_database

url, comparison_id, *rater_ids = sys.argv[1:]
database = open_database(url)

def label(rater_id):
    while True:
        with database.write() as session:
            shown = comparisons.offer(session, rater_id, int(comparison_id), flipped=False)
            votes.cast_vote(session, shown.key, Outcome.LEFT)
        sys.stdout.write(shown.key + "\\n")
        sys.stdout.flush()

for rater_id in rater_ids:
    threading.Thread(target=label, args=(int(rater_id),)).start()
"""


@pytest.mark.parametrize("n_acknowledged", [1, 60])
def test_no_acknowledged_vote_is_lost_by_a_kill(world: Any, n_acknowledged: int) -> None:
    raters = [str(id_) for id_ in (world.ann_id, world.bob_id, world.judge_id)]
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            VOTE_AND_SAY_SO,
            world.database.url,
            str(world.comparison_id),
            *raters,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert program.stdout is not None
    acknowledged = [program.stdout.readline() for _ in range(n_acknowledged)]
    os.kill(program.pid, signal.SIGKILL)
    acknowledged += program.stdout.readlines()
    program.wait()
    keys = {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}
    assert len(keys) >= n_acknowledged

    reopened = open_database(world.database.url)
    with reopened.read() as session:
        assert keys <= set(session.scalars(select(Vote.key)))
    reopened.dispose()
    if world.database.url.startswith("sqlite"):
        with closing(sqlite3.connect(world.database.url.removeprefix("sqlite:///"))) as file:
            assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
