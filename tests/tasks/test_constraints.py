"""Every kind of constraint: what keeps it, and what does not."""

import re

import pytest

from ptrapp.tasks.constraints import KINDS, Constraint

KEPT_AND_BROKEN = [
    (Constraint("words_at_most", 4), "one two three four", "one two three four five"),
    (Constraint("words_at_least", 3), "It's a test - yes", "It's - 2"),
    (Constraint("keywords", words=("sun", "rain")), "Sun, then RAIN.", "Sunny rain."),
    (Constraint("forbidden_words", words=("can",)), "A canyon.", "Can it?"),
    (Constraint("no_commas"), "a; b", "a, b"),
    (Constraint("lowercase"), "all small, 3 ü.", "All small."),
    (Constraint("uppercase"), "IT IS SO.", "It IS SO."),
    (Constraint("bullets", 2), "Here:\n* one\n- two", "* one\n* two\n* three"),
    (Constraint("numbered", 2), "1. one\n2) two", "1. one\n\nand 2. two"),
    (Constraint("one_sentence"), "Dr. Lee walks, e.g. at 3.5 mph.", "It rains. It pours."),
    (Constraint("sentences", 2), "It rains! Does it? ", "It rains. It pours. Why?"),
    (Constraint("quotation"), '"All of it."', '"Some" of it.'),
    (Constraint("last_words", words=("Thank you.",)), "I do.\nThank you!", "Thank you. Bye."),
    (Constraint("first_words", words=("In my view",)), "In my view, yes.", "In my viewing, no."),
    (Constraint("question"), 'Why not?"', "Why not? Because."),
    (Constraint("number"), "I have 3 cats.", "1. I have three cats."),
    (Constraint("keyword_times", 2, ("sun",)), "Sun and sun.", "Sun and sunny."),
    (Constraint("paragraphs", 2), "One.\n\nTwo.", "One.\nTwo."),
    (Constraint("title"), "<<Rain>>\nIt falls.", "<Rain>\nIt falls. << >>"),
    (Constraint("postscript"), "Bye.\nP.S. Write soon.", "Bye. PS write soon."),
    (Constraint("json"), '```json\n{"a": [1]}\n```', '{"a": 1'),
]


@pytest.mark.parametrize(("constraint", "kept", "broken"), KEPT_AND_BROKEN)
def test_a_constraint_is_kept_or_not(constraint: Constraint, kept: str, broken: str) -> None:
    assert constraint.kept(kept)
    assert not constraint.kept(broken)


def test_every_kind_is_tried_here() -> None:
    assert {constraint.kind for constraint, _, _ in KEPT_AND_BROKEN} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nothing", ["", "  \n", "*", '"', "...", "💧", "\x00", "<<>>", "```"])
def test_any_text_is_checked_and_an_empty_one_keeps_nothing(kind: str, nothing: str) -> None:
    kept = Constraint(kind, 3, ("word",)).kept(nothing)
    assert not (kept and not nothing.strip())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_names_its_number_and_words(kind: str) -> None:
    constraint = Constraint(kind, 37, ("zebra",))
    said = [constraint.in_words(), *(constraint.asked(way) for way in range(4))]
    for text in said:
        assert "{" not in text
        assert ("37" in text) == ("37" in said[0])
        assert ("zebra" in text) == KINDS[kind].has_words
    assert len({re.sub(r"\W", "", text) for text in said[1:]}) == len(KINDS[kind].phrasings)


def test_a_deep_json_is_no_json_and_no_failure() -> None:
    assert not Constraint("json").kept("[" * 100_000)
