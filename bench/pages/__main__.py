"""Walks every page of a new app and of one that has grown, and prints one JSON object.

    python -m bench.pages [--parts empty grown axe] [--versions 300] [-n 3] [--out FILE]

Each page is opened in Chromium without anything in its cache, and once more with it. `paint_ms` is
the first contentful paint, `content_ms` the time until what the page is for is seen, `shift` the
sum of its layout shifts, `kib` what came over the wire. The seconds of the CPU are the server's
until the content was there, and those of the page's main thread in all.
"""

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from bench.growth.places import copy_of
from bench.growth.size import Size
from bench.labels.app import start_app
from bench.pages.filling import add_versions
from bench.pages.places import EMPTY, GROWN, Place
from bench.pages.walking import find_faults, walk
from db.storage.session import open_database

PARTS = ("empty", "grown", "axe")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    report: dict[str, Any] = {"n_cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with _browser() as browser:
        if "empty" in asked.parts:
            with TemporaryDirectory(prefix="bench-pages-") as folder:
                report["empty"] = _walked(browser, Path(folder), (), EMPTY, asked)
        if "grown" in asked.parts:
            size = Size(asked.votes, asked.prompts, asked.runs, asked.jobs)
            with copy_of(asked.database, size, asked.kept) as (url, folder):
                _train(url, size, asked.versions)
                report["grown"] = _walked(browser, folder, ("--database-url", url), GROWN, asked)
    report["load_after"] = os.getloadavg()[0]
    line = json.dumps(report)
    if asked.out:
        asked.out.write_text(line + "\n", encoding="utf-8")
    print(line)


def _walked(
    browser: Browser, folder: Path, flags: tuple[str, ...], places: tuple[Place, ...],
    asked: argparse.Namespace,
) -> dict[str, Any]:  # fmt: skip
    wanted = tuple(one for one in places if not asked.pages or one.name in asked.pages)
    with closing(start_app(folder, *flags)) as app:
        report = {"pages": walk(browser, app, wanted, asked.n), "rss_mib": app.usage().rss_mib}
        if "axe" in asked.parts:
            report["axe"] = find_faults(browser, app, wanted)
        return report


def _train(url: str, size: Size, n: int) -> None:
    database = open_database(url)
    try:
        add_versions(database, size, n)
    finally:
        database.dispose()


@contextmanager
def _browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pages", nargs="+", metavar="NAME", help="these pages alone")
    parser.add_argument("--database", help="URL of a PostgreSQL server; SQLite without")
    parser.add_argument("--kept", type=Path, help="folder of filled databases")
    parser.add_argument("--votes", type=int, default=200_000)
    parser.add_argument("--prompts", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--versions", type=int, default=300)
    parser.add_argument("-n", type=int, default=3, help="first visits of each page")
    parser.add_argument("--out", type=Path, help="file that the report is written to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
