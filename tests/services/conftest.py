"""The app's context around a scripted engine, and what a person does with it."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fresh_database import migrated_file
from safetensors.numpy import save
from sqlalchemy import event, text
from stored_votes import RowContext

from db.content import rounds
from db.models import Run
from db.storage.session import Database, open_database
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.verifier import Verifier
from ptrapp.services import compare, play
from ptrapp.services.board import Board, read_board
from ptrapp.services.context import AppContext, kept_labels
from ptrapp.services.files import import_process

WAIT_S = 10.0


def answer(request: Request) -> str:
    """A thought that names itself, so that it is found wherever it gets to; of two candidates the
    second one says it in other words."""
    number, seed = len(request.messages) // 2 + 1, request.sampling.seed
    whose = "Our" if number == 1 and seed % 2 else "The"
    return f"<T> secret of round {number} seed {seed}.<R> {whose} answer is {number}."


class World:
    """One context and what a person does with it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.context = self.open()

    def open(
        self, script: Any = answer, *, engine: Any = None, judge: Any = None, **settings: Any
    ) -> AppContext:
        """Start the product anew over the same database, with this script and these settings."""
        self.engine = engine or ScriptedEngine(script)
        settings = {"gate_problems": 0, **settings}  # a worker would measure
        chosen = Settings(data_dir=self.folder, worker=False, **settings)
        self.context = AppContext(chosen, self.database, self.engine, judge or Verifier())
        return self.context

    def begin(self, prompt: str = "What is 1 + 1?", **asked: Any) -> int:
        return play.begin(self.context, play.RunRequest(prompt, **asked), "Ada")

    def play(self, prompt: str = "What is 1 + 1?", **asked: Any) -> Run:
        """A run, written to its end."""
        run_id = self.begin(prompt, **asked)
        return self.end(run_id)

    def end(self, run_id: int) -> Run:
        if live := self.context.live.get(run_id):
            assert live.ended.wait(WAIT_S)
        return self.stored(run_id)

    def stored(self, run_id: int) -> Run:
        with self.database.read() as session:
            run = rounds.load_run(session, run_id)
        assert run is not None
        return run

    def board(self, run_id: int, rater: str = "Ada") -> Board:
        return read_board(self.context, run_id, rater)

    def pair(self, n: int = 2) -> list[int]:
        """Ids of `n` candidates of a prompt nobody asked before."""
        number = len(self.engine.requests)
        run = self.play(f"What is {number} + 1?", mode=play.Mode.SAMPLE, n=max(n, 2))
        return [row.id for row in run.rounds]

    def vote(self, outcome: str = "left", rater: str = "Ada") -> str:
        """A vote on a fresh pair; returns its key."""
        key = compare.open_pair(self.context, rater, *self.pair())
        compare.vote(self.context, rater, key, outcome)
        return key

    def count(self, table: str) -> int:
        with self.database.read() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def fill_disk(self) -> None:
        """From now on the database file may not grow, as on a full disk."""
        with self.database.write() as session:
            pages = session.execute(text("PRAGMA page_count")).scalar_one()
        self._limit(pages)

    def make_room(self) -> None:
        self._limit(1073741823)

    def _limit(self, n_pages: int) -> None:
        """A limit is a connection's own: this one, and any that takes its place, has it."""

        def limit(connection: Any, _: Any = None) -> None:
            connection.execute(f"PRAGMA max_page_count = {n_pages}")

        event.listen(self.database._writer, "connect", limit)
        with self.database.write() as session:
            limit(session.connection().connection.dbapi_connection)


class Gate:
    """Holds the writing of one round back until the test lets it go on."""

    def __init__(self, at_message: int) -> None:
        self._at = at_message
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, request: Request) -> str:
        if len(request.messages) == self._at:
            self.reached.set()
            assert self.open.wait(WAIT_S)
        return answer(request)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    made = World(database, tmp_path / "data")
    yield made
    play.stop_all(made.context)


@pytest.fixture
def gate() -> Gate:
    """Opens before round 2."""
    return Gate(at_message=3)


@pytest.fixture
def adapter_folder(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str, *, broken: bool = False) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "adapter_model.safetensors").write_bytes(save({"lora_A": np.ones((2, 3), "f4")}))
        if not broken:
            (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
        return folder

    return make


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RowContext]:
    """A context over a database file, where the smallest import has a process of its own."""
    monkeypatch.setattr(import_process, "LARGE", 0)
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    shutil.copy(migrated_file(), settings.data_dir / "thrice.db")
    database = open_database(settings.database)
    yield RowContext(settings, database, kept_labels())
    database.dispose()
