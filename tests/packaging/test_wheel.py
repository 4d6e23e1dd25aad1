"""The wheel, installed and started somewhere else: the command, its worker, tables and pages."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from dependencies import ROOT

from db.storage.migrate import SCRIPTS
from ptrapp.core.version import VERSION

pytestmark = pytest.mark.worker

PACKAGES = ("db", "ptrapp", "training")
START_S = 90
"""Longest a start may take on a busy machine; importing torch and Gradio is most of it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the tree and nothing left there gets in."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in (*PACKAGES, "bench", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    _run(*command, "--wheel-dir", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that has the wheel, and our dependencies beside."""
    folder = tmp_path_factory.mktemp("environment")
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    paths = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", paths))
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    commands = Path(sysconfig.get_path("scripts", "venv", paths))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(commands / "python"),
        "install",
        "--no-deps",
    ]
    _run(*pip, "--no-index", str(wheel))
    return commands


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that has nothing of ours, and a package called as one of ours is."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__init__.py").write_text(
        "raise SystemExit('another training')", encoding="utf-8"
    )
    return tmp_path


class Started:
    """`thrice` as it runs in a folder."""

    def __init__(self, command: Path, folder: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._log = folder / "log.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(command), "--port", str(port)],
                cwd=folder,
                env=_environment(),
                stdout=log,
                stderr=log,
            )
        self.web = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        """Whether the pages are there, and the model behind them."""
        health = self.get("/api/v1/health")
        return health is not None and health.is_success

    def get(self, path: str) -> httpx.Response | None:
        with suppress(httpx.TransportError):
            return self.web.get(path)
        return None

    def wait_until(self, condition: Any) -> None:
        deadline = time.monotonic() + START_S
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "training.worker" in child.cmdline()]

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        self.web.close()
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
        self.process.wait()


@pytest.fixture
def started(installed: Path, elsewhere: Path) -> Iterator[Started]:
    program = Started(installed / "thrice", elsewhere)
    yield program
    program.close()


def test_the_wheel_has_every_file_of_the_product_and_no_other(wheel: Path) -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file()]
    ours = {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == ours
    assert wheel.name == f"thrice-{VERSION}-py3-none-any.whl"


def test_commands_run_where_nothing_of_ours_is(installed: Path, elsewhere: Path) -> None:
    thrice = str(installed / "thrice")
    assert _run(thrice, "--version", cwd=elsewhere) == f"thrice {VERSION}\n"
    rows = (thrice, "--data-dir", "rows")
    assert _run(*rows, "tpo", "--no-wait", cwd=elsewhere).split() == ['{"job":', "1}"]
    assert '"status": "queued"' in _run(*rows, "jobs", cwd=elsewhere)
    assert (elsewhere / "rows" / "thrice.db").is_file()


def test_the_app_starts_in_another_folder_with_its_worker(
    started: Started, elsewhere: Path
) -> None:
    assert started.web.get("/api/v1/health").json()["serving"] == "base"
    assert "Thrice" in started.web.get("/").text

    database = elsewhere / "data" / "thrice.db"
    newest = max(file.stem.partition("_")[0] for file in (SCRIPTS / "versions").glob("0*.py"))
    assert _rows(database, "SELECT version_num FROM alembic_version") == [(newest,)]

    started.wait_until(lambda: _rows(database, "SELECT pid FROM workers"))
    (worker,) = started.workers()
    assert _rows(database, "SELECT pid FROM workers") == [(worker.pid,)]
    assert "PYTHONPATH" not in worker.environ()

    started.process.send_signal(signal.SIGTERM)
    assert started.process.wait(30) == 0, started.said()
    assert not worker.is_running()
    assert "Traceback" not in started.said()


def _rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as file:
        return list(file.execute(query))


def _run(*command: str, cwd: Path | None = None) -> str:
    ended = subprocess.run(command, env=_environment(), cwd=cwd, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _environment() -> dict[str, str]:
    """Without what tells a process where our code or our settings are."""
    ours = ("THRICE_", "PYTHONPATH", "PYTHONSAFEPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
