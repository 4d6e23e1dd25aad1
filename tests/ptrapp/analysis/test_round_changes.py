import pytest

from ptrapp.analysis.rounds import accuracy_given_before, changes


def test_changes_count_what_a_round_fixed_and_broke() -> None:
    assert changes([True, False, False, True], [True, True, False, False]) == (1, 1, 2)


def test_rounds_of_unequal_size_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        changes([True], [True, False])


def test_accuracy_is_split_by_the_round_before() -> None:
    found = accuracy_given_before(
        [True, True, False, False, False], [True, False, True, False, False]
    )
    assert found == ((1, 2), (1, 3))
    assert accuracy_given_before([True], [True]).after_wrong.rate is None
