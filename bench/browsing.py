"""Measures what the Data page reads of a database that has grown, and prints one JSON object.

    python -m bench.browsing [--database URL] [--votes 200000 --prompts 50000]

The database is that of `bench.growth`, filled once and kept; each reading is of a fresh connection.
"""

import argparse
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from bench.growth.places import copy_of
from bench.growth.size import Size
from db.storage.session import Database, open_database
from ptrapp.core.settings import Settings
from ptrapp.services.files import browsing, exporting, imports
from ptrapp.services.files.browsing import DataQuery
from ptrapp.services.files.exporting import ExportRequest, What

KINDS = ("prompt", "run", "pair", "vote")


class Rows(NamedTuple):
    """A context of use cases that need rows alone."""

    settings: Settings
    database: Database
    base_model: str = ""


def main() -> None:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    size = Size(asked.votes, asked.prompts, asked.runs, asked.jobs)
    with copy_of(asked.database, size, asked.kept) as (url, folder):
        database = open_database(url)
        try:
            found = measure(Rows(Settings(data_dir=folder), database), asked.n)
        finally:
            database.dispose()
    report: dict[str, Any] = {"database": "postgresql" if asked.database else "sqlite"}
    report |= {"votes": size.votes, "prompts": size.prompts, "load": os.getloadavg()[0]}
    print(json.dumps(report | found))


def measure(context: Rows, n: int) -> dict[str, Any]:
    """Returns the median and the longest time of each reading, in seconds."""
    return {name: _times(read, n) for name, read in _readings(context).items()}


def _readings(context: Rows) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    for kind in KINDS:
        newest = DataQuery(kind=kind)
        found[f"{kind}s, newest"] = partial(browsing.find, context, newest)
        found[f"{kind}s, page 300"] = partial(browsing.find, context, newest, 300)
        nothing = DataQuery(kind=kind, text="no prompt says this")
        found[f"{kind}s, words that no prompt has"] = partial(browsing.find, context, nothing)
    found["sources and tags"] = partial(browsing.choices, context)
    found["imports"] = partial(imports.listing, context)
    for what in (What.VOTES, What.PREFERENCES):
        found[f"export of {what}, sample"] = partial(exporting.look, context, ExportRequest(what))
    return found


def _times(read: Callable[[], Any], n: int) -> dict[str, float]:
    wall, cpu = [], []
    for _ in range(n):
        began, used = perf_counter(), process_time()
        read()
        wall.append(perf_counter() - began)
        cpu.append(process_time() - used)
    return {"median_s": round(median(wall), 3), "max_s": round(max(wall), 3),
            "cpu_s": round(median(cpu), 3)}  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="URL of a PostgreSQL server; SQLite without")
    parser.add_argument("--kept", type=Path, help="folder of filled databases")
    parser.add_argument("--votes", type=int, default=200_000)
    parser.add_argument("--prompts", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--n", type=int, default=5, help="readings of each kind")
    return parser.parse_args()


if __name__ == "__main__":
    main()
