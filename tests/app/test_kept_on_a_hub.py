"""A Space sleeps and wakes: the program itself, ended by a signal, its disk wiped, started again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_double import GOOD, NAME, Hub, serve

ROOT = Path(__file__).resolve().parents[2]
START_S = 240


class Space:
    """`python app.py` with the secrets of a Space, on a disk that is wiped."""

    def __init__(self, folder: Path, hub: Hub, token: str = GOOD) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.log = folder.with_suffix(f".{port}").open("w+b")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("THRICE_")}
        environment |= {"THRICE_KEEP_IN": NAME, "HF_TOKEN": token, "HF_ENDPOINT": hub.url}
        environment |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--threads", "1",
             "--data-dir", str(folder), "--no-worker", "--gate-problems", "0"],
            env=environment, stdout=self.log, stderr=self.log, cwd=folder.parent,
        )  # fmt: skip
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30)

    def wait_until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def health(self) -> dict[str, Any]:
        said: dict[str, Any] = self.api.get("/health").json()
        return said

    def said(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text(encoding="utf-8")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.api.close()
        self.log.close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def wake(hub: Hub, tmp_path: Path) -> Iterator[Callable[..., Space]]:
    woken: list[Space] = []

    def run(disk: str = "data", **options: Any) -> Space:
        woken.append(Space(tmp_path / disk, hub, **options))
        return woken[-1]

    yield run
    for space in woken:
        space.close()


@pytest.mark.worker
@pytest.mark.timeout(600)
def test_what_was_acknowledged_before_it_fell_asleep_is_there_when_it_wakes(
    hub: Hub, wake: Callable[..., Space], tmp_path: Path
) -> None:
    first = wake()
    first.wait_until(lambda: first.health().get("kept"))  # the first copy is made at once
    first.wait_until(lambda: first.health()["serving"] == "base")
    run = first.api.post("/runs", json={"prompt": "Ada has 2 pens and buys 3. How many?", "n": 1})
    assert run.status_code == 201, run.text
    run_id = run.json()["run_id"]
    assert hub.head.files["thrice.db"].find(b"Ada has 2 pens") < 0, "no copy is due for minutes"
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(40) == 0, first.said()
    assert b"Ada has 2 pens" in hub.head.files["thrice.db"], first.said()

    shutil.rmtree(tmp_path / "data")
    second = wake()
    second.wait_until(lambda: second.health().get("kept"))
    assert "2 pens" in second.api.get(f"/runs/{run_id}").text
    assert "Traceback" not in first.said() + second.said()


@pytest.mark.worker
@pytest.mark.timeout(600)
def test_while_a_space_is_updated_the_newer_app_is_handed_the_data(
    hub: Hub, wake: Callable[..., Space]
) -> None:
    old = wake()
    old.wait_until(lambda: old.health().get("kept"))
    old.wait_until(lambda: old.health()["serving"] == "base")
    asked = {"prompt": "Ada has 2 pens and buys 3. How many?", "n": 1}
    run_id = old.api.post("/runs", json=asked).json()["run_id"]
    new = wake("updated")
    new.wait_until(lambda: new.health().get("kept"))
    assert "2 pens" in new.api.get(f"/runs/{run_id}").text
    refused = old.api.post("/runs", json=asked)
    assert refused.status_code == 503
    assert "A newer app goes on with the data of this one" in refused.json()["error"]
    assert "2 pens" in old.api.get(f"/runs/{run_id}").text, "it can be read"
    old.process.send_signal(signal.SIGTERM)
    assert old.process.wait(40) == 0, old.said()
    assert hub.branches.keys() == {"main"}
    assert "Traceback" not in old.said() + new.said()


@pytest.mark.worker
def test_a_token_that_the_hub_does_not_take_ends_the_start_in_words(
    hub: Hub, wake: Callable[..., Space], tmp_path: Path
) -> None:
    space = wake(token="hf_wrong")
    assert space.process.wait(START_S) == 2
    assert "Thrice cannot start: the data set ann/thrice-data cannot be fetched" in space.said()
    assert "no token that the hub takes" in space.said()
    assert "Traceback" not in space.said()
    assert not (tmp_path / "data" / "thrice.db").exists()
