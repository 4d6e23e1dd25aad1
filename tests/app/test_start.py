"""Started where it cannot run, the app says why in a sentence; killed, it loses nothing."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fresh_database import fresh_database

from db.content import prompts, rounds
from db.content.rounds import NewRound
from db.models import RunMode, RunState
from db.storage.session import open_database
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import load_settings
from ptrapp.services.data_folder import alone

ROOT = Path(__file__).resolve().parents[2]
START_S = 90
WORKER, MODEL = "training.worker", "ptrapp.engines.process.child"
"""Longest a start may take on a busy machine; importing torch and Gradio is most of it."""
END_S = 30


@pytest.fixture(scope="module")
def app() -> Any:
    from ptrapp import app  # Gradio takes seconds to import

    return app


@pytest.fixture
def refused(
    app: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., str]]:
    """Starts the app where it cannot start; returns the one sentence it leaves on the terminal."""
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    for name in [name for name in os.environ if name.startswith("THRICE_")]:
        monkeypatch.delenv(name)

    def start(*flags: str) -> str:
        chosen = {"--data-dir": str(tmp_path), "--port": str(free_port())}
        for name, value in chosen.items():
            if name not in flags:
                flags = (*flags, name, value)
        assert app.main([*flags, "--no-worker"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        (line,) = [text for text in said.err.splitlines() if text.startswith("Thrice cannot start")]
        assert "Traceback" not in said.err
        return line.removeprefix("Thrice cannot start: ")

    yield start
    for signum, handler in handlers.items():
        signal.signal(signum, handler)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--nope",), "--nope"),
        (("stray",), "stray"),
        (("--port", "0"), "port: Input should be greater than or equal to 1"),
        (("--port", "many"), "port: Input should be a valid integer"),
        (("--host", "0.0.0.0"), "--open"),
        (("--device", "tpu"), "device"),
        (("--model", "/no/such/model"), "no model folder '/no/such/model'"),
        (("--model", "."), "holds no config.json"),
        (("--data-dir", "/dev/null/data"), "Name another: --data-dir"),
        (("--database-url", "mysql://host/name"), "use an sqlite or a postgresql URL"),
        (("--database-url", "nonsense"), "cannot be understood"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named in refused(*flags)


def test_every_mistake_is_told_at_once(refused: Callable[..., str], capsys: Any) -> None:
    with pytest.raises(Exception, match=r"(?s)port: .*lease-s: ") as told:
        load_settings(["--port", "0", "--lease-s", "-1"])
    assert len(str(told.value).splitlines()) == 2


def test_a_port_in_use_is_told_with_another_to_try(refused: Callable[..., str]) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused("--port", str(port))
    assert f"port {port} on 127.0.0.1 cannot be used" in said
    assert "--port" in said


def test_a_second_app_on_a_data_folder_is_refused_and_a_command_is_not(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    fresh_database(tmp_path).dispose()
    with alone(load_settings(data_dir=tmp_path)):
        assert "is in use by another Thrice (process " in refused()
        check = [sys.executable, "-m", "ptrapp", "--data-dir", str(tmp_path), "check"]
        done = subprocess.run(check, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, done.stderr


def test_apps_on_one_postgresql_may_share_a_data_folder(tmp_path: Path) -> None:
    server = load_settings(data_dir=tmp_path, database_url="postgresql+psycopg://db.example/t")
    with alone(server), alone(server):
        with pytest.raises(ConfigurationError, match="another Thrice"):
            with alone(load_settings(data_dir=tmp_path)):
                pass


def test_a_corrupt_database_is_left_alone(refused: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "thrice.db"
    file.write_bytes(b"these are not the rows you are looking for" * 200)
    before = file.read_bytes()
    assert "is not an SQLite database; move it away" in refused()
    assert file.read_bytes() == before


def test_a_database_of_a_newer_version_is_left_alone(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "thrice.db"
    open_database(f"sqlite:///{file}").dispose()
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    assert "later version of this program" in refused()
    with closing(sqlite3.connect(file)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_a_database_somebody_keeps_locked_is_told(
    refused: Callable[..., str], tmp_path: Path, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "thrice.db"
    open_database(f"sqlite:///{file}").dispose()
    monkeypatch.setattr(app, "open_database", lambda url: open_database(url, busy_timeout_s=0.1))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert f"Another program keeps {file} locked; close it" in refused()


@contextmanager
def unwritable(*places: Path) -> Iterator[None]:
    """Nobody may write here. Root writes past permissions, so for root the files are immutable."""
    if os.geteuid():
        modes = {place: place.stat().st_mode for place in places}
        for place, mode in modes.items():
            place.chmod(mode & ~0o222)
        try:
            yield
        finally:
            for place, mode in modes.items():
                place.chmod(mode)
        return
    names = [str(place) for place in places]
    try:
        subprocess.run(["chattr", "+i", *names], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        subprocess.run(["chattr", "-i", *names], check=False, capture_output=True)
        pytest.skip(f"root writes past permissions and this file system knows no +i: {error}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *names], check=True)


def test_a_read_only_database_is_told(refused: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "thrice.db"
    open_database(f"sqlite:///{file}").dispose()
    with unwritable(file, tmp_path):
        said = refused()
    assert str(tmp_path) in said
    assert "name another" in said.lower()


def test_a_read_only_folder_is_told(refused: Callable[..., str], tmp_path: Path) -> None:
    with unwritable(tmp_path):
        said = refused("--data-dir", str(tmp_path / "data"))
    assert "cannot be made" in said
    assert "--data-dir" in said


class Program:
    """`python app.py` as a user starts it, with its worker."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = (folder.with_suffix(f".{self.port}")).open("w+b")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("THRICE_")}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "--port", str(self.port),
             "--data-dir", str(folder), "--lease-s", "2", "--threads", "1",
             "--gate-problems", "0", "--gate-min-examples", "0", *flags],
            env=environment | {"OMP_NUM_THREADS": "1"}, stdout=self.log, stderr=self.log,
            cwd=folder.parent,
        )  # fmt: skip
        self.api = httpx.Client(base_url=self.address + "/api/v1", timeout=30)
        self._wait_until(self._answers, START_S)

    def said(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text(encoding="utf-8")

    def family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def part(self, module: str) -> psutil.Process | None:
        """The child that runs this module, if it is there."""
        for each in self.family():
            with suppress(psutil.Error):  # it ended between two looks
                if module in each.cmdline():
                    return each
        return None

    def wait_for_job(self, *wanted: str, seconds: float = 60) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.api.get("/jobs").json()
            assert found[0]["status"] != "failed" or "failed" in wanted, found[0]["error"]
            return found[0]["status"] in wanted

        self._wait_until(there, seconds)
        return found[0]

    def close(self) -> None:
        for process in self.family() if self.process.poll() is None else []:
            process.kill()
        self.process.wait()
        self.api.close()
        self.log.close()

    def _answers(self) -> bool:
        try:
            return self.api.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def _wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def run(folder: Path, *flags: str) -> Program:
        started.append(Program(folder, *flags))
        return started[-1]

    yield run
    for program in started:
        program.close()


def vote_until_it_dies(program: Program, pair: list[int], acknowledged: set[str]) -> None:
    """What a person's browser does, as fast as it can; notes what the server said it has."""
    with httpx.Client(base_url=program.address + "/api/v1", timeout=30) as browser:
        try:
            while True:
                sides = {"left": pair[0], "right": pair[1]}
                key = browser.post("/comparisons", json=sides).json()["key"]
                vote = browser.post("/votes", json={"key": key, "outcome": "left"})
                if vote.status_code == 201:
                    acknowledged.add(key)
        except httpx.TransportError:
            return


def two_answers(folder: Path) -> tuple[int, list[int]]:
    """Id of a run, and of its two rounds: answers as the bundled model learns to give them."""
    database = fresh_database(folder)
    with database.write() as session:
        prompt = prompts.ensure_prompt(session, "Ada has 2 pens and buys 3. How many?", source="t")
        run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {})
        ids = []
        for candidate, answer in enumerate(("5", "4")):
            new = NewRound(
                index=0,
                parent_id=None,
                candidate=candidate,
                thinking=True,
                thought="2 + 3",
                response=f"The answer is {answer}.",
                raw=f"<T> 2 + 3<R> The answer is {answer}.",
                well_formed=True,
                sampling={},
                seed=0,
                n_thought_tokens=3,
                n_response_tokens=4,
                finish_reason="stop",
            )
            ids.append(rounds.add_round(session, run.id, new).id)
        rounds.finish_run(session, run.id, RunState.DONE)
    database.dispose()
    return run.id, ids


def stored_keys(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "thrice.db")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {key for (key,) in file.execute("SELECT key FROM votes")}


def ended(processes: list[psutil.Process], seconds: float) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


@pytest.mark.worker
def test_killed_and_started_again_it_has_every_vote_and_finishes_its_job(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    """One life of the product: a worker that dies, votes, a job, `kill -9`, a new start, the job
    done, SIGTERM."""
    folder = tmp_path / "data"
    run_id, pair = two_answers(folder)
    first = start(folder)
    assert f"Thrice is ready: {first.address}" in first.said()
    assert "Thrice" in httpx.get(first.address, timeout=30).text

    for module, warning in ((WORKER, "SIGKILL"), (MODEL, "memory ran out")):
        killed = first.part(module)
        assert killed is not None
        killed.kill()
        first._wait_until(lambda said=warning: said in first.api.get("/health").text, 10)  # type: ignore[misc]
        first._wait_until(lambda one=module, was=killed: first.part(one) not in (None, was), 30)  # type: ignore[misc]
        first._wait_until(lambda: first.api.get("/health").status_code == 200, START_S)
        first._wait_until(lambda: "warning" not in first.api.get("/health").json(), 30)

    sides = {"left": pair[0], "right": pair[1]}
    key = first.api.post("/comparisons", json=sides).json()["key"]
    first.api.post("/votes", json={"key": key, "outcome": "left"})
    job_id = first.api.post("/jobs", json={"kind": "dpo"}).json()["job_id"]
    first.wait_for_job("running")
    acknowledged: set[str] = {key}
    people = [
        threading.Thread(target=vote_until_it_dies, args=(first, pair, acknowledged))
        for _ in range(3)
    ]
    for person in people:
        person.start()
    first._wait_until(lambda: len(acknowledged) > 30, 30)
    app_process, *others = first.family()
    assert others, "the worker and its child are there"
    os.kill(app_process.pid, signal.SIGKILL)
    for person in people:
        person.join()
    first.process.wait()
    assert ended(others, 10), "worker and child end by themselves"
    assert acknowledged <= stored_keys(folder)

    second = start(folder)
    (job,) = second.api.get("/jobs").json()
    assert job["id"] == job_id
    assert second.wait_for_job("done")["adapter"]
    assert second.api.get(f"/runs/{run_id}").json()["cells"][0]["round_id"] == pair[0]
    assert acknowledged <= stored_keys(folder)
    second._wait_until(lambda: second.api.get("/health").json()["serving"] != "base", 20)
    serving = second.api.get("/health").json()["serving"]

    vote = {"key": second.api.post("/comparisons", json=sides).json()["key"], "outcome": "right"}
    assert second.api.post("/votes", json=vote).status_code == 201
    second.api.post("/jobs", json={"kind": "dpo"})
    second.wait_for_job("running")
    second._wait_until(lambda: len(second.family()) == 4, 10)  # app, model, worker, its child
    processes = second.family()
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(END_S) == 0
    assert ended(processes[1:], 1), second.said()
    assert "Traceback" not in first.said() + second.said()
    with closing(sqlite3.connect(folder / "thrice.db")) as file:
        served = file.execute("SELECT name FROM adapters WHERE status = 'active'").fetchall()
        queued = file.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchone()
    assert served == [(serving,)]
    assert queued == (1,), "the second job waits for the next start"
