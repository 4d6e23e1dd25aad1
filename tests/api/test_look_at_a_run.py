"""A look at a run costs the app one thread: many people look several times a second."""

from typing import Any

import anyio.to_thread
import pytest
from conftest import Browser


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
