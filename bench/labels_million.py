"""A campaign of a million pairs: how long the database takes to put them in and to give one out.

No HTTP: the product's own functions, each call the durable transaction it is in the app.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import combinations, islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from bench.labels_filling import fill
from bench.labels_turn import percentiles
from db import assignments, campaigns, labels
from db.campaigns import NewItem
from db.models import CampaignState, Outcome, RaterKind
from db.session import Database, open_database

N_SIBLINGS = 20
"""Answers to each prompt, 190 pairs: a million pairs need only a hundred thousand answers."""
OVERLAP = 2
AT_ONCE = 10_000
"""Pairs put in by one transaction."""
MIX = {"uncertain": 0.5, "uniform": 0.5}


def label_a_million(folder: Path, n_pairs: int, n_timed: int = 2000) -> dict[str, Any]:
    """Time `next` when nothing is labelled, a tenth of it, and for somebody who did half of that.

    One rater labels a twentieth of the pairs and others as many, so that the last questions come
    from somebody with a long past in a campaign with many full comparisons.
    """
    n_prompts = -(-n_pairs // (N_SIBLINGS * (N_SIBLINGS - 1) // 2))
    fill(folder, n_prompts, N_SIBLINGS)
    database = open_database(f"sqlite:///{folder / 'thrice.db'}")
    started = perf_counter()
    campaign = _put_in(database, n_prompts, n_pairs)
    put_in_s = perf_counter() - started
    diligent, others = "diligent", [f"other-{place}" for place in range(8)]
    n_of_one = n_pairs // 20
    load = [os.getloadavg()[0]]
    report: dict[str, Any] = {
        "n_pairs": n_pairs,
        "put_in_s": put_in_s,
        "pairs_per_s": n_pairs / put_in_s,
        "next_at_the_start_ms": _timed(database, campaign, others, n_timed),
    }
    started = perf_counter()
    _label(database, campaign, [diligent], n_of_one)
    _label(database, campaign, others, n_of_one)
    report["labelled_per_s"] = 2 * n_of_one / (perf_counter() - started)
    report["next_after_a_tenth_ms"] = _timed(database, campaign, ["newcomer", *others], n_timed)
    report["next_of_the_diligent_ms"] = _timed(database, campaign, [diligent], n_timed)
    report["load_average"] = [*load, os.getloadavg()[0]]
    database.dispose()
    return report


def _put_in(database: Database, n_prompts: int, n_pairs: int) -> int:
    """A campaign of the first pairs of siblings; returns its id."""
    random = Random(0)
    with database.write() as session:
        campaign = campaigns.create(session, "a million", overlap=OVERLAP, mix=MIX)
    pairs = islice(_siblings(n_prompts), n_pairs)
    while some := list(islice(pairs, AT_ONCE)):
        items = [NewItem(left, right, uncertainty=random.random()) for left, right in some]
        with database.write() as session:
            campaigns.add_items(session, campaign.id, items, draw=random)
    with database.write() as session:
        campaigns.set_state(session, campaign.id, CampaignState.OPEN)
    return campaign.id


def _siblings(n_prompts: int) -> Iterable[tuple[int, int]]:
    """Ids of the rounds of each pair; rounds are numbered as they were stored."""
    for prompt in range(n_prompts):
        first = 1 + prompt * N_SIBLINGS
        yield from combinations(range(first, first + N_SIBLINGS), 2)


def _timed(database: Database, campaign: int, names: Sequence[str], n: int) -> dict[str, float]:
    """Milliseconds of so many `next` in the database, each answered before the one after it."""
    random = Random(1)
    took = []
    for rater in _ids(database, names, n):
        started = perf_counter()
        with database.write() as session:
            (key,) = assignments.reserve(session, campaign, rater, draw=random)
        took.append(1000 * (perf_counter() - started))
        with database.write() as session:
            assignments.vote(session, key, Outcome.LEFT)
    return percentiles(took)


def _label(database: Database, campaign: int, names: Sequence[str], n: int) -> None:
    """Label so many without looking at the clock, some hundred to a transaction."""
    random = Random(2)
    raters = iter(_ids(database, names, n))
    while some := list(islice(raters, 500)):
        with database.write() as session:
            for rater in some:
                for key in assignments.reserve(session, campaign, rater, draw=random):
                    assignments.vote(session, key, Outcome.LEFT)


def _ids(database: Database, names: Sequence[str], n: int) -> list[int]:
    """Who is asked, in turn."""
    with database.write() as session:
        ids = [labels.ensure_rater(session, RaterKind.HUMAN, name).id for name in names]
    return [ids[place % len(ids)] for place in range(n)]
