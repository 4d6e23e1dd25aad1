"""The one rule of kept or not kept, substance included."""

import pytest

from ptrapp.core.errors import InputError
from ptrapp.core.types import Choice
from ptrapp.judges.verifier import Verifier
from ptrapp.tasks import substance
from ptrapp.tasks.check import check, in_words, is_correct, readable
from ptrapp.tasks.constraints import Constraint
from ptrapp.tasks.instructions import SETS, instructions
from ptrapp.tasks.kept import Asked, Kept
from ptrapp.tasks.substance import is_about

PROMPT = "Write about rain. Do not use any commas. Use at most 20 words."
REFERENCE = Asked(
    PROMPT, (Constraint("no_commas"), Constraint("words_at_most", 20)), least_words=8
).as_reference()

BOTH = "Rain falls from dark clouds and makes the dry garden green again."
ONE = "Rain falls from dark clouds, and it makes the dry garden green."
NONE = (
    "Rain falls from dark clouds, and it makes the dry garden green again, so that every plant, "
    "small or tall, can drink."
)


@pytest.mark.parametrize(("response", "n_kept"), [(BOTH, 2), (ONE, 1), (NONE, 0)])
def test_the_score_is_the_share_of_the_constraints_kept_and_some_nearness(
    response: str, n_kept: int
) -> None:
    found = check(response, REFERENCE)
    assert found.n_kept == n_kept
    assert found.score == n_kept / 2
    assert n_kept <= 2 * found.graded < n_kept + 1
    assert Verifier().score(PROMPT, REFERENCE, [response]) == [found.graded]
    assert Verifier(nearness=False).score(PROMPT, REFERENCE, [response]) == [found.score]
    assert is_correct(response, REFERENCE) == (found.score == 1)


@pytest.mark.parametrize(
    ("nothing", "reason"),
    [
        ("", "says too little"),
        ("That is all.", "says too little"),
        ("rain rain rain rain rain rain rain rain rain rain", "says too little"),
        ("Write about rain. Do not use any commas. Use at most 20 words.", "says too little"),
        ("I will write about rain. Do not use any commas. Sure.", "says too little"),
        ("It is so wet. It is so wet. It is so wet. Take an old umbrella.", "repeats itself"),
    ],
)
def test_what_says_nothing_keeps_nothing(nothing: str, reason: str) -> None:
    found = check(nothing, REFERENCE)
    assert found.score == 0
    assert found.broken[0].startswith(reason)


def test_a_phrase_that_was_asked_for_is_not_the_answer_s_own() -> None:
    closing = "I hope this helps you very much indeed my friend."
    asked = Asked("On rain.", (Constraint("last_words", words=(closing,)),), least_words=8)
    assert asked.kept_by(closing).score == 0
    assert asked.kept_by(f"Rain falls from dark clouds on the green garden. {closing}").score == 1


def test_words_that_a_request_and_an_answer_share_are_not_an_echo() -> None:
    said = "Write letters by hand about every rain that you remember."
    assert substance.missing(said, PROMPT, 8) is None


def test_the_verifier_prefers_what_keeps_more_and_says_why() -> None:
    better = Verifier().compare(PROMPT, REFERENCE, ONE, BOTH)
    assert better.outcome is Choice.RIGHT
    said = "The better one keeps 2 of 2. The other keeps 1 of 2 (not kept: has no commas)."
    assert better.rationale == Verifier().compare(PROMPT, REFERENCE, BOTH, ONE).rationale == said
    assert Verifier().compare(PROMPT, REFERENCE, ONE, ONE + " ").outcome is Choice.TIE
    assert Verifier().compare(PROMPT, REFERENCE, "Well.", "Hm.").outcome is Choice.BOTH_BAD
    assert Verifier().compare(PROMPT, REFERENCE, NONE, "Hm.").outcome is Choice.LEFT
    shares = Verifier(nearness=False)
    assert shares.compare(PROMPT, REFERENCE, NONE, "Hm.").outcome is Choice.BOTH_BAD
    assert Verifier().compare(PROMPT, REFERENCE, BOTH, "Hm.").outcome is Choice.LEFT


def test_a_reference_is_read_as_it_was_written() -> None:
    asked = Asked.from_reference(REFERENCE)
    assert asked.as_reference() == REFERENCE
    assert asked.prompt == PROMPT
    assert in_words(REFERENCE) == "has no commas; has at most 20 words"
    assert in_words("12") == "12"


@pytest.mark.parametrize(
    "written",
    [
        "constraints:",
        "constraints:[]",
        'constraints:{"keep":[]}',
        'constraints:{"keep":[{"kind":"rhymes"}]}',
        'constraints:{"keep":[{"kind":"bullets","n":"3"}]}',
        'constraints:{"keep":[{"kind":"keywords"}]}',
        'constraints:{"keep":[{"kind":"keywords","words":[1]}]}',
        'constraints:{"keep":[{"kind":["bullets"]}]}',
        'constraints:{"keep":[{"kind":"no_commas"}],"least_words":"8"}',
    ],
)
def test_unreadable_constraints_are_said_and_kept_by_nothing(written: str) -> None:
    with pytest.raises(InputError, match="names no constraints"):
        readable(written)
    assert not is_correct(BOTH, written)
    assert "names no constraints" in check(BOTH, written).broken[0]


def test_constraints_may_be_written_by_hand() -> None:
    assert is_correct("* yes", 'constraints:{"keep": [{"kind": "bullets", "n": 1}]}')


def test_an_answer_about_something_else_keeps_nothing() -> None:
    asked = Asked("Write about rivers.", (Constraint("no_commas"),), 5, topic="rivers")
    about_sea = "The sea is wide and deep and cold and salty."
    assert asked.kept_by(about_sea) == Kept(0, 1, ("is not about rivers",))
    assert asked.kept_by(about_sea.replace("sea", "river")).score == 1
    assert Asked.from_reference(asked.as_reference()) == asked


@pytest.mark.parametrize("name", SETS)
def test_every_topic_has_a_word_of_its_own(name: str) -> None:
    topics = {each.topic for each in instructions(400, name=name, seed=0)}
    assert [topic for topic in topics if is_about("", topic)] == []
