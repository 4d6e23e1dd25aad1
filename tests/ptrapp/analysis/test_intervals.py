import pytest

from ptrapp.analysis.intervals import wilson


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
