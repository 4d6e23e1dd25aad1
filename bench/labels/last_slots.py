"""Races annotators for the last slots of a campaign, each of which is to be taken once."""

from pathlib import Path
from typing import Any

from bench.labels.app import create_campaign, invite
from bench.labels.client import Workload
from bench.labels.measuring import measure
from bench.labels.processes import Program
from bench.labels.recount import recount

MAX_S = 60


def race_for_last_slots(
    app: Program, folder: Path, n_annotators: int, n_slots: int
) -> dict[str, Any]:
    """Labels a campaign of overlap 1 until no annotator is given anything more."""
    campaign = create_campaign(app, f"the end, {n_annotators} annotators", 1, n_slots)
    headers = invite(app, n_annotators, "racer")
    metrics, log = measure(app, Workload("thrice", app.port, campaign, headers, MAX_S))
    return metrics | {"n_slots": n_slots} | recount(folder, campaign, log.acknowledged)._asdict()
