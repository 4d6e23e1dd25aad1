"""Generated requests with constraints: the same for a seed, and held out what is held out."""

import pytest

from ptrapp.tasks.instructions import (
    HELD_OUT_SETS,
    INSTRUCTIONS,
    NEW,
    NEW_KINDS,
    SETS,
    TRAINED,
    instructions,
)
from ptrapp.tasks.kept import Asked
from ptrapp.tasks.topics import FORMS, is_held_out, requests


@pytest.mark.parametrize("name", SETS)
def test_a_set_holds_its_topics_and_its_kinds(name: str) -> None:
    drawn = instructions(400, name=name, seed=1)
    assert len({one.prompt for one in drawn}) == 400
    assert {is_held_out(one.topic) for one in drawn} == {name in HELD_OUT_SETS}
    assert {kind for one in drawn for kind in one.kinds} == (NEW if name == NEW_KINDS else TRAINED)
    assert [len(one.kinds) for one in drawn] == [1, 2] * 200


@pytest.mark.parametrize("name", SETS)
def test_a_longer_list_goes_on_where_a_shorter_one_ended(name: str) -> None:
    drawn = instructions(60, name=name, seed=1)
    assert instructions(20, name=name, seed=1) == drawn[:20]
    assert instructions(20, name=name, seed=2) != drawn[:20]


def test_a_reference_holds_what_the_prompt_asks() -> None:
    for one in instructions(200, name=INSTRUCTIONS, seed=3):
        asked = Asked.from_reference(one.reference)
        assert asked.prompt == one.prompt
        assert tuple(each.kind for each in asked.constraints) == one.kinds
        assert len(one.reference) <= 1000, "no longer than the API takes"
        for constraint in asked.constraints:
            assert any(constraint.asked(way) in one.prompt for way in range(4))
        assert not asked.kept_by(one.prompt).n_kept, "the request itself is no answer"


def test_constraints_of_one_prompt_never_contradict_each_other() -> None:
    for one in instructions(2_000, name=INSTRUCTIONS, seed=4):
        constraints = {c.kind: c for c in Asked.from_reference(one.reference).constraints}
        if {"keywords", "forbidden_words"} <= set(constraints):
            assert not set(constraints["keywords"].words) & set(
                constraints["forbidden_words"].words
            )
        assert not {"words_at_least", "words_at_most"} <= set(constraints)
        assert not {"forbidden_words", "last_words"} <= set(constraints)


def test_some_of_the_kinds_can_be_asked_for_and_a_small_set_ends() -> None:
    drawn = instructions(10_000, name=INSTRUCTIONS, seed=0, kinds=["no_commas"])
    assert {one.kinds for one in drawn} == {("no_commas",)}
    assert len(drawn) == 2 * len(requests(held_out=False)), "two ways to ask"
    with pytest.raises(ValueError, match="unknown kinds"):
        instructions(5, name=INSTRUCTIONS, seed=0, kinds=["json"])
    with pytest.raises(ValueError, match="unknown set"):
        instructions(5, name="poems", seed=0)


def test_topics_are_many_and_each_is_there_once() -> None:
    topics = [topic for form in FORMS.values() for topic in form.topics]
    assert len(topics) == len(set(topics)) > 150
    for form in FORMS.values():
        assert {is_held_out(topic) for topic in form.topics} == {True, False}
