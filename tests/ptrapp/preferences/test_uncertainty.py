"""How unsure a judge is, by numbers worked by hand."""

from math import exp, isclose

from ptrapp.preferences.uncertainty import uncertainties

NUMBERS = {1: 0.0, 2: 0.0, 3: 1.0, 4: 1.0}


def test_what_it_cannot_tell_apart_is_one_and_farther_is_surer() -> None:
    same, near = uncertainties([(1, 2), (1, 3)], NUMBERS)

    assert same == 1
    assert near is not None
    assert isclose(near, 2 - 2 / (1 + exp(-2)))


def test_sides_and_scale_do_not_matter() -> None:
    scaled = {round_id: 5 + 1000 * value for round_id, value in NUMBERS.items()}

    plain, turned = uncertainties([(1, 3), (3, 1)], NUMBERS)
    (other,) = uncertainties([(1, 3)], scaled)

    assert plain is not None
    assert turned is not None
    assert other is not None
    assert isclose(plain, turned)
    assert isclose(plain, other)


def test_without_two_numbers_or_when_all_are_alike_nothing_is_known() -> None:
    assert uncertainties([(1, 9)], NUMBERS) == [None]
    assert uncertainties([(1, 2)], {1: 3.0, 2: 3.0}) == [None]
    assert uncertainties([(1, 2)], {}) == [None]


def test_one_far_from_all_others_overflows_nothing() -> None:
    many = dict.fromkeys(range(1, 100_000), 0.0) | {0: 1e9}
    (sure,) = uncertainties([(0, 1)], many)

    assert sure is not None
    assert 0 <= sure < 1e-6
