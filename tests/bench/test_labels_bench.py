"""The labelling benchmark on small sizes: it runs end to end, and counts the flaws it is given."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from bench.labels.client import ClientLog, annotate
from bench.labels.filling import fill
from bench.labels.measuring import percentiles
from bench.labels.recount import Recount, recount
from bench.labels.servers import Finished, Refused
from db.labelling import answers, assignments, campaigns, raters
from db.labelling.campaigns import NewItem
from db.models import CampaignState, Outcome, RaterKind
from db.storage.session import open_database

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.worker
def test_a_measurement_the_last_slots_and_the_database_are_reported() -> None:
    small = ["--seconds", "2", "--annotators", "2", "--pairs", "300", "--slots", "40"]
    command = [sys.executable, "-m", "bench.labels", *small, "--kills", "0", "--label-studio", ""]
    command += ["--million", "--million-of", "400", "--import-rows", "2500"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    measured, end, million = report["thrice"]["2"], report["end"], report["million"]
    assert measured["votes_per_s"] > 0  # how many is a matter of the machine
    assert measured["n_votes"] == measured["n_acknowledged"] > 0
    assert end["n_votes"] == end["n_slots"] == 40
    assert end["n_finished"] == 2
    for found in (measured, end):
        assert found["errors"] == {}
        assert found["n_lost"] == found["n_over_labelled"] == found["n_given_twice"] == 0
    during = report["import"]
    assert (during["n_new"], during["n_rows"]) == (2500, 2500)
    assert during["alone"]["next_ms"]["p95"] > 0
    assert during["n_votes"] >= during["n_acknowledged"] > 0
    assert during["errors"] == {}
    assert during["n_lost"] == during["n_over_labelled"] == 0
    assert million["n_pairs"] == 400
    assert million["next_of_the_diligent"]["ms"]["p95"] > 0
    assert million["flaws"] == {}


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Path, int, list[str]]:
    """A folder with a campaign of five pairs, each labelled by two people, and their keys."""
    fill(tmp_path, 5)
    database = open_database(f"sqlite:///{tmp_path / 'thrice.db'}")
    with database.write() as session:
        campaign = campaigns.create(session, "small", overlap=2)
        items = [NewItem(2 * place + 1, 2 * place + 2) for place in range(5)]
        campaigns.add_items(session, campaign.id, items, draw=Random(0))
        campaigns.set_state(session, campaign.id, CampaignState.OPEN)
        keys = []
        for name in ("ada", "ben"):
            rater = raters.ensure_rater(session, RaterKind.HUMAN, name)
            given = assignments.reserve(session, campaign.id, rater.id, 5, draw=Random(1)).keys
            for key in given:
                answers.vote(session, key, Outcome.LEFT)
            keys += given
    database.dispose()
    return tmp_path, campaign.id, keys


def test_a_whole_campaign_has_no_flaw(labelled: tuple[Path, int, list[str]]) -> None:
    found = recount(*labelled)
    assert found.n_votes == 10
    assert not found.flaws


def test_a_vote_that_is_not_there_is_lost(labelled: tuple[Path, int, list[str]]) -> None:
    folder, campaign, keys = labelled
    assert recount(folder, campaign, [*keys, "promised"]).flaws == {"n_lost": 1}


@pytest.mark.parametrize(
    ("damage", "flaw"),
    [
        ("UPDATE campaign_items SET overlap = 1, n_taken = 1 WHERE id = 1", "n_over_labelled"),
        ("UPDATE campaign_items SET n_taken = 1 WHERE id = 1", "n_items_miscounted"),
        ("UPDATE campaign_raters SET n_done = 4 WHERE rater_id = 1", "n_raters_miscounted"),
        ("UPDATE campaigns SET n_taken = 9", "n_taken_off"),
        ("UPDATE campaigns SET n_done = 9", "n_done_off"),
        ("UPDATE campaigns SET n_slots = 9", "n_slots_off"),
        (
            "INSERT INTO offers (key, comparison_id, rater_id, flipped, thoughts_seen, dismissed, "
            "shown_at) SELECT 'again', comparison_id, rater_id, flipped, 0, 0, shown_at "
            "FROM offers LIMIT 1",
            "n_twice_to_a_person",
        ),
    ],
)
def test_what_is_wrong_is_counted(
    labelled: tuple[Path, int, list[str]], damage: str, flaw: str
) -> None:
    with closing(sqlite3.connect(labelled[0] / "thrice.db")) as file, file:
        file.execute(damage)
    found: Recount = recount(*labelled)
    assert found.flaws[flaw] == 1


class ScriptedServer:
    """Answers as a list says; a number is a pair, an error is raised."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self._answers = list(answers)

    def next(self) -> str | None:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def vote(self, pair: str) -> str:
        if pair == "refused":
            raise Refused(409, "no")
        if pair == "gone":
            raise ConnectionResetError("gone")
        return f"vote on {pair}"


def annotated(*answers: str | Exception | None) -> ClientLog:
    return annotate(ScriptedServer(*answers), 0, lambda: False)


def test_only_what_was_answered_is_acknowledged() -> None:
    log = annotated("1", None, "refused", "2", Finished())
    assert log.acknowledged == ["vote on 1", "vote on 2"]
    assert log.given == ["0: 1", "0: refused", "0: 2"]
    assert (len(log.next_ms), len(log.vote_ms)) == (3, 2)
    assert log.errors == {"409: no": 1}
    assert (log.n_finished, log.n_cut_off) == (1, 0)


def test_a_vote_without_an_answer_is_not_acknowledged() -> None:
    log = annotated("1", "gone", "2")
    assert log.acknowledged == ["vote on 1"]
    assert (log.n_finished, log.n_cut_off) == (0, 1)


def test_a_log_keeps_everything_on_its_way_to_the_parent() -> None:
    log = annotated("1", "refused", "gone")
    log.add(annotated("refused", Finished()))
    assert log.errors == {"409: no": 2, "ConnectionResetError: gone": 1}
    assert ClientLog(**json.loads(json.dumps(asdict(log)))) == log


def test_percentiles_of_a_hundred_and_one() -> None:
    found = percentiles([float(n) for n in range(101)])
    assert found == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert percentiles([3.0]) == {"p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0}
    assert percentiles([])["p50"] == 0.0
