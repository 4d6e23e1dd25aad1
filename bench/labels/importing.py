"""Measures labelling while somebody imports a large file through the app."""

import json
import threading
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


def label_during_import(
    app: Program, folder: Path, n_annotators: int, n_rows: int, n_pairs: int, seconds: float
) -> dict[str, Any]:
    """Imports `n_rows` preferences once the annotators are at work, for at most `seconds`.

    The latencies are those of the whole time; the import may end earlier or later.
    """
    campaign = create_campaign(app, "during an import", OVERLAP, n_pairs)
    headers = invite(app, n_annotators, "during")
    done: dict[str, Any] = {}

    def bring() -> None:
        started = perf_counter()
        answer = httpx.post(
            f"{app.address}/api/v1/import?file=bench.jsonl", content=_rows(n_rows), timeout=3600
        )
        done.update(status=answer.status_code, import_s=perf_counter() - started)
        done["n_new"] = answer.json().get("n_new")

    importer = threading.Thread(target=bring)
    importer.start()
    metrics, log = measure(app, Workload("thrice", app.port, campaign, headers, seconds))
    finished = not importer.is_alive()
    importer.join()
    counted = recount(folder, campaign, log.acknowledged)._asdict()
    return metrics | counted | done | {"n_rows": n_rows, "import_ended_first": finished}


def _rows(n: int) -> bytes:
    random = Random(1)
    rows = (
        {
            "prompt": f"Row {number}: {text(random, 4)}?",
            "chosen": f"{text(random, 5)}.",
            "rejected": f"{text(random, 6)}!",
        }
        for number in range(n)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
