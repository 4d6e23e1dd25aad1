"""Measures one workload at one server: throughput, latency and usage."""

import os
from collections.abc import Callable
from statistics import quantiles
from typing import Any

from bench.labels.client import Client, ClientLog, Workload
from bench.labels.processes import Program


def measure(
    program: Program, workload: Workload, meanwhile: Callable[[], None] | None = None
) -> tuple[dict[str, Any], ClientLog]:
    """Runs the workload at a running program; returns the metrics and the client's log.

    With something to do `meanwhile`, the workload ends with it. CPU time is that of the program and
    of those of its children that still run.
    """
    load_before = os.getloadavg()[0]
    before = program.usage()
    client = Client(workload)
    if meanwhile is not None:
        meanwhile()
        client.stop()
    log = client.log()
    after = program.usage()
    cpu_s = after.cpu_s - before.cpu_s
    metrics = {
        "n_annotators": len(workload.headers),
        "n_acknowledged": len(log.acknowledged),
        "votes_per_s": len(log.acknowledged) / log.wall_s,
        "next_ms": percentiles(log.next_ms),
        "vote_ms": percentiles(log.vote_ms),
        "n_errors": sum(log.errors.values()),
        "errors": log.errors,
        "n_given_twice": len(log.given) - len(set(log.given)),
        "n_finished": log.n_finished,
        "wall_s": log.wall_s,
        "rss_mib": after.rss_mib,
        "server_cores": cpu_s / log.wall_s,
        "server_ms_per_vote": 1000 * cpu_s / max(1, len(log.acknowledged)),
        "client_cores": log.cpu_s / log.wall_s,
        "load_average": [load_before, os.getloadavg()[0]],
    }
    return metrics, log


def percentiles(values: list[float]) -> dict[str, float]:
    """Returns the median, what one in twenty and one in a hundred exceed, and the most."""
    if len(values) < 2:
        values = [*values, *values] or [0.0, 0.0]
    cuts = quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values)}
