import pytest

from ptrapp.analysis.rounds import flips, given_before


def test_flips_count_what_a_round_fixed_and_broke() -> None:
    assert flips([True, False, False, True], [True, True, False, False]) == (1, 1, 2)


def test_rounds_of_unequal_size_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        flips([True], [True, False])


def test_accuracy_is_told_apart_by_the_round_before() -> None:
    found = given_before([True, True, False, False, False], [True, False, True, False, False])
    assert found == ((1, 2), (1, 3))
    assert given_before([True], [True]).after_wrong.rate is None
