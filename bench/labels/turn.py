"""One shift at one server, with what it cost and how long people waited."""

import os
from statistics import quantiles
from typing import Any

from bench.labels.client import Client, Diary, Shift
from bench.labels.processes import Program


def take_turn(program: Program, shift: Shift) -> tuple[dict[str, Any], Diary]:
    """Let the shift label at a running program; returns the figures, and what was noted."""
    load_before = os.getloadavg()[0]
    before = program.weigh()
    diary = Client(shift).diary()
    after = program.weigh()
    cpu_s = after.cpu_s - before.cpu_s
    figures = {
        "n_annotators": len(shift.seats),
        "n_acknowledged": len(diary.acknowledged),
        "votes_per_s": len(diary.acknowledged) / diary.wall_s,
        "next_ms": percentiles(diary.next_ms),
        "vote_ms": percentiles(diary.vote_ms),
        "n_errors": sum(diary.errors.values()),
        "errors": diary.errors,
        "n_given_twice": len(diary.given) - len(set(diary.given)),
        "n_finished": diary.n_finished,
        "wall_s": diary.wall_s,
        "rss_mib": after.rss_mib,
        "server_cores": cpu_s / diary.wall_s,
        "server_ms_per_vote": 1000 * cpu_s / max(1, len(diary.acknowledged)),
        "client_cores": diary.cpu_s / diary.wall_s,
        "load_average": [load_before, os.getloadavg()[0]],
    }
    return figures, diary


def percentiles(values: list[float]) -> dict[str, float]:
    """The median, and what one in twenty and one in a hundred waited longer than."""
    if len(values) < 2:
        values = [*values, *values] or [0.0, 0.0]
    cuts = quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}
