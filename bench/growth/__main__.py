"""Measures the app on a database that has grown, and prints one JSON object.

    python -m bench.growth [--database URL] [--votes 200000 --prompts 50000 --runs 2000 --jobs 500]

The database is filled once for each size and kept, as a file in `--kept` or as a database on the
PostgreSQL server of `--database`; every measurement works on a copy. The app runs as a program of
its own, with its bundled model; `playing` alone has a worker: a training runs and 32 people play
while others label. In `importing` a file of `--import-rows` is imported while people label, each
with a pause of 50 ms before each request.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from bench.growth.places import copy_of
from bench.growth.playing import measure_playing
from bench.growth.requests import Admin, measure_actions, measure_export, measure_pages
from bench.growth.size import CAMPAIGN, Size
from bench.growth.start import measure_start
from bench.labels.app import invite, start_app
from bench.labels.client import Workload
from bench.labels.importing import label_during_import
from bench.labels.measuring import measure

PARTS = ("start", "pages", "actions", "labels", "export", "importing", "playing")
"""The last two take minutes and are asked for by name."""
_PAUSE_S = 0.05


def main() -> None:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    size = Size(asked.votes, asked.prompts, asked.runs, asked.jobs)
    report: dict[str, Any] = {
        "database": "postgresql" if asked.database else "sqlite",
        "votes": size.votes,
        "n_cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }
    try:
        if "start" in asked.parts:
            report["start"] = measure_start(asked.n)
        if set(asked.parts) - {"start"}:
            with copy_of(asked.database, size, asked.kept) as (url, folder):
                _on_copy(asked, size, url, folder, report)
    finally:  # what was measured before a part that failed is kept
        report["load_after"] = os.getloadavg()[0]
        line = json.dumps(report)
        if asked.out:
            asked.out.write_text(line + "\n", encoding="utf-8")
        print(line)


def _on_copy(
    asked: argparse.Namespace, size: Size, url: str, folder: Path, report: dict[str, Any]
) -> None:
    """Adds each part to the report as it is measured."""
    app = start_app(folder, "--database-url", url, worker="playing" in asked.parts)
    try:
        admin = Admin(app, size)
        report |= {"start_s": app.start_s, "rss_mib": app.usage().rss_mib}
        if "pages" in asked.parts:
            report["pages"] = measure_pages(app, admin, asked.n)
        if "actions" in asked.parts:
            report["actions"] = measure_actions(app, admin, asked.n)
        if "labels" in asked.parts:
            headers = invite(app, asked.annotators, "of-growth")
            workload = Workload("thrice", app.port, CAMPAIGN, headers, asked.seconds)
            report["labels"] = measure(app, workload)[0]
        if "export" in asked.parts:
            report["export"] = measure_export(app, admin)
        if "importing" in asked.parts:
            report["importing"] = label_during_import(
                app,
                folder,
                url=url,
                n_annotators=asked.annotators,
                n_rows=asked.import_rows,
                n_pairs=size.prompts,
                seconds=asked.seconds,
                pause_s=_PAUSE_S,
            )
        if "playing" in asked.parts:
            report["playing"] = measure_playing(
                app, admin, asked.players, asked.annotators, asked.seconds
            )
    finally:
        app.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server; without: SQLite")
    parser.add_argument("--kept", type=Path, help="a folder for the file that is filled once")
    parser.add_argument("--votes", type=int, default=Size().votes)
    parser.add_argument("--prompts", type=int, default=Size().prompts)
    parser.add_argument("--runs", type=int, default=Size().runs)
    parser.add_argument("--jobs", type=int, default=Size().jobs)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS[:-2])
    parser.add_argument("-n", type=int, default=5, help="times each thing is measured")
    parser.add_argument("--annotators", type=int, default=8)
    parser.add_argument("--players", type=int, default=32, help="people on Play, of `playing`")
    parser.add_argument("--import-rows", type=int, default=200_000, help="of `importing`")
    parser.add_argument("--seconds", type=float, default=20, help="of labelling")
    parser.add_argument("--out", type=Path, help="a file for the JSON object, too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
