"""Two apps on one PostgreSQL with one server of models: what one publishes, keeps or lets go there."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import httpx
import numpy as np
import pytest
from safetensors.numpy import save
from server_double import Double
from sqlalchemy import create_engine, make_url

from bench.labels.app import start_app
from bench.labels.processes import Program
from db.registry import adapters
from db.registry.contents import weights_sha256
from db.registry.stored_paths import to_stored
from db.storage.session import open_database
from ptrapp.core.settings import BUNDLED_MODEL

pytestmark = [pytest.mark.worker, pytest.mark.postgres, pytest.mark.timeout(400)]
POSTGRES = os.environ.get("THRICE_TEST_POSTGRES")
ASKED = {"prompt": "Ada has 2 pens and buys 3. How many?", "n": 1}
T = TypeVar("T")


class Apps(NamedTuple):
    """Two apps, and the server that both ask."""

    one: Program
    other: Program
    server: Double

    def loaded(self, version: str) -> list[str]:
        """The server's names of a version that it has now."""
        return [name for name in self.server.adapters if name.startswith(f"{version}-")]

    def n_loads(self, version: str) -> int:
        return sum(name.startswith(f"{version}-") for name in self.server.loads)


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    if not POSTGRES:
        pytest.skip("no PostgreSQL server: set THRICE_TEST_POSTGRES to its URL")
    url = make_url(POSTGRES).set(database=f"thrice_{uuid4().hex[:12]}")
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
    where = url.render_as_string(hide_password=False)
    database = open_database(where)
    for number in (1, 2):
        add_version(database, tmp_path, f"v{number}", float(number))
    database.dispose()
    server = Double()
    flags = ("--database-url", where, "--engine", "openai", "--base-url", server.url)
    flags += ("--no-auto-activate", "--gate-problems", "0", "--gate-min-examples", "0")
    opened: list[Program] = []
    try:
        opened += [start_app(tmp_path, *flags) for _ in range(2)]
        yield Apps(opened[0], opened[1], server)
    finally:
        for app in opened:
            app.close()
        server.stop()
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
        admin.dispose()


def add_version(database: Any, data_dir: Path, name: str, value: float) -> None:
    """A version as a worker would have trained it."""
    folder = data_dir / "adapters" / name
    folder.mkdir(parents=True)
    weights = save({"lora_A": np.full((2, 3), value, "f4")})
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "adapter_config.json").write_text(json.dumps({"r": 2}), encoding="utf-8")
    with database.write() as session:
        adapters.register(
            session,
            name=name,
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model=str(BUNDLED_MODEL),
            path=to_stored(folder, data_dir),
            sha256=weights_sha256(folder),
            metrics={},
        )


def ask(app: Program, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, f"{app.address}/api/v1{path}", json=body, timeout=60)
    assert not answer.is_error, answer.text
    return answer.json()


def answered(app: Program, run_id: int) -> Any:
    """The board of a run that has ended."""
    return wait(lambda: (now := ask(app, "GET", f"/runs/{run_id}"))["state"] != "running" and now)


def wait(look: Callable[[], T], timeout_s: float = 120) -> T:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError(f"not seen within {timeout_s} s")


def test_two_apps_publish_keep_and_let_go_on_one_server(apps: Apps) -> None:
    for app in apps[:2]:
        wait(lambda app=app: ask(app, "GET", "/health")["serving"] == "base")  # type: ignore[misc]
    ask(apps.one, "POST", "/versions/v1/serve", {"reason": "a test"})
    run_id = ask(apps.other, "POST", "/runs", ASKED)["run_id"]
    board = answered(apps.other, run_id)
    assert (board["state"], board["version"]) == ("done", "v1"), board["message"]
    wait(lambda: apps.n_loads("v1") == 1 and len(apps.loaded("v1")) == 1)

    apps.server.word_s = 0.25  # the other app's run takes longer than any grace
    long = ASKED | {"n": 4}
    run_id = ask(apps.other, "POST", "/runs", long)["run_id"]
    ask(apps.one, "POST", "/versions/v2/serve", {"reason": "a test"})
    wait(lambda: ask(apps.other, "GET", "/health")["serving"] == "v2")
    began = time.monotonic()
    while True:
        loaded = apps.loaded("v1")  # before the state: a run may end between the two looks
        if ask(apps.other, "GET", f"/runs/{run_id}")["state"] != "running":
            break
        assert loaded, "a run of the other app asks it"
        if time.monotonic() - began > 8:
            apps.server.word_s = 0.002
        time.sleep(0.1)
    assert time.monotonic() - began > 4, "the run outlived the grace"
    board = answered(apps.other, run_id)
    assert (board["state"], board["version"]) == ("done", "v1"), board["message"]
    wait(lambda: not apps.loaded("v1"))
    assert (apps.n_loads("v1"), apps.n_loads("v2")) == (1, 1)

    apps.one.kill()
    run_id = ask(apps.other, "POST", "/runs", ASKED)["run_id"]
    board = answered(apps.other, run_id)
    assert (board["state"], board["version"]) == ("done", "v2"), board["message"]
    assert apps.n_loads("v2") == 1
    ask(apps.other, "POST", "/versions/v1/serve", {"reason": "back"})
    wait(lambda: apps.loaded("v1") and not apps.loaded("v2"))
