"""A worker that shares PostgreSQL and the artifact store with the app, and nothing else.

Where this user may, the worker is in a network namespace of its own, reaches the database by a cable
(veth), and finds an empty folder where the app has its data. Elsewhere it has another data folder alone.
"""

import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import URL, create_engine, make_url

from bench.labels.app import create_campaign, invite, start_app
from bench.labels.filling import fill
from bench.labels.processes import clean_environment
from bench.labels.servers import Connection, ThriceServer

pytestmark = [pytest.mark.worker, pytest.mark.postgres, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parents[2]
POSTGRES = os.environ.get("THRICE_TEST_POSTGRES")
T = TypeVar("T")


class Elsewhere(NamedTuple):
    """How a command is run on the other machine, and where that finds this one."""

    prefix: list[str]
    address: str
    is_apart: bool


class Relay(socketserver.BaseRequestHandler):
    """Carries the bytes of one connection from the other machine to the database."""

    database: tuple[str, int]

    def handle(self) -> None:
        with socket.create_connection(self.database) as there:
            back = threading.Thread(target=_carry, args=(there, self.request), daemon=True)
            back.start()
            _carry(self.request, there)
            back.join()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
        other.shutdown(socket.SHUT_WR)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    """Another machine, as far as this user may make one."""
    name = f"th{uuid4().hex[:8]}"
    net = f"10.213.{uuid4().int % 256}"
    steps = (
        f"ip netns add {name}",
        f"ip link add {name}a type veth peer name {name}b netns {name}",
        f"ip addr add {net}.1/24 dev {name}a",
        f"ip link set {name}a up",
        f"ip -n {name} addr add {net}.2/24 dev {name}b",
        f"ip -n {name} link set {name}b up",
        f"ip -n {name} link set lo up",
    )
    hidden = tmp_path / "here"
    hidden.mkdir()
    hide = f'mount -t tmpfs tmpfs {hidden} && exec "$@"'
    apart = ["ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", hide, "sh"]
    try:
        if all(_may(step.split()) for step in steps) and _may([*apart, "true"]):
            yield Elsewhere(apart, f"{net}.1", True)
        else:
            yield Elsewhere([], "127.0.0.1", False)
    finally:
        _may(["ip", "netns", "delete", name])  # takes the cable along


def _may(command: list[str]) -> bool:
    return shutil.which(command[0]) is not None and not subprocess.call(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.fixture
def database() -> Iterator[URL]:
    if not POSTGRES:
        pytest.skip("no PostgreSQL server: set THRICE_TEST_POSTGRES to its URL")
    url = make_url(POSTGRES).set(database=f"thrice_{uuid4().hex[:12]}")
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
    yield url
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def seen_from_there(database: URL, elsewhere: Elsewhere) -> Iterator[URL]:
    """The address of the database on the other machine."""
    at = (database.host or "127.0.0.1", database.port or 5432)
    handler = type("Handler", (Relay,), {"database": at})
    with socketserver.ThreadingTCPServer((elsewhere.address, 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield database.set(host=elsewhere.address, port=server.server_address[1])
        server.shutdown()


def test_votes_here_are_learnt_there_and_the_version_answers_here(
    tmp_path: Path,
    elsewhere: Elsewhere,
    database: URL,
    seen_from_there: URL,
) -> None:
    if not elsewhere.is_apart:
        warnings.warn(
            "no network namespace: the worker has another data folder alone", stacklevel=1
        )
    here, there = tmp_path / "here", tmp_path / "there"
    store = f"file://{tmp_path}/store"
    url = database.render_as_string(hide_password=False)
    fill(here, 30, url=url)
    flags = ("--database-url", url, "--artifacts", store, "--gate-problems", "0")
    app = start_app(here, *flags)
    said = {
        "THRICE_DATABASE_URL": seen_from_there.render_as_string(hide_password=False),
        "THRICE_DATA_DIR": str(there),
        "THRICE_ARTIFACTS": store,
        "THRICE_DEVICE": "cpu",
    }
    log = (tmp_path / "worker.log").open("w+b")
    worker = None
    try:
        campaign = create_campaign(app, "to learn from", 1, 12)
        (headers,) = invite(app, 1, "teacher")
        server = ThriceServer(Connection(app.port, headers), campaign)
        for _ in range(12):
            server.vote(server.next() or "")
        body = {"kind": "dpo", "settings": {"epochs": 1, "eval_share": 0.0}}
        httpx.post(f"{app.address}/api/v1/jobs", json=body, timeout=60).raise_for_status()
        if elsewhere.is_apart:
            asked = f"import socket; socket.create_connection(('127.0.0.1', {app.port}), 2)"
            assert not _may([*elsewhere.prefix, sys.executable, "-c", asked]), "no app over there"
            listed = [*elsewhere.prefix, "ls", "-A", str(here)]
            assert subprocess.check_output(listed) == b"", "nor its files"
        worker = subprocess.Popen(
            [*elsewhere.prefix, sys.executable, "-m", "training.worker"],
            cwd=ROOT,
            env=clean_environment("THRICE_") | said,
            stdout=log,
            stderr=log,
        )
        name = _wait(lambda: (now := _get(app.address, "/health")["serving"]) != "base" and now)
        run = {"prompt": "1 + 1?", "n": 1}
        asked_for = httpx.post(f"{app.address}/api/v1/runs", json=run, timeout=60).json()
        board = _wait(
            lambda: (
                (now := _get(app.address, f"/runs/{asked_for['run_id']}"))["state"] != "running"
                and now
            )
        )
        assert (board["state"], board["message"], board["version"]) == ("done", None, name)
    finally:
        if worker is not None:
            worker.terminate()
            worker.wait(30)
        app.close()
        log.close()
    for file in ("adapter_model.safetensors", "adapter_config.json", "thrice.json"):
        content = (there / "adapters" / name / file).read_bytes()
        assert (here / "adapters" / name / file).read_bytes() == content
    assert not (here / "jobs").exists(), "the job's files are over there"
    assert not (there / "thrice.db").exists()


def _get(address: str, path: str) -> dict[str, str]:
    answer = httpx.get(f"{address}/api/v1{path}", timeout=60)
    assert not answer.is_error, answer.text
    found: dict[str, str] = answer.json()
    return found


def _wait(look: Callable[[], T], timeout_s: float = 240) -> T:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError(f"not seen within {timeout_s} s")
