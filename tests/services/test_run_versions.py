"""Several versions answer one prompt, a candidate each, and what serves stays."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from db.models import Run, RunMode
from db.storage.session import open_database
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.settings import BUNDLED_MODEL, load_settings
from ptrapp.core.types import Choice, Sampling
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.judges.verifier import Verifier
from ptrapp.services import compare, demo, play, versions
from ptrapp.services.board import read_board
from ptrapp.services.context import AppContext
from ptrapp.services.play import Mode, RunRequest

PROMPT = "What is the range of 19, 10 and 22?"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    settings = load_settings(data_dir=tmp_path / "data", model="bundled")
    settings.make_data_folder()
    database = open_database(settings.database)
    with closing(LocalEngine(str(BUNDLED_MODEL))) as engine:
        made = AppContext(settings, database, engine, Verifier())
        demo.register(made)
        yield made
    database.dispose()


def _ask(*names: str, n: int | None = None, mode: Mode = Mode.SAMPLE) -> RunRequest:
    n = len(names) if n is None else n
    return RunRequest(PROMPT, mode, n, sampling=Sampling(temperature=0.0), versions=names)


def _finish(context: AppContext, run_id: int) -> None:
    live = context.live.get(run_id)
    assert live is None or live.ended.wait(60)


def test_each_candidate_is_its_version_s_and_what_serves_stays(context: AppContext) -> None:
    run_id = play.begin(context, _ask("demo", "base"), "ada")
    _finish(context, run_id)

    board = read_board(context, run_id, "ada")
    assert board.settings["versions"] == ["base", "demo"]
    assert versions.serving(context) == "base"
    run = play.load(context, run_id)
    ids = [row.adapter_id for row in run.rounds]
    assert sorted(ids, key=str) == sorted(run.settings["adapter_ids"], key=str)
    assert None in ids
    assert len(set(ids)) == 2


@pytest.mark.parametrize("mode", [Mode.REFINE, Mode.SAMPLE])
def test_a_run_of_a_job_is_drawn_as_the_rounds_or_candidates_that_it_is(
    context: AppContext, mode: Mode
) -> None:
    run_id = play.begin(context, _ask(n=2, mode=mode), "ada")
    _finish(context, run_id)
    asked = read_board(context, run_id, "ada")
    with context.database.write() as session:
        session.get_one(Run, run_id).mode = RunMode.JOB
    found = read_board(context, run_id, "ada")
    assert found.mode == mode.value
    assert [cell.flip for cell in found.cells] == [cell.flip for cell in asked.cells]


def test_who_wrote_what_is_told_after_the_vote_alone(context: AppContext) -> None:
    run_id = play.begin(context, _ask("demo", "base"), "ada")
    _finish(context, run_id)
    board = read_board(context, run_id, "ada")
    left, right = (cell.round_id for cell in board.cells)
    assert left is not None
    assert right is not None
    assert [cell.version for cell in board.cells] == ["", ""]
    assert "adapter_ids" not in board.settings

    key = compare.open_pair(context, "ada", left, right)
    assert [cell.version for cell in read_board(context, run_id, "ada").cells] == ["", ""]
    compare.vote(context, "ada", key, Choice.LEFT)

    after = read_board(context, run_id, "ada")
    assert {cell.version for cell in after.cells} == {"demo", "base"}
    assert after.comparisons[0].blind
    assert [cell.version for cell in read_board(context, run_id, "eve").cells] == ["", ""]


def test_a_version_is_unloaded_after_its_last_run_and_asked_again(context: AppContext) -> None:
    for _ in range(2):
        _finish(context, play.begin(context, _ask("demo", "base"), "ada"))
    deadline = time.monotonic() + 30
    while context.engine.published() and time.monotonic() < deadline:
        time.sleep(0.01)  # the run's thread lets go after the run has ended
    assert context.engine.published() == frozenset()


def test_the_version_that_serves_stays_loaded(context: AppContext) -> None:
    versions.serve(context, "demo")
    _finish(context, play.begin(context, _ask("base", "demo"), "ada"))
    assert context.engine.published() == {"demo"}


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (_ask("demo", "nobody"), NotFound, "no version nobody"),
        (_ask("\ud800", "base"), InputError, "what no name has"),
        (_ask("demo", "demo"), InputError, "twice"),
        (_ask("demo", "base", n=3), InputError, "as many candidates as versions"),
        (_ask("demo", "base", mode=Mode.REFINE), InputError, "mode sample"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_leaves_nothing_loaded(
    context: AppContext, ask: RunRequest, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        play.begin(context, ask, "ada")
    assert context.engine.published() == frozenset()
