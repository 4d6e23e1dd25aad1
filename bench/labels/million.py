"""Measures a campaign of a million pairs: the time to add them and to assign one.

Without HTTP: the product's own functions, each call the same committed transaction as in the app.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import combinations, islice
from pathlib import Path
from random import Random
from time import perf_counter, thread_time
from typing import Any

from bench.labels.bulk_labels import insert_labels
from bench.labels.filling import fill
from bench.labels.measuring import percentiles
from bench.labels.recount import recount
from db.labelling import answers, assignments, campaigns, raters
from db.labelling.campaigns import NewItem
from db.models import CampaignState, Outcome, RaterKind
from db.storage.session import Database, open_database

N_SIBLINGS = 20
"""Answers to each prompt, 190 pairs: a million pairs need only a hundred thousand answers."""
OVERLAP = 2
PAIRS_PER_TRANSACTION = 10_000
"""Pairs added in one transaction."""
MIX = {"uncertain": 0.5, "uniform": 0.5}


def label_a_million(folder: Path, n_pairs: int) -> dict[str, Any]:
    """Times `next` with nothing and with a tenth labelled, and for the rater of half of that."""
    n_timed = min(2000, n_pairs // 40)
    n_prompts = -(-n_pairs // (N_SIBLINGS * (N_SIBLINGS - 1) // 2))
    fill(folder, n_prompts, N_SIBLINGS)
    database = open_database(f"sqlite:///{folder / 'thrice.db'}")
    load = os.getloadavg()[0]
    started = perf_counter()
    campaign = _add_pairs(database, n_prompts, n_pairs)
    add_s = perf_counter() - started
    report: dict[str, Any] = {
        "n_pairs": n_pairs,
        "put_in_s": add_s,
        "pairs_per_s": n_pairs / add_s,
        "database_mib": (folder / "thrice.db").stat().st_size / 2**20,
    }
    first, (diligent, *others), late = (
        _raters(database, time, n) for time, n in (("first", 4), ("past", 9), ("late", 4))
    )
    report["next_at_the_start"] = _timed(database, campaign, first, n_timed)
    insert_labels(folder, campaign, diligent, n_pairs // 20)
    for other in others:
        insert_labels(folder, campaign, other, n_pairs // 20 // len(others))
    report["next_after_a_tenth"] = _timed(database, campaign, late, n_timed)
    report["next_of_the_diligent"] = _timed(database, campaign, [diligent], n_timed)
    database.dispose()
    counted = recount(folder, campaign, ())
    return report | {
        "n_labels": counted.n_votes,
        "flaws": counted.flaws,
        "load_average": [load, os.getloadavg()[0]],
    }


def _add_pairs(database: Database, n_prompts: int, n_pairs: int) -> int:
    """Creates a campaign of the first pairs of siblings; returns its id."""
    random = Random(0)
    with database.write() as session:
        campaign = campaigns.create(session, "a million", overlap=OVERLAP, mix=MIX)
    pairs = islice(_siblings(n_prompts), n_pairs)
    while some := list(islice(pairs, PAIRS_PER_TRANSACTION)):
        items = [NewItem(left, right, uncertainty=random.random()) for left, right in some]
        with database.write() as session:
            campaigns.add_items(session, campaign.id, items, draw=random)
    with database.write() as session:
        campaigns.set_state(session, campaign.id, CampaignState.OPEN)
    return campaign.id


def _siblings(n_prompts: int) -> Iterable[tuple[int, int]]:
    """Yields ids of the rounds of each pair; rounds are numbered as they were stored."""
    for prompt in range(n_prompts):
        first = 1 + prompt * N_SIBLINGS
        yield from combinations(range(first, first + N_SIBLINGS), 2)


def _timed(
    database: Database, campaign: int, raters: Sequence[int], n: int
) -> dict[str, dict[str, float]]:
    """Times so many `next` in the database, each answered before the next one.

    On a busy machine the clock counts others' work as well; the CPU's time does not.
    """
    random = Random(1)
    times: dict[str, list[float]] = {"ms": [], "cpu_ms": []}
    for number in range(n):
        rater = raters[number % len(raters)]
        started, began = perf_counter(), thread_time()
        with database.write() as session:
            (key,) = assignments.reserve(session, campaign, rater, draw=random).keys
        times["ms"].append(1000 * (perf_counter() - started))
        times["cpu_ms"].append(1000 * (thread_time() - began))
        with database.write() as session:
            answers.vote(session, key, Outcome.LEFT)
    return {name: percentiles(values) for name, values in times.items()}


def _raters(database: Database, name: str, n: int) -> list[int]:
    with database.write() as session:
        return [
            raters.ensure_rater(session, RaterKind.HUMAN, f"{name}-{number}").id
            for number in range(n)
        ]
