"""People's win rates between versions: both ways, by prompt, and as the bootstrap of rows has them."""

import pytest

from db.labelling.version_votes import Games
from ptrapp.analysis.bootstrap import clustered_interval
from ptrapp.services.leaderboard.win_rates import MIN_PROMPTS, judges, peoples


def test_the_interval_is_that_of_drawing_whole_prompts() -> None:
    games = [Games(1, None, prompt, float(prompt % 4), 3 + prompt % 2) for prompt in range(60)]
    found = peoples(games, {(1, None), (None, 1)})
    rows = [(game.prompt_id, game.wins, game.n) for game in games]
    expected = clustered_interval(
        rows,
        [row[0] for row in rows],
        lambda drawn: sum(row[1] for row in drawn) / sum(row[2] for row in drawn),
    )
    one, other = found[1, None], found[None, 1]
    assert one.value == sum(game.wins for game in games) / sum(game.n for game in games)
    assert (one.low, one.high) == pytest.approx(tuple(expected), abs=0.015)
    assert other.value == pytest.approx(1 - one.value)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low), abs=0.015)


def test_only_what_is_wanted_is_counted_and_both_sides_are_the_same_pair() -> None:
    left = [Games(1, 2, prompt, 1.0, 1) for prompt in range(MIN_PROMPTS)]
    right = [Games(2, 1, prompt, 1.0, 1) for prompt in range(MIN_PROMPTS)]
    found = peoples([*left, *right], {(1, 2), (3, 1)})
    assert list(found) == [(1, 2)]
    assert (found[1, 2].n, found[1, 2].value) == (2 * MIN_PROMPTS, 0.5)
    assert peoples(left[1:], {(1, 2)}) == {}


def test_without_a_comparison_there_is_none() -> None:
    assert peoples([], {(1, None)}) == {}
    assert judges([]) == {}
