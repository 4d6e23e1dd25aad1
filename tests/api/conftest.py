"""The whole application around the scripted engine, and browsers that talk to it."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fresh_database import fresh_database
from safetensors.numpy import save

from db.registry import adapters
from db.registry.contents import weights_sha256
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import play
from ptrapp.services.context import AppContext

ADDRESS = "http://127.0.0.1:7860"
START_S = 30.0


def answer(request: Request) -> str:
    number = len(request.messages) // 2 + 1
    return f"<T> xylophone {number}.<R> The answer is {number}."


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    folder = tmp_path_factory.mktemp("served")
    database = fresh_database(folder)
    with database.write() as session:
        for name in ("v1", "broken"):
            path = folder / name
            path.mkdir()
            (path / "adapter_model.safetensors").write_bytes(save({"lora_A": np.ones(2, "f4")}))
            if name == "v1":
                (path / "adapter_config.json").write_text("{}", encoding="utf-8")
            adapters.register(
                session,
                name=name,
                parent_id=None,
                job_id=None,
                snapshot_id=None,
                base_model="scripted",
                path=str(path),
                sha256=weights_sha256(path),
                metrics={},
            )
    served = AppContext(Settings(data_dir=folder), database, ScriptedEngine(answer))
    yield served
    play.stop_all(served)
    database.dispose()


@pytest.fixture(scope="session")
def application(context: AppContext) -> FastAPI:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ptrapp import app  # Gradio takes seconds to import

    return app.build_app(context)


@pytest.fixture(scope="session")
def page(application: FastAPI) -> Iterator[TestClient]:
    """For page events: Gradio's queue lives in one event loop, which this client keeps running."""
    with TestClient(application, base_url=ADDRESS) as client:
        yield client


@pytest.fixture(scope="session")
def address(context: AppContext) -> Iterator[str]:
    """The application on a port, in a loop of its own."""
    from ptrapp import app  # Gradio takes seconds to import

    served: FastAPI = app.build_app(context)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(served, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + START_S
        while not server.started:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(START_S)


class Browser:
    """Somebody with a cookie."""

    def __init__(self, application: FastAPI, portal: BlockingPortal | None = None) -> None:
        self.client = TestClient(application, base_url=ADDRESS)
        self.client.portal = portal
        self.seen = b""
        """Every byte that came back."""

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, json=json, **more)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        url = path if path.startswith(("/gradio_api", "/config")) else f"/api/v1{path}"
        response = self.client.request(method, url, **more)
        self.seen += response.content + str(response.headers).encode()
        return response

    def play(self, prompt: str = "What is 1 + 1?", **asked: Any) -> list[int]:
        """Ids of the rounds of a run, once they are all written."""
        started = self.post("/runs", {"prompt": prompt} | asked)
        assert started.status_code == 201, started.text
        deadline = time.monotonic() + 10
        while (board := self.get(f"/runs/{started.json()['run_id']}").json())["state"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert board["state"] == "done", board["message"]
        self.run_id = board["run_id"]
        return [cell["round_id"] for cell in board["cells"]]

    def offer(self, left: int, right: int) -> str:
        return str(self.post("/comparisons", {"left": left, "right": right}).json()["key"])


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """One event loop for all visitors, as in a server; a client by itself starts one a request."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def visitor(application: FastAPI, portal: BlockingPortal) -> Callable[[], Browser]:
    return lambda: Browser(application, portal)


@pytest.fixture
def ada(visitor: Callable[[], Browser]) -> Browser:
    return visitor()
