"""A server in a process of its own: started over a folder, weighed, ended or killed."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

END_S = 20


class Weight(NamedTuple):
    """What a program and its children have taken so far."""

    rss_mib: float
    cpu_s: float


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
    ) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self._log = log
        started = time.perf_counter()
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                command, stdout=written, stderr=subprocess.STDOUT, env=environment
            )
        self._wait_for(self.address + health, started + start_s)
        self.start_s = time.perf_counter() - started

    def weigh(self) -> Weight:
        processes = [psutil.Process(self._process.pid)]
        processes += processes[0].children(recursive=True)
        times = [process.cpu_times() for process in processes]
        rss = sum(process.memory_info().rss for process in processes)
        return Weight(rss / 2**20, sum(each.user + each.system for each in times))

    def kill(self) -> None:
        """End it as a power cut would: no handler of its own runs."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it in good order, with its children, if it still runs."""
        if self._process.poll() is not None:
            return
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
        for process in psutil.wait_procs(family, timeout=1)[1]:
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
        said = self._log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{url} did not answer; the program said: {said}")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(*prefixes: str) -> dict[str, str]:
    """This process's environment without what a program would read its settings from."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
