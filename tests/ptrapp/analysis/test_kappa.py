"""Cohen's κ between every two raters."""

import pytest

from ptrapp.analysis.kappa import Kappa, cohens_kappa, kappas
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

L, R, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD


def test_kappa_by_hand() -> None:
    """p_o = 0.8; p_e = 0.6·0.4 + 0.4·0.6 = 0.48; κ = 0.32/0.52."""
    found = cohens_kappa([(L, L)] * 4 + [(R, R)] * 4 + [(L, R)] * 2)
    assert found.value == pytest.approx(0.61538, abs=1e-5)
    assert found.interval == pytest.approx(
        ((0.49016 - 0.48) / 0.52, (0.94332 - 0.48) / 0.52), abs=1e-4
    )


def test_a_published_table() -> None:
    """Fleiss, Levin, Paik 2003, Statistical Methods for Rates and Proportions, table 18.1: 0.676."""
    counts = {
        (L, L): 75, (L, R): 1, (L, TIE): 4,
        (R, L): 5, (R, R): 4, (R, TIE): 1,
        (TIE, L): 0, (TIE, R): 0, (TIE, TIE): 10,
    }  # fmt: skip
    found = cohens_kappa([pair for pair, n in counts.items() for _ in range(n)])
    assert found.value == pytest.approx(0.676, abs=5e-4)


def test_both_bad_is_an_answer_like_any_other() -> None:
    assert cohens_kappa([(L, L)] * 5 + [(BAD, BAD)] * 5).value == 1
    half = cohens_kappa([(L, L)] * 5 + [(BAD, TIE)] * 5).value
    assert half is not None
    assert half < 1


def between(*answers: tuple[Choice, Choice]) -> Kappa:
    """Ann and Bob, who answered one comparison after another so."""
    labels = [
        Label(who, at, answer)
        for at, both in enumerate(answers)
        for who, answer in zip(("ann", "bob"), both, strict=True)
    ]
    (found,) = kappas(labels)
    return found


def test_which_side_a_response_is_stored_on_changes_no_kappa() -> None:
    """p_o = 0.5, p_e = 0.5·0.25 + 0.5·0.25; κ = 0.25/0.75."""
    answers = [(L, L)] * 4 + [(R, R)] + [(L, TIE)] * 5
    assert between(*answers).kappa.value == pytest.approx(1 / 3)
    for start in range(len(answers)):
        some = [
            (one.mirrored(), other.mirrored()) if at >= start else (one, other)
            for at, (one, other) in enumerate(answers)
        ]
        assert between(*some).kappa == between(*answers).kappa


def test_two_who_agree_on_an_import_that_has_the_chosen_one_first_agree() -> None:
    found = between(*[(L, L)] * 12)
    assert (found.kappa.value, found.share.value) == (1, 1)
    assert found.kappa.interval is not None
    assert found.kappa.interval.low < 0.7, "twelve are few"


def test_two_raters_who_always_say_tie_have_no_kappa_but_a_share() -> None:
    found = between(*[(TIE, TIE)] * 12)
    assert found.kappa.value is None
    assert "not defined" in found.kappa.missing
    assert found.share.value == 1


def test_where_nearly_all_say_tie_the_interval_is_still_one_of_a_kappa() -> None:
    found = between(*[(TIE, TIE)] * 29, (L, TIE))
    assert found.kappa.value == pytest.approx(0, abs=0.01)
    assert found.kappa.interval is not None
    assert found.kappa.interval.low == -1


def test_every_two_raters_on_what_both_answered() -> None:
    labels = [
        *[Label("cat", at, L if at % 2 else R) for at in range(20)],
        *[Label("ann", at, L if at % 2 else R) for at in range(10, 25)],
        *[Label("bob", at, L) for at in range(22, 30)],
        *[Label("ann", at, R, repeat=True) for at in range(10, 25)],
    ]
    found = {(each.first, each.second): each for each in kappas(labels)}
    assert set(found) == {("ann", "cat"), ("ann", "bob")}
    assert found["ann", "cat"].kappa.n == 10
    assert found["ann", "cat"].kappa.value == 1
    assert (
        found["ann", "bob"].kappa.missing == "not enough data: needs 10 shared comparisons, has 3"
    )
