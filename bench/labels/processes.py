"""Runs a server in a process of its own: starts it, reads its usage, stops or kills it."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx
import psutil

STOP_S = 20


class Usage(NamedTuple):
    """Memory and CPU time of a program and its children so far."""

    rss_mib: float
    cpu_s: float


class Process(Protocol):
    """What is used of a `Popen`."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float = ...) -> int: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


Start = Callable[[Sequence[str], dict[str, str], Path], Process]
"""Starts a command with an environment; what it writes goes to the end of a file."""


def popen(command: Sequence[str], environment: dict[str, str], log: Path) -> Process:
    """Starts a command as its user does."""
    with log.open("ab") as written:
        process: Process = subprocess.Popen(
            command, stdout=written, stderr=subprocess.STDOUT, env=environment
        )
    return process


class Program:
    """A running server that answers at `address`."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        *,
        log: Path,
        environment: dict[str, str],
        health: str,
        start_s: float,
        start: Start = popen,
    ) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self._log = log
        started = time.perf_counter()
        self._process = start(command, environment, log)
        self._wait_for(self.address + health, started + start_s)
        self.start_s = time.perf_counter() - started

    @property
    def pid(self) -> int:
        return self._process.pid

    def usage(self) -> Usage:
        """Returns memory and CPU time of the program and its children."""
        processes = [psutil.Process(self._process.pid)]
        processes += processes[0].children(recursive=True)
        times = [process.cpu_times() for process in processes]
        rss = sum(process.memory_info().rss for process in processes)
        return Usage(rss / 2**20, sum(each.user + each.system for each in times))

    def kill(self) -> None:
        """Ends the program as a power cut would: no handler of its own runs."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Stops the program with its children, if it still runs."""
        if self._process.poll() is not None:
            return
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        for process in psutil.wait_procs(children, timeout=1)[1]:
            process.kill()

    def _wait_for(self, url: str, until: float) -> None:
        while time.perf_counter() < until:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(url, timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        self.close()
        output = self._log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{url} did not answer; the program said: {output}")


def free_port() -> int:
    """Returns a port that is free now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(*prefixes: str) -> dict[str, str]:
    """Returns this process's environment without the settings that a program would read."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
