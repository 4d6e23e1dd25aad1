"""Rows of votes, and of the campaign in which they were given."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from bench.growth.size import CAMPAIGN, N_PEOPLE, Size
from bench.growth.texts import Row
from db.models import Aspect, AssignmentState, CampaignState, Outcome

_START = datetime(2026, 1, 1, tzinfo=UTC)
_OUTCOMES = (Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD)
_WEIGHTS = (46, 40, 10, 4)


def offers(size: Size, random: Random) -> Iterator[Row]:
    for vote, comparison, rater, _ in _given(size):
        yield {
            "key": f"{vote:032x}",
            "comparison_id": comparison,
            "rater_id": rater,
            "flipped": random.random() < 0.5,
            "shown_at": _START,
        }


def votes(size: Size, random: Random) -> Iterator[Row]:
    for vote, comparison, rater, supersedes in _given(size):
        yield {
            "id": vote,
            "key": f"{vote:032x}",
            "offer_key": f"{vote:032x}",
            "comparison_id": comparison,
            "rater_id": rater,
            "outcome": random.choices(_OUTCOMES, _WEIGHTS)[0],
            "strength": random.randint(1, 3),
            "blind": True,
            "decided_ms": random.randint(600, 20_000),
            "client": "bench",
            "supersedes_id": supersedes,
            "created_at": _START + timedelta(seconds=vote),
        }


def _labels(size: Size) -> Iterator[tuple[int, int, int]]:
    """Yields last vote, comparison and rater of each label."""
    last: tuple[int, int, int] | None = None
    for vote, comparison, rater, supersedes in _given(size):
        if last is not None and supersedes is None:
            yield last
        last = (vote, comparison, rater)
    if last is not None:
        yield last


def _overlap(size: Size) -> int:
    """Returns how many labels each pair wants: one more than the votes give it."""
    return min(-(-size.votes // size.prompts) + 1, N_PEOPLE)


def campaign(size: Size, random: Random) -> Iterator[Row]:
    n_labels = sum(1 for _ in _labels(size))
    yield {
        "id": CAMPAIGN,
        "name": "all pairs",
        "aspect": Aspect.RESPONSE,
        "state": CampaignState.OPEN,
        "overlap": _overlap(size),
        "mix": {"uncertain": 0.5, "uniform": 0.5},
        "n_items": size.prompts,
        "n_slots": size.prompts * _overlap(size),
        "n_taken": n_labels,
        "n_done": n_labels,
    }


def items(size: Size, random: Random) -> Iterator[Row]:
    taken = [0] * (size.prompts + 1)
    for _, comparison, _ in _labels(size):
        taken[comparison] += 1
    for number in range(1, size.prompts + 1):
        yield {
            "id": number,
            "campaign_id": CAMPAIGN,
            "comparison_id": number,
            "overlap": _overlap(size),
            "n_taken": taken[number],
            "draw": random.random(),
            "uncertainty": random.random(),
        }


def campaign_raters(size: Size, random: Random) -> Iterator[Row]:
    done = [0] * (N_PEOPLE + 1)
    for _, _, rater in _labels(size):
        done[rater] += 1
    for rater in range(1, N_PEOPLE + 1):
        yield {"campaign_id": CAMPAIGN, "rater_id": rater, "n_done": done[rater]}


def assignments(size: Size, random: Random) -> Iterator[Row]:
    for vote, comparison, rater in _labels(size):
        yield {
            "campaign_id": CAMPAIGN,
            "item_id": comparison,
            "rater_id": rater,
            "state": AssignmentState.DONE,
            "counts": True,
            "offer_key": f"{vote:032x}",
            "created_at": _START,
            "done_at": _START + timedelta(seconds=vote),
        }


def _given(size: Size) -> Iterator[tuple[int, int, int, int | None]]:
    """Yields vote, comparison, rater and the vote that it supersedes.

    Every comparison is gone through again and again, each time by the next person; of forty votes
    one changes the one before it.
    """
    place = 0
    for vote in range(1, size.votes + 1):
        changes = vote % 40 == 0
        if not changes:
            place += 1
        turn, comparison = divmod(place - 1, size.prompts)
        yield (
            vote,
            comparison + 1,
            (comparison + turn) % N_PEOPLE + 1,
            vote - 1 if changes else None,
        )
