"""How near a response comes to a constraint it does not keep."""

from random import Random

import pytest

from ptrapp.judges.verifier import Verifier
from ptrapp.tasks.constraints import KINDS, Constraint
from ptrapp.tasks.instructions import SETS, instructions
from ptrapp.tasks.kept import Asked
from ptrapp.tasks.nearness import NEAREST, nearness

CASES = [
    (Constraint("words_at_most", 4), "five words stand in here", "one two three four five six"),
    (Constraint("words_at_least", 4), "one two three", "one"),
    (Constraint("keywords", words=("sun", "rain")), "The sun is out.", "It is dark."),
    (Constraint("forbidden_words", words=("it",)), "So it is.", "It is what it is."),
    (Constraint("no_commas"), "Wet, cold.", "Wet, cold, dark."),
    (Constraint("lowercase"), "Rain falls here", "Rain Falls Here"),
    (Constraint("uppercase"), "RAIN FALLS here", "Rain falls HERE"),
    (Constraint("bullets", 3), "* a\n* b", "* a"),
    (Constraint("numbered", 3), "1. a\n2. b", "1. a"),
    (Constraint("sentences", 3), "One. Two.", "One."),
    (Constraint("one_sentence"), "One. Two.", "One. Two. Three."),
    (Constraint("paragraphs", 2), "One.\n\nTwo.\n\nThree.", "One.\n\nTwo.\n\nThree.\n\nFour."),
    (Constraint("quotation"), '"Rain is wet.', "Rain is wet."),
    (
        Constraint("last_words", words=("Have a good day.",)),
        "Have a good day. Bye now.",
        "Have a good day. It rains and rains and rains.",
    ),
    (Constraint("last_words", words=("Have a good day.",)), "A good day it is.", "It rains."),
    (
        Constraint("first_words", words=("In my view",)),
        "Well, in my view it rains.",
        "Well, as I said, in my view it rains.",
    ),
    (Constraint("question"), "It rains. Or not? Who knows.", "It rains. Who knows."),
    (Constraint("keyword_times", 3, ("rain",)), "Rain, rain.", "Rain."),
    (Constraint("title"), "<<Rain", "Rain"),
    (Constraint("postscript"), "It rains. P.S. It pours.", "It rains."),
    (Constraint("json"), "{rain}", "rain"),
]


@pytest.mark.parametrize(("constraint", "nearer", "farther"), CASES, ids=lambda one: str(one)[:40])
def test_of_two_wrong_responses_the_nearer_one_counts_more(constraint, nearer, farther):
    assert not constraint.kept(nearer)
    assert not constraint.kept(farther)
    assert 0 <= nearness(farther, constraint) < nearness(nearer, constraint) <= NEAREST


def test_every_kind_has_a_nearness_between_nothing_and_almost_kept():
    rng = Random(3)
    texts = ["", " ", "?", '"', "{", "Rain.", "rain " * 200, "* a\n" * 9, "P.S. <<a>> 3, 4?"]
    texts += ["".join(rng.choice('ab A.,?!*\n"{}<>1') for _ in range(60)) for _ in range(200)]
    seen = set()
    for name in SETS:
        for drawn in instructions(60, name=name, seed=1):
            for constraint in Asked.from_reference(drawn.reference).constraints:
                seen.add(constraint.kind)
                for text in texts:
                    found = nearness(text, constraint)
                    assert found == 1 if constraint.kept(text) else 0 <= found <= NEAREST
    assert seen == set(KINDS)


def test_who_keeps_more_is_always_above_who_comes_nearer():
    asked = Asked(
        "On rain.",
        (Constraint("no_commas"), Constraint("words_at_most", 12), Constraint("lowercase")),
        1,
    )
    one_kept = asked.kept_by("RAIN AND RAIN AND RAIN AND RAIN AND RAIN AND RAIN AND RAIN AND SUN")
    none_kept = asked.kept_by("Rain falls, and it falls and it falls and it falls and it dries")
    assert (one_kept.n_kept, none_kept.n_kept) == (1, 0)
    assert none_kept.nearness > one_kept.nearness
    assert one_kept.graded > none_kept.graded > none_kept.score == 0


def test_nothing_said_is_near_to_nothing():
    asked = Asked("On rain.", (Constraint("no_commas"),), 10)
    assert asked.kept_by("Wet.").graded == 0


def test_the_verifier_says_which_of_two_wrong_responses_comes_nearer():
    reference = Asked("On rain.", (Constraint("no_commas"),), 1).as_reference()
    verdict = Verifier().compare("On rain.", reference, "Wet, cold, dark.", "Wet, cold.")
    assert verdict.outcome == "right"
    assert verdict.rationale == (
        "The better one keeps 0 of 1 (not kept: has no commas). The other keeps 0 of 1 "
        "(not kept: has no commas). The better one comes nearer."
    )
