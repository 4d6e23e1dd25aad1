"""People's win rates between versions: both ways, by prompt, and as the bootstrap of rows has them."""

import numpy as np
import pytest

from db.labelling.version_votes import BASE_ID, GameColumn
from ptrapp.analysis.bootstrap import clustered_interval
from ptrapp.analysis.intervals import wilson
from ptrapp.services.leaderboard.win_rates import MIN_PROMPTS, judges, peoples


def games(left: int, right: int, points: list[tuple[int, int]]) -> np.ndarray:
    """Votes between two versions (n, 6), each given as its prompt and the left one's points."""
    rows = np.zeros((len(points), len(GameColumn)), dtype=np.int64)
    rows[:, GameColumn.LEFT], rows[:, GameColumn.RIGHT] = left, right
    rows[:, [GameColumn.PROMPT, GameColumn.POINTS]] = np.reshape(points, (-1, 2))
    return rows


def test_the_interval_is_that_of_drawing_whole_prompts() -> None:
    votes = [
        (prompt, (prompt * (vote + 1)) % 3)
        for prompt in range(60)
        for vote in range(3 + prompt % 2)
    ]
    found = peoples(games(1, BASE_ID, votes), {(1, None), (None, 1)})
    by_prompt = [[points for at, points in votes if at == prompt] for prompt in range(60)]
    rows = [(prompt, sum(each) / 2, len(each)) for prompt, each in enumerate(by_prompt)]
    expected = clustered_interval(
        rows,
        [row[0] for row in rows],
        lambda drawn: sum(row[1] for row in drawn) / sum(row[2] for row in drawn),
    )
    one, other = found[1, None], found[None, 1]
    assert one.value == sum(row[1] for row in rows) / sum(row[2] for row in rows)
    assert (one.low, one.high) == pytest.approx(tuple(expected), abs=0.015)
    assert other.value == pytest.approx(1 - one.value)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low), abs=0.015)


def test_only_what_is_wanted_is_counted_and_both_sides_are_the_same_pair() -> None:
    won = [(prompt, 2) for prompt in range(MIN_PROMPTS)]
    left, right = games(1, 2, won), games(2, 1, won)
    found = peoples(np.concatenate([left, right]), {(1, 2), (3, 1)})
    assert list(found) == [(1, 2)]
    assert (found[1, 2].n, found[1, 2].value) == (2 * MIN_PROMPTS, 0.5)
    assert peoples(left[1:], {(1, 2)}) == {}


def test_a_version_that_won_every_vote_is_not_sure_to_win_the_next() -> None:
    won = games(1, BASE_ID, [(prompt, 2) for prompt in range(13) for _ in range(2)])
    found = peoples(won, {(1, None)})[1, None]
    assert found.value == 1
    assert (found.low, found.high) == pytest.approx(wilson(13, 13)), (
        "of 13 prompts, not of 26 votes"
    )


def test_without_a_comparison_there_is_none() -> None:
    assert peoples(games(1, BASE_ID, []), {(1, None)}) == {}
    assert judges([]) == {}
