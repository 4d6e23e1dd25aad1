import pytest

from ptrapp.analysis.intervals import wilson, wilson_of_clusters


def test_wilson_by_hand() -> None:
    """k = 8, n = 10, z = 1.96: z² = 3.8416, scale 1.38416, centre (0.8 + 0.19208)/1.38416 = 0.71674,
    half 1.96/1.38416·√(0.016 + 0.009604) = 0.22658.
    """
    assert wilson(8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-5)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 5), (5, 5), (1, 1000)])
def test_an_interval_holds_its_rate_and_stays_between_0_and_1(k: int, n: int) -> None:
    low, high = wilson(k, n)
    assert 0 <= low <= high <= 1
    assert n == 0 or low <= k / n <= high


def test_single_answers_have_wilsons_own_interval() -> None:
    assert wilson_of_clusters([(1, 1)] * 8 + [(0, 1)] * 2) == pytest.approx(wilson(8, 10))


def test_answers_that_only_repeat_each_other_count_once() -> None:
    """Ten problems asked four times with the same outcome say what ten answers say."""
    assert wilson_of_clusters([(4, 4)] * 8 + [(0, 4)] * 2) == pytest.approx(wilson(8, 10))
    assert wilson_of_clusters([(4, 4)] * 10) == pytest.approx(wilson(10, 10))


def test_the_design_effect_by_hand() -> None:
    """(2, 2) and (1, 2): r = 3/4, N = 4; Σ(k − r·n)² = 0.25 + 0.25, over 4·3/16 is 2/3, so 1.
    (2, 2), (2, 2), (0, 2): r = 2/3, N = 6; Σ = 4/9 + 4/9 + 16/9 = 8/3, over 6·2/9 is 2: N/2.
    """
    assert wilson_of_clusters([(2, 2), (1, 2)]) == pytest.approx(wilson(3, 4))
    assert wilson_of_clusters([(2, 2), (2, 2), (0, 2)]) == pytest.approx(wilson(2, 3))


def test_no_answer_says_nothing() -> None:
    assert wilson_of_clusters([]) == (0.0, 1.0)
