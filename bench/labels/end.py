"""The end of a campaign, raced: more people than places, and every place is to be taken once."""

from pathlib import Path
from typing import Any

from bench.labels.app import create_campaign, invite
from bench.labels.client import Shift
from bench.labels.processes import Program
from bench.labels.recount import recount
from bench.labels.turn import take_turn

LONGEST_S = 60


def race_to_the_end(app: Program, folder: Path, n_annotators: int, n_slots: int) -> dict[str, Any]:
    """Label a campaign of overlap 1 until nobody is given anything more."""
    campaign = create_campaign(app, f"the end, {n_annotators} annotators", 1, n_slots)
    seats = invite(app, n_annotators, "racer")
    figures, diary = take_turn(app, Shift("thrice", app.port, campaign, seats, LONGEST_S))
    return figures | {"n_slots": n_slots} | recount(folder, campaign, diary.acknowledged)._asdict()
