"""The comparisons raters disagree on."""

from ptrapp.analysis.disagreement import disagreements
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

L, R, TIE, BAD = Choice.LEFT, Choice.RIGHT, Choice.TIE, Choice.BOTH_BAD


def test_the_widest_apart_come_first_and_the_agreed_not_at_all() -> None:
    answers_by_comparison = {
        1: [(L, 1), (TIE, 1)],
        2: [(L, 3), (R, 2)],
        3: [(L, 1), (L, 3)],
        4: [(L, 1), (R, 1)],
        5: [(L, 1), (R, 1), (L, 1)],
        6: [(BAD, 1), (L, 1)],
        7: [(BAD, 1), (BAD, 1)],
        8: [(L, 1)],
    }
    labels = [
        Label(f"rater {who}", comparison, *answer)
        for comparison, answers in answers_by_comparison.items()
        for who, answer in enumerate(answers)
    ]
    assert disagreements(labels) == [2, 5, 4, 1, 6]


def test_changing_ones_own_mind_is_no_disagreement() -> None:
    assert not disagreements([Label("ann", 1, L), Label("ann", 1, R, repeat=True)])
