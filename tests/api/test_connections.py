"""Half-open requests and too many connections end, and everybody else is served."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from ptrapp.api.connections import bounded

MOST = 10
REST_S = 5
ASKED = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = FastAPI()
    app.get("/")(lambda: "here")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        protocol = bounded(MOST, timeout_s=0.5)
        config = uvicorn.Config(app, log_level="warning", http=protocol, timeout_keep_alive=REST_S)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield int(listener.getsockname()[1])
        server.should_exit = True
        thread.join(30)


def connected(port: int, sent: bytes) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    one.sendall(sent)
    return one


def answered(one: socket.socket) -> bool:
    got = b""
    while not got.endswith(b'"here"') and (more := one.recv(1000)):
        got += more
    return got.startswith(b"HTTP/1.1 200") and got.endswith(b'"here"')


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_half_open_request_is_closed(port: int, sent: bytes) -> None:
    with connected(port, sent) as one:
        with suppress(ConnectionResetError):
            assert one.recv(1) == b""


def test_more_half_open_requests_than_there_may_be_keep_nobody_out(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(5 * MOST):
            stack.enter_context(connected(port, b"GET / HTTP/1.1\r\n"))
            if _ % MOST == 0:
                assert httpx.get(f"http://127.0.0.1:{port}/", timeout=30).json() == "here"


def test_a_connection_that_asks_again_and_again_is_kept(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        for _ in range(20):
            assert client.get("/").status_code == 200


def test_a_connection_that_rests_is_kept_for_longer_than_a_request_may_take(port: int) -> None:
    with connected(port, ASKED) as one:
        assert answered(one)
        time.sleep(1)
        one.sendall(ASKED)
        assert answered(one)


def test_connections_that_rest_make_room_for_new_ones(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(3 * MOST):
            one = stack.enter_context(connected(port, ASKED))
            assert answered(one)
