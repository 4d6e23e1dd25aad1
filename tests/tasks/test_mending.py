"""Mending changes an answer's form, one constraint after another, and leaves its words."""

import pytest

from ptrapp.tasks.constraints import Constraint, words_of
from ptrapp.tasks.instructions import INSTRUCTIONS, TRAINED, instructions
from ptrapp.tasks.kept import Asked
from ptrapp.tasks.mending import mend, steps

RIVER = (
    "A river is a long stream of fresh water, and it runs to the sea. Fish, frogs and birds live "
    "there. People sail on rivers with boats. Many towns were built beside one."
)
NEEDS_A_WRITER = {"keywords", "words_at_least", "number"}
_FORM = TRAINED - NEEDS_A_WRITER


@pytest.mark.parametrize("kind", sorted(_FORM))
def test_a_mended_answer_keeps_the_constraint(kind: str) -> None:
    asked = [
        Asked.from_reference(each.reference)
        for each in instructions(200, name=INSTRUCTIONS, seed=3, kinds=[kind])
    ]
    constraints = {each.constraints[0] for each in asked if len(each.constraints) == 1}
    mended = [(one, mend(RIVER, one)) for one in constraints if not one.kept(RIVER)]
    found = [(one, text) for one, text in mended if text is not None]
    assert found, "the kind is mended at least once"
    for constraint, text in found:
        assert constraint.kept(text)
        added = set(words_of(text.casefold())) - set(words_of(RIVER.casefold()))
        assert kind in ("last_words", "question") or not added, "no word is made up"


@pytest.mark.parametrize("kind", sorted(NEEDS_A_WRITER))
def test_what_needs_more_to_be_said_is_left_alone(kind: str) -> None:
    assert mend(RIVER, Constraint(kind, 100, ("castle", "cheese"))) is None


def test_two_broken_constraints_take_two_steps_that_each_keep_more() -> None:
    asked = Asked("Write.", (Constraint("no_commas"), Constraint("lowercase")), 10)
    found = steps(RIVER, asked)
    assert found is not None
    assert [asked.kept_by(text).n_kept for text in (RIVER, *found)] == [0, 1, 2]


def test_the_order_is_one_in_which_nothing_is_undone() -> None:
    """Leaving out sentences leaves the question at the end where it is."""
    asked = Asked("Write.", (Constraint("question"), Constraint("words_at_most", 25)), 10)
    found = steps(RIVER, asked)
    assert found is not None
    assert [asked.kept_by(text).n_kept for text in found] == [1, 2]
    assert found[-1].endswith("?")
    assert len(words_of(found[-1])) <= 25


def test_an_answer_that_keeps_everything_needs_no_step() -> None:
    assert steps(RIVER, Asked("Write.", (Constraint("words_at_least", 10),), 10)) == []


def test_an_answer_that_says_nothing_cannot_be_mended() -> None:
    assert steps("Yes, sure.", Asked("Write.", (Constraint("no_commas"),), 10)) is None
