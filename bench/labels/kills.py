"""`kill -9` while people label: after the next start every acknowledged vote is there."""

import time
from pathlib import Path
from typing import Any

from bench.labels.app import create_campaign, invite, start_app
from bench.labels.client import Client, Shift
from bench.labels.filling import fill
from bench.labels.recount import recount

N_ANNOTATORS = 8
OVERLAP = 2
LONGEST_S = 120
"""A shift ends when its server is gone, long before."""


def kill_under_load(
    folder: Path, n_kills: int, after_s: float, n_pairs: int = 5000
) -> dict[str, Any]:
    """Kill the app so many times, each `after_s` seconds into a shift, and count what is left.

    The same people go on over the same data, so that each start meets what the kill before left
    half done; the last start is left alive to be counted.
    """
    fill(folder, n_pairs)
    app = start_app(folder)
    campaign = create_campaign(app, "killed", OVERLAP, n_pairs)
    seats = invite(app, N_ANNOTATORS, "survivor")
    acknowledged: list[str] = []
    kills = []
    for _ in range(n_kills):
        client = Client(Shift("thrice", app.port, campaign, seats, LONGEST_S))
        time.sleep(after_s)
        app.kill()
        diary = client.diary()
        acknowledged += diary.acknowledged
        app = start_app(folder)
        kills.append(
            {
                "n_acknowledged": len(diary.acknowledged),
                "n_cut_off": diary.n_cut_off,
                "start_s": app.start_s,
                **recount(folder, campaign, acknowledged)._asdict(),
            }
        )
    app.close()
    return {"n_acknowledged": len(acknowledged), "kills": kills}
