"""Annotators at work in a process of their own, each a thread that asks, decides and says so.

    python -m bench.labels.client < shift.json

They decide at once, so that the server is always the one that is waited for. A server that is gone
ends the shift; what it had acknowledged by then is told.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from bench.labels.servers import UNREACHABLE, Finished, Refused, Server, sit_down

PAUSE_S = 0.02
"""Between two questions where there is nothing just now, or after a refusal."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Who labels what, where, for how long."""

    side: str
    port: int
    work: int
    """The campaign's or the project's id."""
    seats: list[dict[str, str]]
    """The headers that say who it is, one annotator each."""
    seconds: float
    """At most; a shift whose work is finished ends before."""


@dataclass(slots=True)
class Diary:
    """What happened to one annotator, or to all of a shift."""

    next_ms: list[float] = field(default_factory=list)
    vote_ms: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    """Which seat was given which pair."""
    errors: dict[str, int] = field(default_factory=dict)
    n_finished: int = 0
    """Annotators who were told that nothing is left."""
    n_cut_off: int = 0
    """Annotators whose server was gone."""
    wall_s: float = 0.0
    """From the first question to the last answer."""
    cpu_s: float = 0.0
    """Of all annotators together: what they take away from the server on this machine."""

    def add(self, other: "Diary") -> None:
        """Take over another annotator's day."""
        for name in ("next_ms", "vote_ms", "acknowledged", "given"):
            getattr(self, name).extend(getattr(other, name))
        for said, n in other.errors.items():
            self.note(said, n)
        self.n_finished += other.n_finished
        self.n_cut_off += other.n_cut_off

    def note(self, said: str, n: int = 1) -> None:
        """Count an error by what it says."""
        self.errors[said] = self.errors.get(said, 0) + n


def annotate(desk: Server, seat: int, until: float) -> Diary:
    """One annotator's work up to the time `until` of `perf_counter`."""
    diary = Diary()
    while (asked := time.perf_counter()) < until:
        try:
            pair = desk.next()
            shown = time.perf_counter()
            if pair is None:
                time.sleep(PAUSE_S)
                continue
            diary.next_ms.append(1000 * (shown - asked))
            diary.given.append(f"{seat}: {pair}")
            diary.acknowledged.append(desk.vote(pair))
            diary.vote_ms.append(1000 * (time.perf_counter() - shown))
        except Finished:
            diary.n_finished += 1
            break
        except Refused as error:
            diary.note(str(error))
            time.sleep(PAUSE_S)
        except UNREACHABLE as error:
            diary.note(f"{type(error).__name__}: {error}")
            diary.n_cut_off += 1
            break
    return diary


def work(shift: Shift) -> Diary:
    """Let everybody begin at once and gather what they noted."""
    desks = [sit_down(shift.side, shift.port, headers, shift.work) for headers in shift.seats]
    started = time.perf_counter()
    until = started + shift.seconds
    with ThreadPoolExecutor(len(desks)) as pool:
        diaries = list(pool.map(annotate, desks, range(len(desks)), [until] * len(desks)))
    day = Diary(wall_s=time.perf_counter() - started, cpu_s=time.process_time())
    for diary in diaries:
        day.add(diary)
    return day


class Client:
    """A shift under way in another process."""

    def __init__(self, shift: Shift) -> None:
        command = [sys.executable, "-m", "bench.labels.client"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin, "asked for"
        self._process.stdin.write(json.dumps(asdict(shift)))
        self._process.stdin.close()

    def diary(self) -> Diary:
        """Wait for the end of the shift."""
        assert self._process.stdout, "asked for"
        told = self._process.stdout.read()
        if self._process.wait():
            raise SystemExit("The annotators' process failed; its error stands above.")
        return Diary(**json.loads(told))


def main() -> None:
    """Read a shift, do it, print the diary."""
    json.dump(asdict(work(Shift(**json.load(sys.stdin)))), sys.stdout)


if __name__ == "__main__":
    main()
