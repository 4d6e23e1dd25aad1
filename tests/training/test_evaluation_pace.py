"""The time left of an evaluation is told by its pace of late, without what an earlier run did."""

from typing import Any

import pytest

from ptrapp.evaluation.report import Progress
from training.jobs.evaluation_store import EvaluationStore


@pytest.fixture
def store() -> EvaluationStore:
    nothing: Any = None
    return EvaluationStore(nothing, nothing, {})


def test_what_was_slow_at_first_is_forgotten(store: EvaluationStore) -> None:
    assert store._left_s(Progress("", 0, 2000), 0.0) is None
    for second in range(10, 610, 10):  # an answer every ten seconds, beside something else
        slow = store._left_s(Progress("", second // 10, 2000), second)
    assert slow == pytest.approx(10 * (2000 - 60))
    for second in range(1, 131):  # then ten a second
        fast = store._left_s(Progress("", 60 + 10 * second, 2000), 600 + second)
    assert fast == pytest.approx((2000 - 1360) / 10, rel=0.1)


def test_what_an_earlier_run_had_done_is_no_pace(store: EvaluationStore) -> None:
    assert store._left_s(Progress("", 500, 1000, 500), 1.0) is None
    assert store._left_s(Progress("", 900, 1000, 900), 2.0) is None
    assert store._left_s(Progress("", 902, 1000, 900), 4.0) == pytest.approx(98 * 3 / 2)
