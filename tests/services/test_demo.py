"""The version that is shipped: registered once, whole, and as good as its recorded run says."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.models import AdapterStatus, GateState, JobKind, JobStatus
from db.registry import adapters, evaluations, gates, jobs
from db.registry.contents import Content, content_of
from db.storage.session import Database, open_database
from ptrapp.core.settings import BUNDLED_MODEL, Settings, load_settings
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Completion, Policy, Sampling
from ptrapp.engines.base import Engine
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.verifier import Verifier
from ptrapp.refinement.loop import refine_many
from ptrapp.refinement.options import RefineOptions
from ptrapp.services import demo, versions
from ptrapp.services.context import AppContext
from ptrapp.services.leaderboard.headline import is_it_better
from ptrapp.services.leaderboard.rows import read_leaderboard


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data", model="bundled")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    settings.make_data_folder()
    opened = open_database(settings.database)
    yield opened
    opened.dispose()


def _context(settings: Settings, database: Database, engine: Engine) -> AppContext:
    return AppContext(settings, database, engine, Verifier())


def test_it_is_registered_once_with_its_files_and_measurements(
    settings: Settings, database: Database
) -> None:
    with closing(LocalEngine(str(BUNDLED_MODEL))) as engine:
        context = _context(settings, database, engine)
        demo.register(context)
        demo.register(context)

        with database.read() as session:
            (row,) = adapters.listing(session)
            assert (row.name, row.status) == (demo.NAME, AdapterStatus.RETIRED)
            assert content_of(row, settings.data_dir)[0] is Content.WHOLE
            shipped = json.loads((demo.FOLDER / demo.EVALUATION).read_text(encoding="utf-8"))
            assert len(evaluations.listing(session)) == len(shipped)
            assert gates.of_all(session, [row.id])[row.id].state is GateState.PASSED
        assert versions.serving(context) == "base"
        versions.serve(context, demo.NAME)
        assert versions.serving(context) == demo.NAME
        better = is_it_better(context, read_leaderboard(context))
        assert better.answer == "demo is better than base:"
        _measure_base_again(database, shipped)
        assert is_it_better(context, read_leaderboard(context)) == better, "on the same problems"
        assert ", 95%, " in demo.recording(context)["measured"]


def _measure_base_again(database: Database, shipped: list[dict[str, Any]]) -> None:
    """As a gate does, on other problems."""
    (last,) = [
        row
        for row in shipped
        if (row["version"], row["control"], row["task"], row["round_index"])
        == ("base", "refine", demo.TASK, 2)
    ]
    again = {name: value for name, value in last.items() if name != "version"}
    with database.write() as session:
        job = jobs.enqueue(session, JobKind.EVALUATE, {}, dedup="of the gate")
        job.status = JobStatus.DONE
        evaluations.add_once(
            session,
            adapter_id=None,
            job_id=job.id,
            setting="greedy, refine",
            **(again | {"n": 200, "n_correct": 190}),
        )


def test_it_answers_as_it_was_recorded() -> None:
    recorded = demo.recorded()
    options = RefineOptions(Thinking.ALWAYS, Sampling(temperature=0.0), Policy(demo.NAME))
    with closing(LocalEngine(str(BUNDLED_MODEL))) as engine:
        engine.publish(demo.NAME, demo.FOLDER)
        (chain,) = refine_many(engine, [recorded["prompt"]], 3, options)

    said = [one.split.response for one in chain if isinstance(one, Completion)]
    assert said == [one["response"] for one in recorded[demo.NAME]]
    assert [one["correct"] for one in recorded[demo.NAME]] == [False, True, True]


def test_another_model_has_no_such_version(settings: Settings, database: Database) -> None:
    context = _context(settings, database, ScriptedEngine(["The answer is 4."]))
    demo.register(context)
    with database.read() as session:
        assert adapters.listing(session) == []
    assert not (settings.adapters_dir / demo.NAME).exists()


@pytest.mark.parametrize("content", [None, b"cut short"])
def test_files_that_went_away_are_put_back(
    settings: Settings, database: Database, content: bytes | None
) -> None:
    folder = settings.adapters_dir / demo.NAME
    folder.mkdir(parents=True)
    if content is not None:
        (folder / demo.WEIGHTS).write_bytes(content)
    with closing(LocalEngine(str(BUNDLED_MODEL))) as engine:
        context = _context(settings, database, engine)
        demo.register(context)
        versions.serve(context, demo.NAME)
        versions.serve(context, "base")
        shutil.rmtree(folder)
        demo.register(context)
        versions.serve(context, demo.NAME)


def test_what_cannot_be_put_in_place_only_warns(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings.adapters_dir.parent.mkdir(parents=True, exist_ok=True)
    settings.adapters_dir.write_text("a file in the folder's place", encoding="utf-8")
    engine = ScriptedEngine(["The answer is 4."])
    engine.model_id = str(BUNDLED_MODEL)
    demo.register(_context(settings, database, engine))
    assert "left out at this start" in caplog.text
    with database.read() as session:
        assert adapters.listing(session) == []
