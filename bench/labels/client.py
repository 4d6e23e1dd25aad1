"""Runs annotators in a process of their own, one thread each.

    python -m bench.labels.client

It reads a workload, a line of JSON, and labels until the time is over or its input ends. They
decide at once, so that the time is the server's alone, or after a pause as people do. A server that
is gone ends the workload; what it had acknowledged by then is reported.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from bench.labels.servers import UNREACHABLE, Finished, Refused, Server, connect

PAUSE_S = 0.02
"""Seconds between two questions where there is nothing just now, or after a refusal."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Who labels what, where, for how long."""

    side: str
    port: int
    work_id: int
    """Id of the campaign or the project."""
    headers: list[dict[str, str]]
    """The authenticating headers, one annotator each."""
    seconds: float
    """Longest duration; a finished workload ends before."""
    pause_s: float = 0.0
    """What each annotator waits between an answer and the next request."""


@dataclass(slots=True)
class ClientLog:
    """The events of one annotator, or of all of a workload."""

    next_ms: list[float] = field(default_factory=list)
    vote_ms: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    """Annotator and pair of each question."""
    errors: dict[str, int] = field(default_factory=dict)
    n_finished: int = 0
    """Annotators to whom the server said that nothing is left."""
    n_cut_off: int = 0
    """Annotators whose server was gone."""
    wall_s: float = 0.0
    """Seconds from the first question to the last answer."""
    cpu_s: float = 0.0
    """CPU time of all annotators together, which the server on this machine does not get."""

    def add(self, other: "ClientLog") -> None:
        """Adds another annotator's events."""
        for name in ("next_ms", "vote_ms", "acknowledged", "given"):
            getattr(self, name).extend(getattr(other, name))
        for error, n in other.errors.items():
            self.note(error, n)
        self.n_finished += other.n_finished
        self.n_cut_off += other.n_cut_off

    def note(self, error: str, n: int = 1) -> None:
        """Counts an error by its text."""
        self.errors[error] = self.errors.get(error, 0) + n


def annotate(
    server: Server, annotator: int, is_over: Callable[[], bool], pause_s: float = 0.0
) -> ClientLog:
    """Labels as one annotator until it is over."""
    log = ClientLog()
    while not is_over():
        time.sleep(pause_s)
        asked = time.perf_counter()
        try:
            pair = server.next()
            shown = time.perf_counter()
            if pair is None:
                time.sleep(PAUSE_S)
                continue
            log.next_ms.append(1000 * (shown - asked))
            log.given.append(f"{annotator}: {pair}")
            time.sleep(pause_s)
            sent = time.perf_counter()
            log.acknowledged.append(server.vote(pair))
            log.vote_ms.append(1000 * (time.perf_counter() - sent))
        except Finished:
            log.n_finished += 1
            break
        except Refused as error:
            log.note(str(error))
            time.sleep(PAUSE_S)
        except UNREACHABLE as error:
            log.note(f"{type(error).__name__}: {error}")
            log.n_cut_off += 1
            break
    return log


def run_workload(workload: Workload, stopped: threading.Event) -> ClientLog:
    """Starts all annotators at once and sums their logs."""
    servers = [
        connect(workload.side, workload.port, headers, workload.work_id)
        for headers in workload.headers
    ]
    started = time.perf_counter()
    until = started + workload.seconds

    def is_over() -> bool:
        return stopped.is_set() or time.perf_counter() >= until

    def label(annotator: int) -> ClientLog:
        return annotate(servers[annotator], annotator, is_over, workload.pause_s)

    with ThreadPoolExecutor(len(servers)) as pool:
        logs = list(pool.map(label, range(len(servers))))
    total = ClientLog(wall_s=time.perf_counter() - started, cpu_s=time.process_time())
    for log in logs:
        total.add(log)
    return total


class Client:
    """A workload that runs in another process."""

    def __init__(self, workload: Workload) -> None:
        command = [sys.executable, "-m", "bench.labels.client"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin, "asked for"
        self._process.stdin.write(json.dumps(asdict(workload)) + "\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Ends the workload before its time."""
        assert self._process.stdin, "asked for"
        self._process.stdin.close()

    def log(self) -> ClientLog:
        """Waits for the end of the workload and returns its log."""
        assert self._process.stdout, "asked for"
        output = self._process.stdout.read()
        if self._process.wait():
            raise SystemExit("The annotators' process failed; see its error above.")
        return ClientLog(**json.loads(output))


def main() -> None:
    """Reads a workload, runs it, prints the log."""
    workload, stopped = Workload(**json.loads(sys.stdin.readline())), threading.Event()

    def stop_with_input() -> None:
        sys.stdin.read()
        stopped.set()

    threading.Thread(target=stop_with_input, daemon=True).start()
    json.dump(asdict(run_workload(workload, stopped)), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the thread reads on, and would be waited for


if __name__ == "__main__":
    main()
