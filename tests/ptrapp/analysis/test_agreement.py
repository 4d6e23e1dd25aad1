"""Krippendorff's α over raters and comparisons: by hand, from the literature, and its limits."""

import doctest
import random
from dataclasses import replace
from typing import Any

import krippendorff
import numpy as np
import pytest

from ptrapp.analysis import agreement
from ptrapp.analysis.agreement import conclusion, krippendorff_alpha, ordinal_alpha, scale_value
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

L, R, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD


def table(*rows: tuple[Choice, ...]) -> list[Label]:
    """A row for each comparison, a column for each rater."""
    return [
        Label(f"rater {who}", comparison, outcome)
        for comparison, row in enumerate(rows)
        for who, outcome in enumerate(row)
    ]


def test_alpha_by_hand() -> None:
    """(L, L) (L, L) (R, R) (L, R), ten times over: 80 L and 80 R of N = 160 labels in both orders.

    D_o = 2·20/160 = ¼,  D_e = 2·80·80/(160·159),  α = 1 − ¼·160·159/12800 = 0.503125.
    """
    found = ordinal_alpha(table((L, L), (L, L), (R, R), (L, R)) * 1)
    assert found.value is None, "four comparisons are too few"
    rows = [(L, L), (L, L), (R, R), (L, R)] * 10
    assert ordinal_alpha(table(*rows)).value == pytest.approx(0.503125, abs=1e-6)


def test_a_miss_by_one_step_costs_less_than_one_across_the_scale() -> None:
    agreed = [(L, L), (R, R), (TIE, TIE)] * 10
    near = ordinal_alpha(table(*agreed, (L, TIE), (TIE, R)))
    far = ordinal_alpha(table(*agreed, (L, R), (L, R)))
    assert near.value is not None
    assert far.value is not None
    assert near.value > far.value + 0.03


def test_strength_has_its_value_on_the_scale() -> None:
    sides = [
        scale_value(Label("ann", 1, side, strength)) for side in (L, R) for strength in (1, 2, 3)
    ]
    assert sides == [-1, -2, -3, 1, 2, 3]
    assert scale_value(Label("ann", 1, TIE, 3)) == 0


def test_both_bad_is_missing_and_not_a_tie() -> None:
    rows = [(L, L), (R, R), (L, R)] * 10
    without = ordinal_alpha(table(*rows))
    assert ordinal_alpha(table(*rows, *[(BAD, BAD), (BAD, L)] * 5)) == without
    assert ordinal_alpha(table(*rows, *[(TIE, L)] * 5)) != without


def test_repeats_gold_and_a_judges_doubts_are_left_out() -> None:
    rows = table(*[(L, L), (R, R), (L, R)] * 10)
    extra = [
        Label("rater 0", 0, R, repeat=True),
        *[Label(f"rater {who}", 100 + at, L, gold=L) for who in (0, 1) for at in range(20)],
        *[Label("judge", at, TIE, agreed=False) for at in range(30)],
    ]
    assert ordinal_alpha([*rows, *extra]) == ordinal_alpha(rows)


def test_the_interval_holds_alpha_of_the_raters_it_was_drawn_from() -> None:
    """Two raters of whom each flips a fifth of all comparisons: a = 0.68, and α near 0.36."""
    chance = random.Random(1)
    labels = []
    for comparison in range(300):
        truth = chance.choice([L, R])
        for who in ("ann", "bob"):
            answer = truth if chance.random() > 0.2 else {L: R, R: L}[truth]
            labels.append(Label(who, comparison, answer))
    found = ordinal_alpha(labels)
    assert found.interval is not None
    assert found.interval.low < 0.36 < found.interval.high
    assert found.interval.high - found.interval.low < 0.25
    assert ordinal_alpha(labels) == found, "the same votes have the same interval"


def test_the_interval_of_many_comparisons_is_as_narrow_as_if_all_were_drawn() -> None:
    """Nine times as many comparisons of the same kind: a third of the width."""
    rows = [(L, L), (R, R), (L, L), (R, R), (L, R)] * 120
    few, many = (ordinal_alpha(table(*rows * times)).interval for times in (1, 9))
    assert few is not None
    assert many is not None
    assert (many.high - many.low) == pytest.approx((few.high - few.low) / 3, rel=0.15)


def test_the_interval_is_that_of_comparisons_drawn_one_by_one() -> None:
    """A draw of how often there is each kind of comparison is a draw of the comparisons."""
    chance = random.Random(4)
    labels = [
        Label(who, comparison, chance.choice([L, L, L, R, TIE]), strength=chance.choice([1, 2]))
        for comparison in range(60)
        for who in ("ann", "bob", "cas")
    ]
    found = ordinal_alpha(labels, n_resamples=4000).interval
    assert found is not None
    drawn = []
    for _ in range(2000):
        resample = [chance.randrange(60) for _ in range(60)]
        again = [
            replace(labels[3 * comparison + at], comparison=number)
            for number, comparison in enumerate(resample)
            for at in range(3)
        ]
        value = ordinal_alpha(again, n_resamples=1).value
        assert value is not None
        drawn.append(value)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)


def test_nobody_disagreeing_is_not_certainty() -> None:
    found = ordinal_alpha(table(*[(L, L), (R, R)] * 10))
    assert found.value == 1
    assert found.interval is not None
    share = 0.839  # Wilson's bound of 20 of 20; half of two labels are equal by chance
    assert found.interval.low == pytest.approx(1 - (1 - share) / 0.5, abs=0.001)


def test_where_hardly_a_label_differs_alpha_cannot_be_told() -> None:
    """Resamples without the one that differs have no α: the others would say it is above 0."""
    found = ordinal_alpha(table(*[(TIE, TIE)] * 29, (TIE, L)))
    assert found.value is None
    assert "nearly all labels are ties" in found.missing
    assert ordinal_alpha(table(*[(TIE, TIE)] * 29, *[(TIE, L)] * 4)).value is not None


def test_which_side_a_response_is_stored_on_changes_no_alpha() -> None:
    rows = [(L, L), (R, R), (L, TIE), (R, L)] * 6
    as_stored = ordinal_alpha(table(*rows))
    turned = [
        tuple(one.mirrored() for one in row) if at % 5 else row for at, row in enumerate(rows)
    ]
    assert ordinal_alpha(table(*turned)).value == as_stored.value
    chosen_first = ordinal_alpha(table(*[(L, L)] * 30))
    assert chosen_first.value == 1, "they agree, where an import had the chosen one first"


def test_everybody_always_saying_tie_has_no_alpha() -> None:
    found = ordinal_alpha(table(*[(TIE, TIE)] * 30))
    assert found.value is None
    assert "not defined" in found.missing


def test_too_few_shared_comparisons_give_the_number_needed() -> None:
    alone = [Label("ann", comparison, L) for comparison in range(100)]
    found = ordinal_alpha([*alone, *[Label("bob", at, R) for at in range(7)]])
    assert found.value is None
    assert (
        found.missing
        == "not enough data: needs 20 comparisons that several raters put in order, has 7"
    )
    assert "not enough data" in conclusion(found)


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(agreement)
    assert result.failed == 0
    assert result.attempted > 1


def test_alpha_of_krippendorffs_own_example() -> None:
    """Content Analysis, 2004, chapter 11: four observers, twelve units, α = 0.815 ordinal."""
    nan = np.nan
    data = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
    assert krippendorff_alpha(counts_of(data)) == pytest.approx(0.815, abs=5e-4)


@pytest.mark.parametrize("seed", range(10))
def test_alpha_equals_the_librarys_on_labels_of_which_some_are_missing(seed: int) -> None:
    """Two to six raters, two to nine values, up to four fifths missing, some values unused."""
    rng = np.random.default_rng(seed)
    n_compared = 0
    for _ in range(30):
        n_raters, n_values = rng.integers(2, 7), rng.integers(2, 10)
        truth = rng.integers(n_values, size=rng.integers(2, 60))
        labels = np.clip(truth + rng.integers(-2, 3, size=(n_raters, len(truth))), 0, n_values - 1)
        data = np.where(rng.random(labels.shape) < rng.uniform(0, 0.8), np.nan, labels + 1.0)
        counts = counts_of(data)
        if counts[counts.sum(axis=1) > 1].any(axis=0).sum() < 2:
            assert krippendorff_alpha(counts) == 1
            continue
        expected = krippendorff.alpha(value_counts=counts, level_of_measurement="ordinal")
        assert krippendorff_alpha(counts) == pytest.approx(expected, abs=1e-12)
        n_compared += 1
    assert n_compared > 15


def counts_of(data: Any) -> np.ndarray:
    """How many raters gave each value to each unit, from a row of labels for each rater."""
    labels = np.asarray(data)  # (raters, units), from 1, nan where there is none
    values = np.arange(1, int(np.nanmax(labels, initial=1)) + 1)
    return np.asarray((labels.T[:, :, None] == values).sum(axis=1))  # (units, values)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(L, L), (R, R)] * 20, "agree well:"),
        ([(L, L), (R, R)] * 10, "careful conclusions: α = 1.00"),
        ([(L, L), (R, R)] * 200 + [(L, R)] * 45, "careful"),
        ([(L, L), (R, R)] * 20 + [(L, R)] * 5, "whether well enough is not clear"),
        ([(L, L), (R, R)] * 40 + [(L, R)] * 40, "not reliably"),
        ([(L, L), (R, R), (L, R), (R, L)] * 10, "not clear whether raters agree more"),
        ([(L, R), (R, L)] * 10 + [(L, L)] * 2, "less than chance would: α = −0.8"),
    ],
)
def test_alpha_is_explained_in_words(rows: list[tuple[Choice, ...]], words: str) -> None:
    assert words in conclusion(ordinal_alpha(table(*rows)))
