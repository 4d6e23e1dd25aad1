"""The flip rate: by hand from each kind of count, and recovered from simulated raters."""

import random

import pytest

from ptrapp.analysis.label_noise import AgreementTally, flip_rate, from_agreement, tally
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

L, R, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD
OTHER = {L: R, R: L}


def simulate(epsilon: float, seed: int, n: int = 200, n_raters: int = 3) -> list[Label]:
    """Raters who flip with ε: `n` comparisons, every fourth repeated, every fifth gold."""
    chance = random.Random(seed)
    labels = []
    for at in range(n):
        truth = chance.choice([L, R])
        gold = truth if at % 5 == 0 else None
        for who in range(n_raters):
            for repeat in (False, True) if at % 4 == 0 else (False,):
                outcome = OTHER[truth] if chance.random() < epsilon else truth
                labels.append(Label(f"rater {who}", at, outcome, repeat=repeat, gold=gold))
    return labels


def test_pairs_alone_by_hand() -> None:
    """82 alike, 18 opposed: a = 0.82, ε = (1 − √0.64)/2 = 0.1."""
    found = flip_rate(AgreementTally({(2, 0): 82, (1, 1): 18}))
    assert found.epsilon.value == pytest.approx(0.1, abs=1e-4)
    assert from_agreement(0.82) == pytest.approx(0.1)
    assert from_agreement(0.3) == 0.5


def test_gold_alone_by_hand() -> None:
    """90 of 100 right: ε = 0.1. −2·log-likelihood ratio is 3.841 at 0.0514 and 0.1688."""
    found = flip_rate(AgreementTally(gold=(90, 10)))
    assert found.epsilon.value == pytest.approx(0.1, abs=1e-4)
    assert found.epsilon.interval == pytest.approx((0.0514, 0.1688), abs=2e-4)


def test_no_error_seen_is_not_certainty() -> None:
    """ε̂ = 0; 100·log(1 − ε) = −1.92 at ε = 0.019."""
    found = flip_rate(AgreementTally(gold=(100, 0)))
    assert found.epsilon.value == 0
    assert found.epsilon.interval == pytest.approx((0, 0.019), abs=1e-3)


def test_three_votes_on_a_comparison_by_hand() -> None:
    """Three votes are not all alike with 3ε(1−ε): 10 of 60, so ε(1−ε) = 1/18 and ε = 0.05904."""
    alike = flip_rate(AgreementTally({(3, 0): 50, (2, 1): 10}))
    assert alike.epsilon.value == pytest.approx(0.05904, abs=1e-4)


@pytest.mark.parametrize("epsilon", [0.02, 0.1, 0.25, 0.4])
def test_the_rate_of_simulated_raters_lies_in_its_interval(epsilon: float) -> None:
    """A 95 % interval misses about one time in twenty; of 40 worlds at most 6 (1 in 200)."""
    misses = 0
    for seed in range(40):
        found = flip_rate(tally(simulate(epsilon, seed))).epsilon
        assert found.interval is not None
        misses += not found.interval.low <= epsilon <= found.interval.high
    assert misses <= 6


def test_estimates_centre_on_the_truth() -> None:
    values = [flip_rate(tally(simulate(0.15, seed))).epsilon.value for seed in range(30)]
    assert sum(filter(None, values)) / 30 == pytest.approx(0.15, abs=0.01)


def test_what_is_counted() -> None:
    labels = [
        Label("ann", 1, L),
        Label("bob", 1, L),
        Label("cat", 1, R),
        Label("ann", 1, R, repeat=True),
        Label("ann", 2, L, gold=L),
        Label("bob", 2, R, gold=L),
        Label("ann", 3, TIE),
        Label("bob", 3, BAD),
        Label("ann", 4, L),
        Label("ann", 5, L, gold=TIE),
        Label("judge", 4, R, agreed=False),
    ]
    found = tally(labels)
    assert found.groups == {(2, 2): 1, (1, 0): 1}
    assert found.gold == (1, 1)
    assert found.repeats == (0, 1)
    assert found.pairs == (1, 2)
    assert found.n == 3


def test_too_few_votes_give_no_rate() -> None:
    found = flip_rate(AgreementTally({(1, 0): 500, (2, 0): 6}, gold=(5, 0)))
    assert found.epsilon.value is None
    assert found.label_smoothing is None
    assert found.epsilon.missing.startswith("not enough data: needs 20 ")


def test_smoothing_stays_below_one_half() -> None:
    noise = flip_rate(AgreementTally({(2, 0): 50, (1, 1): 50}))
    assert noise.epsilon.value == 0.5
    assert noise.label_smoothing == 0.45
    assert flip_rate(AgreementTally(gold=(90, 10))).label_smoothing == 0.1


def test_its_counts_are_in_words() -> None:
    found = flip_rate(tally(simulate(0.1, 0)))
    assert "gold answers (alone: 0." in found.rests_on
    assert "repeats of raters' own votes (alone: 0." in found.rests_on
    assert "pairs of raters on one comparison (alone: 0." in found.rests_on


def test_one_of_a_kind_is_said_in_the_singular() -> None:
    found = flip_rate(AgreementTally({(1, 0): 40}, repeats=(1, 0), pairs=(1, 0), gold=(1, 0)))
    assert found.rests_on.startswith("1 repeat of raters' own votes (alone")
    assert "; 1 pair of raters on one comparison (alone" in found.rests_on
    assert "; 1 gold answer (alone" in found.rests_on
