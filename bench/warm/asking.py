"""Asks the template for apps and workers, and holds them as a `Popen` is held."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bench.warm.messages import LAUNCHER, receive, send

ROOT = Path(__file__).resolve().parents[2]


class Template:
    """The process that everything is forked from; it ends with this end of its connection."""

    def __init__(self, *, with_app: bool = False) -> None:
        """Imports the app too, which takes as long again, where one is to be started."""
        self._here, there = socket.socketpair()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bench.warm.forking",
                str(there.fileno()),
                "app" if with_app else "",
            ],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            pass_fds=[there.fileno()],
        )
        there.close()

    def start_worker(self, flags: tuple[str, ...], environment: dict[str, str]) -> "WarmWorker":
        send(self._here, {"flags": flags, "environment": environment})
        return WarmWorker(self, int(receive(self._here)[0]["pid"]))

    def start_app(
        self, flags: Sequence[str], environment: dict[str, str], log: Path
    ) -> "WarmWorker":
        """Starts `python app.py` with these flags, which the template must have imported."""
        send(self._here, {"app": [*flags], "environment": environment, "log": str(log)})
        return WarmWorker(self, int(receive(self._here)[0]["pid"]))

    def wait(self) -> None:
        """Waits until everything is imported."""
        send(self._here, {"ready": True})
        receive(self._here)

    def close(self) -> None:
        """Ends the template; what it forked is ended before."""
        self._here.close()
        self._process.wait()

    def status_of(self, pid: int) -> int | None:
        """How a worker ended, as `Popen.returncode` says it; None while it runs."""
        send(self._here, {"status_of": pid})
        status: int | None = receive(self._here)[0]["status"]
        return status


@cache
def template() -> Template:
    return Template()


class WarmWorker:
    """A worker or an app, with what is used of a `Popen`."""

    def __init__(self, forked_by: Template, pid: int) -> None:
        self.pid = pid
        self._template = forked_by
        self._returncode: int | None = None

    def poll(self) -> int | None:
        if self._returncode is None:
            self._returncode = self._template.status_of(self.pid)
        return self._returncode

    def wait(self, timeout: float = 120) -> int:
        until = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """A worker's children, without its launcher."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [int(each) for each in found if _name_of(each) != LAUNCHER]


def _name_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
