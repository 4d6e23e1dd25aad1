"""Measures labelling while somebody imports a large file through the app."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import httpx

from bench.labels.app import create_campaign, invite
from bench.labels.client import Workload
from bench.labels.filling import text
from bench.labels.measuring import measure
from bench.labels.processes import Program
from bench.labels.recount import recount

OVERLAP = 8
"""Nobody runs out of pairs."""
MAX_S = 4 * 3600


def label_during_import(
    app: Program,
    folder: Path,
    *,
    url: str = "",
    n_annotators: int,
    n_rows: int,
    n_pairs: int,
    seconds: float,
    pause_s: float,
) -> dict[str, Any]:
    """Labels for some seconds without an import, then while `n_rows` preferences are imported.

    Each annotator waits `pause_s` before each request; without a pause they want all of the
    machine by themselves. The import begins at once and the labelling ends with it.
    """
    campaign = create_campaign(app, "during an import", OVERLAP, n_pairs)
    headers = invite(app, n_annotators, "during")
    alone = Workload("thrice", app.port, campaign, headers, seconds, pause_s)
    before, log = measure(app, alone)
    imported: dict[str, Any] = {}

    def bring() -> None:
        started = perf_counter()
        answer = httpx.post(
            f"{app.address}/api/v1/import?file=bench.jsonl", content=_rows(n_rows), timeout=MAX_S
        )
        import_s = perf_counter() - started
        if answer.is_error:
            raise SystemExit(f"The app refused the import: {answer.text}")
        imported.update(import_s=import_s, rows_per_s=n_rows / import_s)
        imported.update(n_new=answer.json()["n_new"], n_rows=n_rows)

    metrics, later = measure(app, replace(alone, seconds=MAX_S), bring)
    log.add(later)
    counted = recount(folder, campaign, log.acknowledged, url=url)._asdict()
    return metrics | counted | imported | {"pause_s": pause_s, "alone": before}


def _rows(n: int) -> Iterator[bytes]:
    random = Random(1)
    for number in range(n):
        row = {
            "prompt": f"Row {number}: {text(random, 4)}?",
            "chosen": f"{text(random, 5)}.",
            "rejected": f"{text(random, 6)}!",
        }
        yield (json.dumps(row) + "\n").encode()
