"""What one person has running is bounded, and holds nobody else up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fresh_database import fresh_database

from db.labelling import campaigns
from db.models import Aspect, JobKind
from db.registry import jobs
from ptrapp.core.errors import TooMuch
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import jobs as services_jobs
from ptrapp.services import shares
from ptrapp.services.context import AppContext, LiveRun


@pytest.fixture
def here(tmp_path: Path) -> Any:
    settings = Settings(
        data_dir=tmp_path, runs_per_person=2, tokens_per_person=100, jobs_per_person=2
    )
    context = AppContext(settings, fresh_database(tmp_path), ScriptedEngine(lambda _: "x"))
    yield context
    context.database.dispose()


def test_a_person_has_so_many_runs_and_others_have_theirs(here: AppContext) -> None:
    here.live[1] = LiveRun(1, [], rater="ada", n_tokens=10)
    with shares.run_of(here, "ada", 10):
        with pytest.raises(TooMuch, match="2 of your runs"), shares.run_of(here, "ada", 10):
            pass
        with shares.run_of(here, "bea", 10):
            pass
    del here.live[1]
    with shares.run_of(here, "ada", 10):
        pass
    assert here.starting == []


def test_a_run_that_has_ended_takes_no_place_though_its_end_is_not_stored(
    here: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        here.live[number] = LiveRun(number, [], rater="ada", n_tokens=100)
        here.live[number].ended.set()
    monkeypatch.setattr(shares, "MAX_LIVE_RUNS", 1)
    with shares.run_of(here, "ada", 100):
        with pytest.raises(TooMuch, match="1 runs are in progress"):
            with shares.run_of(here, "bea", 1):
                pass


def test_one_run_may_be_long_and_a_second_beside_it_may_not(here: AppContext) -> None:
    with shares.run_of(here, "ada", 1000):
        with pytest.raises(TooMuch, match="100 tokens"), shares.run_of(here, "ada", 1):
            pass


def test_a_person_has_so_many_jobs_in_the_queue(here: AppContext) -> None:
    with here.database.write() as session:
        for n, by in enumerate(("ada", "bea", "ada")):
            shares.check_jobs(here, session, by)
            jobs.enqueue(session, JobKind.DPO, {"started_by_id": by}, dedup=str(n))
    with here.database.read() as session:
        with pytest.raises(TooMuch, match="2 jobs of yours"):
            shares.check_jobs(here, session, "ada")
        shares.check_jobs(replace(here), session, "bea")


def test_another_name_makes_no_room_and_a_name_that_somebody_had_takes_none(
    here: AppContext,
) -> None:
    def ask(n: int, **who: str) -> int:
        return services_jobs.start(here, JobKind.EVALUATE, {"n": 2 + n}, parent="base", **who)

    ask(1, by="Ada", rater="id-of-ada")
    ask(2, by="Countess", rater="id-of-ada")
    with pytest.raises(TooMuch, match="2 jobs of yours"):
        ask(3, by="Augusta", rater="id-of-ada")
    ask(3, by="Ada", rater="id-of-bea")
    ask(4, by="the gate")
    with here.database.write() as session:
        campaign_id = campaigns.create(session, "one", aspect=Aspect.RESPONSE).id
    with pytest.raises(TooMuch, match="2 jobs of yours"):
        services_jobs.start_judging(here, campaign_id, by="Ada", rater="id-of-ada")
