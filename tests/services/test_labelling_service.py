"""Labelling as a use case: what is shown, what is stored as blind, what training learns of."""

from random import Random
from typing import Any

import pytest
from labelling_world import Work, somebody
from statements import executed

from db.labelling import campaigns, preferences
from db.labelling.campaigns import NewItem
from db.models import JobKind, Purpose
from db.storage.errors import Conflict, Missing
from ptrapp.core.errors import Forbidden, InputError
from ptrapp.core.people import Role
from ptrapp.core.types import Choice
from ptrapp.services import compare, jobs
from ptrapp.services.labelling import answering, items, people
from ptrapp.services.labelling.campaigns import Mix
from ptrapp.services.labelling.items import Known

ADA, BOB = somebody("Ada"), somebody("Bob")


@pytest.fixture
def work(world: Any) -> Work:
    return Work(world.context)


def test_what_is_shown_is_harmless_and_neutral(work: Work) -> None:
    made = work.campaign(0)
    left, right = work.pair(
        left="I am Claude. <img src=x onerror=alert(1)>", right="**Four**\u202e"
    )
    items.add_known(work.context, made.id, [Known(left, right)])
    (pair,) = made.next(ADA)
    shown = {pair.left.text[:4]: pair.left, pair.right.text[:4]: pair.right}
    assert shown["I am"].text.startswith("I am ▢.")
    assert "<img" not in shown["I am"].html
    assert "<strong>Four</strong>" in shown["**Fo"].html
    assert "\u202e" not in shown["**Fo"].text


def test_a_vote_of_who_saw_the_thought_elsewhere_is_not_blind(work: Work) -> None:
    made = work.campaign(1)
    compare.open_thought(work.context, "Ada", made.pairs[0][0])  # type: ignore[arg-type]
    for person, blind in ((ADA, False),):
        (pair,) = made.next(person)
        answering.vote(work.context, person, pair.key, "left")
        assert [vote.blind for vote in made.votes(person)] == [blind]


def test_a_vote_changed_after_a_reveal_is_not_blind(work: Work) -> None:
    made = work.campaign(1, reveal=True)
    (pair,) = made.next(ADA)
    answering.vote(work.context, ADA, pair.key, "left")
    left, right = answering.reveal(work.context, ADA, pair.key)
    assert {left.thought, right.thought} == {"thought 0", "thought 1"}
    assert {left.version, right.version} == {"base"}
    assert {left.correct, right.correct} == {True, False}
    again = answering.undo(work.context, ADA, made.id, "an undo of Ada's")
    assert again is not None
    answering.vote(work.context, ADA, again.key, "right")
    assert [vote.blind for vote in made.votes(ADA)] == [True, True, False]


def test_who_compared_thoughts_is_not_blind_to_their_responses(work: Work) -> None:
    thoughts, responses = work.campaign(1, aspect="thought"), work.campaign(0)
    items.add_known(work.context, responses.id, [Known(*thoughts.pairs[0])])
    (pair,) = thoughts.next(ADA)
    assert {pair.left.text, pair.right.text} == {"thought 0", "thought 1"}
    answering.vote(work.context, ADA, pair.key, "left")
    (pair,) = responses.next(ADA)
    answering.vote(work.context, ADA, pair.key, "left")
    assert [vote.blind for vote in thoughts.votes(ADA)] == [True, False]
    (pair,) = responses.next(BOB) or [None]
    assert pair is None, "its one slot is taken"


def test_practice_gold_and_repeats_teach_nothing(work: Work) -> None:
    practised = work.pair()
    known = Known(*practised, gold="right", explanation="It says *why*.", practice=True)
    made = work.campaign(24, known=known, n_practice=1, mix=Mix(uniform=1, repeat=3))
    purposes = []
    while pairs := made.next(ADA):
        (pair,) = pairs
        stored = answering.vote(work.context, ADA, pair.key, "left")
        purpose = made.assignment(pair.key).purpose
        purposes.append(purpose)
        assert (stored.practice is not None) is (purpose is Purpose.PRACTICE)
    assert purposes[0] is Purpose.PRACTICE
    assert purposes.count(Purpose.LABEL) == 24  # so many that a repeat is as good as certain
    assert Purpose.REPEAT in purposes
    with work.context.database.read() as session:
        learnt = {vote.comparison.left_round_id for vote in preferences.current_votes(session)}
    assert learnt == {left for left, _ in made.pairs}


def test_a_lesson_has_the_sides_of_the_screen(work: Work) -> None:
    turned = [("left", None, True)] * 8  # chance turns the sides: not eight times alike
    for gold, outcome, right in (*turned, ("tie", "tie", True), ("tie", "left", False)):
        known = Known(*work.pair(), gold=gold, explanation="<b>so</b>", practice=True)
        made = work.campaign(0, known=known, n_practice=1)
        person = somebody(f"new in {made.id}")
        (pair,) = made.next(person)
        is_left = pair.left.text == "Three."
        answer = outcome or ("left" if is_left else "right")
        lesson = answering.vote(work.context, person, pair.key, answer).practice
        assert lesson is not None
        expected = gold if gold == "tie" else answer
        assert (lesson.right, lesson.expected) == (right, expected)
        assert "<b>" not in lesson.explanation_html


def test_enough_votes_queue_a_training(world: Any) -> None:
    world.open(train_every=2)
    made = Work(world.context).campaign(3)
    for pair in made.next(ADA, 3):
        answering.vote(world.context, ADA, pair.key, "left")
    queued = [job.kind for job in jobs.listing(world.context)]
    assert queued == [JobKind.DPO]


def test_nothing_of_a_refused_vote_is_kept(work: Work) -> None:
    made = work.campaign(1)
    (pair,) = made.next(ADA)
    for strength in (0, 4):
        with pytest.raises(InputError, match=f"Strength is {strength}"):
            answering.vote(work.context, ADA, pair.key, Choice.LEFT, strength=strength)
    with pytest.raises(Missing, match="not given to you"):
        answering.vote(work.context, BOB, pair.key, "left")
    assert not made.votes(ADA)
    assert not made.votes(BOB)


def test_words_are_bounded_where_they_are_stored(work: Work) -> None:
    made = work.campaign(1)
    (pair,) = made.next(ADA)
    answering.vote(work.context, ADA, pair.key, "left")
    with pytest.raises(InputError, match="2001 characters"):
        answering.flag(work.context, ADA, pair.key, True, "x" * 2001)
    with pytest.raises(InputError, match="2001 characters"):
        answering.give_reason(work.context, ADA, pair.key, "x" * 2001)


def test_a_reason_stays_with_the_vote_through_an_undo(work: Work) -> None:
    made = work.campaign(1)
    (pair,) = made.next(ADA)
    answering.vote(work.context, ADA, pair.key, "both_bad", decided_ms=700)
    answering.give_reason(work.context, ADA, pair.key, "alike")
    answering.give_reason(work.context, ADA, pair.key, "alike")
    reason = made.votes(ADA)[-1]
    assert (reason.rationale, reason.outcome, reason.strength, reason.decided_ms) == (
        "alike", "both_bad", 1, 700,
    )  # fmt: skip
    undone = answering.undo(work.context, ADA, made.id, "undo of a reason")
    assert undone is not None
    assert (undone.was, undone.was_much) == ("both_bad", False)
    assert [vote.outcome for vote in made.votes(ADA)] == ["both_bad", "both_bad", "withdrawn"]
    assert answering.undo(work.context, ADA, made.id, "another undo") is None


def test_a_reveal_waits_for_the_vote_and_the_campaign(work: Work) -> None:
    closed, opened = work.campaign(1), work.campaign(1, reveal=True)
    (pair,) = opened.next(ADA)
    with pytest.raises(Forbidden, match="Vote first"):
        answering.reveal(work.context, ADA, pair.key)
    (pair,) = closed.next(ADA)
    answering.vote(work.context, ADA, pair.key, "left")
    with pytest.raises(Forbidden, match="keeps thoughts"):
        answering.reveal(work.context, ADA, pair.key)


def test_a_campaign_that_is_not_there_is_missing(work: Work) -> None:
    with pytest.raises(Missing, match="no campaign 77"):
        answering.next_pairs(work.context, ADA, 77, n=1, have=[], tab="")
    with pytest.raises(Missing, match="no campaign 77"):
        answering.undo(work.context, ADA, 77, "an undo")


def test_an_undo_of_somebody_else_is_no_undo_of_mine(work: Work) -> None:
    made = work.campaign(2, overlap=2)
    for person in (ADA, BOB):
        for pair in made.next(person, 2):
            answering.vote(work.context, person, pair.key, "left")
    answering.undo(work.context, BOB, made.id, "Bob's undo")
    with pytest.raises(Conflict, match="another"):
        answering.undo(work.context, ADA, made.id, "Bob's undo")
    with pytest.raises(Conflict, match="another"):
        answering.undo(work.context, ADA, made.id, made.votes(ADA)[0].key)
    assert len(made.votes(ADA)) == 2


def test_an_agent_and_a_person_of_one_name_are_two_raters(work: Work) -> None:
    made = work.campaign(1)
    agent = somebody("Ada", Role.JUDGE)
    for person in (agent, ADA):
        (pair,) = made.next(person)
        answering.vote(work.context, person, pair.key, "left")
    assert [len(made.votes(person)) for person in (agent, ADA)] == [1, 1]


def test_a_name_is_taken_with_its_votes_or_refused(work: Work) -> None:
    made = work.campaign(2, overlap=2)
    for person in (ADA, BOB):
        (pair,) = made.next(person)
        answering.vote(work.context, person, pair.key, "left")
    assert people.take_name(work.context, ADA, " Ada   King ") == "Ada King"
    assert len(made.votes(somebody("Ada King"))) == 1
    with pytest.raises(Conflict, match="'Bob' already"):
        people.take_name(work.context, somebody("Ada King"), "Bob")
    assert people.take_name(work.context, somebody("nobody yet"), "New one") == "New one"


@pytest.mark.parametrize(
    ("aspect", "texts", "is_said"),
    [
        ("response", {"left": "Seven.", "right": " Seven.\n"}, True),
        ("response", {"left_thought": "hm", "right_thought": "hm"}, False),
        ("thought", {"left": "Seven.", "right": "Seven."}, False),
        ("thought", {"left_thought": "hm", "right_thought": "hm "}, True),
    ],
)
def test_a_vote_on_the_same_words_says_that_nothing_is_learnt_from_it(
    work: Work, aspect: str, texts: dict[str, str], is_said: bool
) -> None:
    """A campaign is given no such pairs; one that was made before this may have them."""
    made = work.campaign(0, aspect=aspect)
    pair = NewItem(*work.pair(**texts))
    with work.context.database.write() as session:
        campaigns.add_items(session, made.id, [pair], draw=Random(0))
    (shown,) = made.next(ADA)
    stored = answering.vote(work.context, ADA, shown.key, Choice.LEFT)
    assert stored.note == (compare.SAME_WORDS if is_said else "")
    assert answering.vote(work.context, ADA, shown.key, Choice.LEFT) == stored, "sent again"
    with work.context.database.read() as session:
        n_learnt = preferences.count_preferences(session)
    assert n_learnt == (aspect == "response" and not is_said)


def test_a_label_costs_few_statements(work: Work) -> None:
    made = work.campaign(3)
    first = made.next(ADA)[0]
    answering.vote(work.context, ADA, first.key, Choice.LEFT)
    with executed() as of_next:
        (pair,) = made.next(ADA)
    with executed() as of_vote:
        answering.vote(work.context, ADA, pair.key, Choice.LEFT)
    assert len(of_next) <= 13, of_next
    assert len(of_vote) <= 9, of_vote
    chain_end = next(said for said in of_vote if "chain_end" in said)
    with work.context.database.read() as session:
        given = (0,) * chain_end.count("?")
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {chain_end}", given)
        searched = [row.detail for row in plan]
    assert any("votes USING INDEX ix_votes_comparison_id" in step for step in searched), searched
