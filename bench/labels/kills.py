"""Kills the app while people label; after the restart every acknowledged vote must be there."""

import time
from pathlib import Path
from typing import Any

from bench.labels.app import create_campaign, invite, start_app
from bench.labels.client import Client, Workload
from bench.labels.filling import fill
from bench.labels.recount import recount

N_ANNOTATORS = 8
OVERLAP = 2
MAX_S = 120
"""Longest workload; it ends long before, when its server is gone."""


def kill_under_load(
    folder: Path, n_kills: int, after_s: float, n_pairs: int = 5000
) -> dict[str, Any]:
    """Kills the app so many times, each `after_s` seconds into a workload, and counts what is left.

    The same people continue on the same data, so that each start meets what the kill before left
    half done; the last start is left alive to be counted.
    """
    fill(folder, n_pairs)
    app = start_app(folder)
    campaign = create_campaign(app, "killed", OVERLAP, n_pairs)
    headers = invite(app, N_ANNOTATORS, "survivor")
    acknowledged: list[str] = []
    kills = []
    for _ in range(n_kills):
        client = Client(Workload("thrice", app.port, campaign, headers, MAX_S))
        time.sleep(after_s)
        app.kill()
        log = client.log()
        acknowledged += log.acknowledged
        app = start_app(folder)
        kills.append(
            {
                "n_acknowledged": len(log.acknowledged),
                "n_cut_off": log.n_cut_off,
                "start_s": app.start_s,
                **recount(folder, campaign, acknowledged)._asdict(),
            }
        )
    app.close()
    return {"n_acknowledged": len(acknowledged), "kills": kills}
