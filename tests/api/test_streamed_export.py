"""An export over a real connection: whole, or an error that the client cannot miss."""

import json
import os
import shutil
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import httpx
import psutil
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from fresh_database import migrated_file
from stored_votes import RowContext

from db.storage.session import open_database
from ptrapp.api.data_routes import add_data_routes
from ptrapp.api.errors import answer_errors
from ptrapp.core.settings import Settings
from ptrapp.services.context import kept_labels
from ptrapp.services.files import export_process, exporting, importing
from ptrapp.services.files.exporting import ExportRequest, What

N = 520
"""More than one page of votes, which are read 500 at once."""
ENDLESS = (sys.executable, "-c", "import os\nwhile True: os.write(1, b'x' * 65536)")
WAIT_S = 120.0

Serve = Callable[[float], str]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[RowContext]:
    settings = Settings(data_dir=tmp_path)
    shutil.copy(migrated_file(), tmp_path / "thrice.db")
    database = open_database(settings.database)
    at = RowContext(settings, database, kept_labels())
    rows = (
        {"prompt": f"Row {n}?", "chosen": f"row-{n} " * 300, "rejected": "no"} for n in range(N)
    )
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert importing.import_named(at, str(file)).n_new == N
    yield at
    database.dispose()


@pytest.fixture
def serve(full: RowContext) -> Iterator[Serve]:
    """Serves the routes on a port; takes the seconds after which a client is given up."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def begin(stall_s: float = 30) -> str:
        settings = full.settings.model_copy(update={"request_timeout_s": stall_s})
        router, app = APIRouter(), FastAPI()
        add_data_routes(router, full._replace(settings=settings), admins=())  # type: ignore[arg-type]
        app.include_router(router)
        answer_errors(app)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        wait_until(lambda: server.started)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield begin
    for server, thread in servers:
        server.should_exit = True
        thread.join(WAIT_S)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def test_what_is_streamed_is_the_file_that_the_command_writes(
    full: RowContext, serve: Serve, tmp_path: Path
) -> None:
    out = httpx.get(f"{serve(30)}/export", params={"what": "votes"}, timeout=WAIT_S)
    assert (out.status_code, out.headers["Transfer-Encoding"]) == (200, "chunked")
    written = exporting.write(full, ExportRequest(What.VOTES), tmp_path / "out.jsonl")
    assert out.content == (tmp_path / "out.jsonl").read_bytes()
    assert (written.sha256, written.n_rows) == (sha256(out.content).hexdigest(), N)
    assert [one["sha256"] for one in exporting.snapshots(full)] == [written.sha256]


def test_a_client_sees_that_the_database_failed_in_the_middle(
    full: RowContext, serve: Serve, tmp_path: Path
) -> None:
    address = serve(30)
    full.database.dispose()
    spoil(tmp_path / "thrice.db", b"row-515 row-515")
    begun: list[bytes] = []
    with httpx.stream("GET", f"{address}/export?what=votes", timeout=WAIT_S) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message"):
            begun.extend(answer.iter_bytes())
    assert b"".join(begun).count(b"\n") >= 100
    assert exporting.snapshots(full) == []


def test_the_process_ends_when_the_client_is_gone(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = children()
    monkeypatch.setattr(export_process, "COMMAND", ENDLESS)
    with httpx.stream("GET", f"{serve(30)}/export", timeout=WAIT_S) as answer:
        parts = iter(answer.iter_bytes())
        assert next(parts)
        assert len(children() - others) == 1
    wait_until(lambda: children() <= others)


def test_a_client_that_takes_nothing_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = children()
    monkeypatch.setattr(export_process, "COMMAND", ENDLESS)
    host, port = serve(0.2).removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /export HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        wait_until(lambda: children() <= others)


def test_a_process_that_cannot_begin_is_an_error_in_words(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; print('There is no room.', file=sys.stderr); sys.exit(2)"
    monkeypatch.setattr(export_process, "COMMAND", (sys.executable, "-c", script))
    answer = httpx.get(f"{serve(30)}/export", timeout=WAIT_S)
    assert answer.status_code == 500
    assert "ended before it was whole (status 2): There is no room." in answer.json()["error"]


def test_a_client_that_knows_no_chunks_is_told_the_length(serve: Serve) -> None:
    host, port = serve(30).removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /export?what=votes HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = b""
        while part := client.recv(1 << 20):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}" in head.decode().lower()
    assert f"x-content-sha256: {sha256(body).hexdigest()}" in head.decode().lower()
    assert body.count(b"\n") == N


def spoil(file: Path, text: bytes) -> None:
    """Overwrites the pages of a database that hold a text."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = database.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    at = content.find(text)
    assert at > 0
    while at >= 0:
        start = at // size * size
        content[start : start + size] = b"\xff" * size
        at = content.find(text)
    with file.open("r+b") as whole:
        whole.write(content)
        os.fsync(whole.fileno())
