"""A look at a run costs the app one thread: many people look several times a second."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio.to_thread
import pytest
from conftest import Browser

from ptrapp.api import routes
from ptrapp.api.routes import LOOKS_AT_ONCE

WAIT_S = 10.0


def test_a_look_at_a_run_is_answered_in_one_thread(
    ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.play("What is 40 + 2?", n=2)
    before = ada.get(f"/runs/{ada.run_id}")
    run_sync, n_threads = anyio.to_thread.run_sync, 0

    async def counted(*given: Any, **named: Any) -> Any:
        nonlocal n_threads
        n_threads += 1
        return await run_sync(*given, **named)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counted)
    again = ada.get(f"/runs/{ada.run_id}")
    assert n_threads == 1, "the values of the answer are not checked in another one"
    assert again.headers["content-type"] == "application/json"
    assert again.json() == before.json()


def test_a_crowd_that_looks_takes_turns_and_others_are_answered_meanwhile(
    visitor: Callable[[], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = visitor()
    ada.play("What is 40 + 3?", n=2)
    read, looking, goes_on = routes.read_board, threading.Semaphore(0), threading.Event()
    lock, n_now, most = threading.Lock(), 0, 0

    def slow(*given: Any) -> Any:
        nonlocal n_now, most
        with lock:
            n_now += 1
            most = max(most, n_now)
        looking.release()
        assert goes_on.wait(WAIT_S)
        with lock:
            n_now -= 1
        return read(*given)

    monkeypatch.setattr(routes, "read_board", slow)
    with ThreadPoolExecutor(60) as pool:
        looks = [pool.submit(ada.get, f"/runs/{ada.run_id}") for _ in range(50)]
        assert looking.acquire(timeout=WAIT_S)
        assert visitor().get("/labelling").status_code == 200, "the threads are not all taken"
        goes_on.set()
        assert {look.result(WAIT_S).status_code for look in looks} == {200}
    assert most == LOOKS_AT_ONCE
