"""Measures labelling while a training runs and people play: they ask, read, and ask again."""

import threading
import time
from typing import Any

from bench.growth.requests import Admin
from bench.growth.size import CAMPAIGN
from bench.labels.app import invite
from bench.labels.client import Workload
from bench.labels.measuring import measure, percentiles
from bench.labels.processes import Program
from bench.labels.servers import UNREACHABLE, Connection, Refused

JOB = {"kind": "dpo", "settings": {"epochs": 100, "eval_share": 0.0, "max_examples": 400}}
"""A training that is longer than any measurement; it is cancelled at its end. It learns soon: of
all votes of a grown database the reference alone would take hours."""
LEARNS = "training"
"""The phase that is measured."""
BEGUN_S = 900.0
"""Longest wait for its first step in that phase."""
POLL_S = 0.25
"""Seconds between two looks of a person at the run: the page looks as often."""


def measure_playing(
    app: Program, admin: Admin, n_players: int, n_annotators: int, seconds: float
) -> dict[str, Any]:
    """Returns what `measure` says of the annotators, and what players and the training did."""
    job = int(admin.post("/jobs", JOB)["job_id"])
    first = _steps(admin, job, until=time.monotonic() + BEGUN_S)
    annotators = invite(app, n_annotators, "of-playing")
    players = _Players(app.port, invite(app, n_players, "player", role="admin"))
    try:
        workload = Workload("thrice", app.port, CAMPAIGN, annotators, seconds)
        report = measure(app, workload)[0]
    finally:
        players.close()
    n_steps = int(admin.get(f"/jobs/{job}")["step"]) - first
    admin.post(f"/jobs/{job}/cancel", {})
    return report | {"n_players": n_players, "n_steps": n_steps} | players.report()


def _steps(admin: Admin, job: int, until: float) -> int:
    """Waits until the job steps; returns its step."""
    while time.monotonic() < until:
        found = admin.get(f"/jobs/{job}")
        if found["status"] not in ("queued", "running"):
            raise SystemExit(f"The training ended: {found['status']}, {found['error']}")
        if found["phase"] == LEARNS and found["step"]:
            return int(found["step"])
        time.sleep(0.5)
    raise SystemExit(f"Job {job} learnt nothing within {BEGUN_S:.0f} s.")


class _Players:
    """People on Play, a thread each, until they are stopped."""

    def __init__(self, port: int, headers: list[dict[str, str]]) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._run_s: list[float] = []
        self._refusals: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._play, args=(Connection(port, one), number), daemon=True)
            for number, one in enumerate(headers)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def report(self) -> dict[str, Any]:
        return {
            "n_runs": len(self._run_s),
            "run_ms": percentiles([1000 * one for one in self._run_s]),
            "players_refused": self._refusals,
        }

    def _play(self, app: Connection, number: int) -> None:
        n = 0
        while not self._stop.is_set():
            n += 1
            try:
                began = time.perf_counter()
                asked = {"prompt": f"What is {number} + {n}?", "mode": "refine", "n": 3}
                run = app.ask("POST", "/api/v1/runs", asked)["run_id"]
                while app.ask("GET", f"/api/v1/runs/{run}")["state"] == "running":
                    if self._stop.wait(POLL_S):
                        app.ask("POST", f"/api/v1/runs/{run}/stop", {})
                        return
                with self._lock:
                    self._run_s.append(time.perf_counter() - began)
            except (Refused, *UNREACHABLE) as error:
                with self._lock:
                    self._refusals[str(error)] = self._refusals.get(str(error), 0) + 1
                self._stop.wait(1)
