"""Two apps on one PostgreSQL: each shows, stops, serves and ends what the other began."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url

from db.content import rounds
from db.models import Adapter, AdapterStatus, RunState
from db.registry import adapters
from db.registry.contents import weights_sha256
from db.storage.presence import At
from db.storage.session import open_database
from ptrapp.core.errors import TooMuch
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import other_apps, play, shares, versions
from ptrapp.services.accounts import attempts
from ptrapp.services.board import read_board
from ptrapp.services.context import AppContext

pytestmark = pytest.mark.postgres
POSTGRES = os.environ.get("THRICE_TEST_POSTGRES")
OpenApp = Callable[..., AppContext]
WAIT_S = 10.0


def answer(request: Request) -> str:
    return f"<T> so.<R> The answer is {len(request.messages) // 2 + 1}."


@pytest.fixture
def open_app(tmp_path: Path) -> Iterator[OpenApp]:
    """Opens an app on a database of this test's own and on one data folder."""
    if not POSTGRES:
        pytest.skip("no PostgreSQL server: set THRICE_TEST_POSTGRES to its URL")
    url = make_url(POSTGRES).set(database=f"thrice_{uuid4().hex[:12]}")
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
    opened: list[AppContext] = []

    def open_(script: Any = answer) -> AppContext:
        where = url.render_as_string(hide_password=False)
        settings = Settings(data_dir=tmp_path, worker=False, gate_problems=0, database_url=where)
        opened.append(AppContext(settings, open_database(where), ScriptedEngine(script)))
        return opened[-1]

    yield open_
    for app in opened:
        play.stop_all(app)
        app.database.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
    admin.dispose()


class Halfway:
    """A run of three rounds of which one is stored, and the two apps."""

    def __init__(self, open_app: OpenApp, gate: Any) -> None:
        self.gate = gate
        self.writing, self.other = open_app(self.gate), open_app()
        asked = play.RunRequest("What is 1 + 1?", n=3)
        self.run_id = play.begin(self.writing, asked, "Ada")
        assert self.gate.reached.wait(WAIT_S)
        self.live = self.writing.live[self.run_id]

    def end(self) -> RunState:
        self.gate.open.set()
        assert self.live.ended.wait(WAIT_S)
        return play.load(self.other, self.run_id).state

    def cells(self) -> list[str]:
        return [cell.state for cell in read_board(self.other, self.run_id, "Ada").cells]


@pytest.fixture
def halfway(open_app: OpenApp, gate: Any) -> Iterator[Halfway]:
    made = Halfway(open_app, gate)
    yield made
    made.gate.open.set()


def test_a_board_of_the_other_app_s_run_is_live(halfway: Halfway) -> None:
    board = read_board(halfway.other, halfway.run_id, "Ada")
    assert board.running
    assert halfway.cells() == ["stored", "writing", "waiting"]
    assert board.cells[0].response == "The answer is 1."
    assert halfway.end() is RunState.DONE
    assert halfway.cells() == ["stored"] * 3


def test_a_run_of_several_candidates_is_live_too(open_app: OpenApp) -> None:
    may_write = threading.Event()

    def script(request: Request) -> str:
        assert may_write.wait(WAIT_S)
        return answer(request)

    writing, other = open_app(script), open_app()
    asked = play.RunRequest("What is 1 + 1?", mode=play.Mode.SAMPLE, n=2)
    run_id = play.begin(writing, asked, "Ada")
    board = read_board(other, run_id, "Ada")
    assert [(cell.candidate, cell.state) for cell in board.cells] == [
        (0, "writing"),
        (1, "writing"),
    ]
    may_write.set()


def test_a_start_beside_it_leaves_the_run_alone(halfway: Halfway, open_app: OpenApp) -> None:
    assert other_apps.abandon_runs(open_app()) == 0
    assert halfway.end() is RunState.DONE


def test_what_is_stopped_at_one_app_ends_at_the_other(halfway: Halfway) -> None:
    play.stop(halfway.other, halfway.run_id)
    other_apps.OtherApps(halfway.writing).look()
    assert halfway.end() is RunState.STOPPED
    assert halfway.cells() == ["stored"]


def test_what_a_person_has_running_at_one_app_counts_at_the_other(halfway: Halfway) -> None:
    beside = replace(
        halfway.other, settings=halfway.other.settings.model_copy(update={"runs_per_person": 1})
    )
    with pytest.raises(TooMuch, match="1 of your runs is being written"):
        play.begin(beside, play.RunRequest("What is 2 + 2?", n=1), "Ada")
    play.begin(beside, play.RunRequest("What is 2 + 2?", n=1), "Bea")
    halfway.end()
    play.begin(beside, play.RunRequest("What is 2 + 2?", n=1), "Ada")


def test_the_runs_of_an_app_that_is_gone_are_ended_by_another(halfway: Halfway) -> None:
    watching = other_apps.OtherApps(halfway.other)
    watching.clear()
    assert read_board(halfway.other, halfway.run_id, "Ada").running
    halfway.writing.database.presence.close()  # as the server does for a process that was killed
    until = time.monotonic() + WAIT_S  # the server hears of it a moment later
    while halfway.other.database.presence.elsewhere(At.RUN) and time.monotonic() < until:
        time.sleep(0.01)
    watching.clear()
    board = read_board(halfway.other, halfway.run_id, "Ada")
    assert board.state == "stopped"
    assert "finished before are kept" in (board.message or "")


def test_an_app_ends_no_run_of_its_own_that_has_just_begun(open_app: OpenApp) -> None:
    app = open_app()
    run_id = play.begin(app, play.RunRequest("What is 1 + 1?", n=1), "Ada")
    live = app.live.get(run_id)
    assert live is None or live.ended.wait(WAIT_S)
    with app.database.write() as session:
        rounds.finish_run(session, run_id, RunState.RUNNING)
    assert app.database.presence.take(At.RUN, run_id)
    assert other_apps.abandon_runs(app) == 0
    app.database.presence.give_back(At.RUN, run_id)
    assert other_apps.abandon_runs(app) == 1


def test_a_version_served_at_one_app_answers_at_the_other(
    open_app: OpenApp, adapter_folder: Callable[[str], Path]
) -> None:
    one, other = open_app(), open_app()
    for name in ("dpo-1", "dpo-2"):
        _register(one, name, adapter_folder(name))
        versions.serve(one, name)
        run_id = play.begin(other, play.RunRequest("What is 1 + 1?", n=1), "Ada")
        if live := other.live.get(run_id):
            assert live.ended.wait(WAIT_S)
        run = play.load(other, run_id)
        assert (run.state, run.message) == (RunState.DONE, None)
        assert run.rounds[0].adapter is not None
        assert run.rounds[0].adapter.name == name
        assert other.engine.published() == {name}
    with other.database.read() as session:
        active = adapters.active(session)
    assert active is not None
    assert active.status is AdapterStatus.ACTIVE


def test_one_app_does_the_chores(open_app: OpenApp) -> None:
    one, other = open_app(), open_app()
    assert one.database.presence.take(At.CHORES)
    assert not other.database.presence.take(At.CHORES)
    one.database.presence.close()
    tries = (other.database.presence.take(At.CHORES) for _ in range(500))
    assert any(tries), "the server notices when it reads the closed connection"


def _register(app: AppContext, name: str, folder: Path) -> Adapter:
    with app.database.write() as session:
        return adapters.register(
            session,
            name=name,
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model="scripted",
            path=str(folder),
            sha256=weights_sha256(folder),
            metrics={},
        )


def test_wrong_passwords_and_uploads_count_at_all_apps(open_app: OpenApp) -> None:
    apps = [open_app(), open_app()]
    n_let_through = attempts.PER_NAME_AND_ADDRESS

    def attempt(number: int) -> bool:
        try:
            attempts.begin(apps[number % 2], "Grace", "10.0.0.1")
        except TooMuch:
            return False
        return True

    with ThreadPoolExecutor(8) as several:
        let_through = list(several.map(attempt, range(8 * n_let_through)))
    assert sum(let_through) == n_let_through

    def enter(number: int) -> None:
        app = apps[number % 2]
        attempts.was_right(app, attempts.begin(app, "Ada", f"10.0.1.{number % 2}"))

    with ThreadPoolExecutor(4) as several:  # none waits for another's rows, and none is left
        list(several.map(enter, range(40)))
    attempts.begin(apps[0], "Ada", "10.0.1.0")

    most = apps[0].settings.upload_mib_per_hour * 1024 * 1024
    shares.take_upload(apps[0], "ada", most)
    with pytest.raises(TooMuch):
        shares.take_upload(apps[1], "ada", 1)
    shares.take_upload(apps[1], "bea", most)
