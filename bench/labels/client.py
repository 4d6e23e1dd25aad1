"""Runs annotators in a process of their own, one thread each.

    python -m bench.labels.client < workload.json

They decide at once, so that the time is the server's alone. A server that is gone ends the
workload; what it had acknowledged by then is reported.
"""

import json
import subprocess
import sys
import time
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


def annotate(server: Server, annotator: int, until: float) -> ClientLog:
    """Labels as one annotator until the time `until` of `perf_counter`."""
    log = ClientLog()
    while (asked := time.perf_counter()) < until:
        try:
            pair = server.next()
            shown = time.perf_counter()
            if pair is None:
                time.sleep(PAUSE_S)
                continue
            log.next_ms.append(1000 * (shown - asked))
            log.given.append(f"{annotator}: {pair}")
            log.acknowledged.append(server.vote(pair))
            log.vote_ms.append(1000 * (time.perf_counter() - shown))
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


def run_workload(workload: Workload) -> ClientLog:
    """Starts all annotators at once and sums their logs."""
    servers = [
        connect(workload.side, workload.port, headers, workload.work_id)
        for headers in workload.headers
    ]
    started = time.perf_counter()
    until = started + workload.seconds
    with ThreadPoolExecutor(len(servers)) as pool:
        logs = list(pool.map(annotate, servers, range(len(servers)), [until] * len(servers)))
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
        self._process.stdin.write(json.dumps(asdict(workload)))
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
    json.dump(asdict(run_workload(Workload(**json.load(sys.stdin)))), sys.stdout)


if __name__ == "__main__":
    main()
