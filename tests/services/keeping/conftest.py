"""A double of the hub, and apps that keep their data there."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants
import huggingface_hub.utils._http
import pytest
from fresh_database import fresh_database
from hub_double import GOOD, NAME, Hub, serve
from kept_apps import App, Start

from db.storage.session import open_database
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.backups import making
from ptrapp.services.context import AppContext
from ptrapp.services.keeping import fetching, keeper, lease, repository
from ptrapp.services.keeping.keeper import Keeper
from ptrapp.services.keeping.record import Record
from ptrapp.services.keeping.repository import Repository
from ptrapp.services.kept_state import KeptState


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that answers on loopback; nobody waits between two attempts."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(
        huggingface_hub.utils._http, "time", SimpleNamespace(time=time.time, sleep=lambda _: None)
    )
    monkeypatch.setattr(fetching, "PAUSES_S", ())
    monkeypatch.setattr(lease, "WAIT_S", 0.0)  # an app whose keeper is not started says nothing
    monkeypatch.setattr(lease, "LOOK_S", 0.01)
    monkeypatch.setattr(repository, "disable_progress_bars", lambda: None)  # it is for good
    passed = count(1)

    class Later(datetime):
        """A backup is named by its second, and there are several in one here."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=next(passed))

    for module in (making, keeper):
        monkeypatch.setattr(module, "datetime", Later)
    made = Hub()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def start(hub: Hub, tmp_path: Path) -> Iterator[Start]:
    """Starts an app on a data folder, as far as its data goes."""
    started: list[App] = []

    def run(name: str = "data", *, token: str = GOOD, **settings: Any) -> App:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        chosen = Settings(data_dir=folder, keep_in=NAME, worker=False, **settings)
        kept = Repository(NAME, token, endpoint=hub.url)
        record: Record = fetching.fetch(chosen, kept)
        if (folder / "thrice.db").exists():
            database = open_database(chosen.database)
        else:
            database = fresh_database(folder)
        state = KeptState()
        context = AppContext(chosen, database, ScriptedEngine(lambda _: ""), kept=state)
        started.append(App(context, Keeper(context, state, kept, record)))
        return started[-1]

    yield run
    for app in started:
        app.end()
