"""A decision is stored once, for the one it was offered to, and can be taken back."""

from typing import Any

import pytest
from sqlalchemy import select

from db.labelling import corrections, preferences, raters
from db.models import DataKind, JobKind, Outcome, RaterKind, Vote
from db.storage.errors import Conflict, DiskFull, Missing
from ptrapp.core.errors import EngineUnavailable, InputError, JudgeError, NotFound
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Choice
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.base import Verdict
from ptrapp.judges.llm import LlmJudge
from ptrapp.services import compare, history, jobs
from ptrapp.services.outlook import count_votes, read_outlook


def standing(world: Any) -> list[Vote]:
    with world.database.read() as session:
        return preferences.current_votes(session)


def test_a_vote_is_stored_with_what_is_known_of_it(world: Any) -> None:
    pair = world.pair()
    key = compare.open_pair(world.context, "Ada", *pair)
    thoughts, _ = compare.vote(
        world.context, "Ada", key, "right", strength=2, decided_ms=900, client="board"
    )
    assert [thought.round_id for thought in thoughts] == pair
    assert all(thought.text.startswith("secret") for thought in thoughts)
    (vote,) = standing(world)
    stored = (vote.outcome, vote.strength, vote.decided_ms, vote.client, vote.blind, vote.key)
    assert stored == (Outcome.RIGHT, 2, 900, "board", True, key)
    assert (vote.rater.name, vote.rater.kind) == ("Ada", RaterKind.HUMAN)


def test_sent_twice_it_is_stored_once(world: Any) -> None:
    key = compare.open_pair(world.context, "Ada", *world.pair())
    first = compare.vote(world.context, "Ada", key, "left")
    assert compare.vote(world.context, "Ada", key, "left") == first
    with pytest.raises(Conflict, match="has another answer of yours"):
        compare.vote(world.context, "Ada", key, "right")
    assert world.count("votes") == 1
    assert standing(world)[0].outcome is Outcome.LEFT


def test_a_vote_on_the_same_words_is_stored_and_said_to_teach_nothing(world: Any) -> None:
    world.open(lambda request: f"<T> secret {request.sampling.seed}.<R> Two.", train_every=1)
    key = compare.open_pair(world.context, "Ada", *world.pair())
    decided = compare.vote(world.context, "Ada", key, "left")
    assert "the same words" in decided.note
    assert compare.vote(world.context, "Ada", key, "left") == decided
    assert [vote.key for vote in standing(world)] == [key]
    assert count_votes(world.context).n_new == read_outlook(world.context).n_votes == 0
    assert jobs.listing(world.context) == [], "no training is due for it"
    with pytest.raises(InputError, match="no new preference"):
        jobs.start(world.context, JobKind.DPO)


def test_a_vote_on_other_words_has_nothing_to_be_noted(world: Any) -> None:
    key = compare.open_pair(world.context, "Ada", *world.pair())
    assert compare.vote(world.context, "Ada", key, "left").note == ""
    assert count_votes(world.context).n_new == 1


def test_a_key_works_for_its_rater_only(world: Any) -> None:
    key = compare.open_pair(world.context, "Ada", *world.pair())
    with pytest.raises(NotFound, match="not offered to you"):
        compare.vote(world.context, "Eve", key, "left")
    with pytest.raises(NotFound, match="not offered to you"):
        compare.dismiss(world.context, "Eve", key)
    with pytest.raises(NotFound, match="not offered to you"):
        compare.vote(world.context, "Ada", "no such key", "left")
    assert world.count("votes") == 0
    compare.vote(world.context, "Ada", key, "left")


def test_a_vote_after_an_opened_thought_is_not_blind(world: Any) -> None:
    pair = world.pair()
    key = compare.open_pair(world.context, "Ada", *pair)
    compare.dismiss(world.context, "Ada", key)
    compare.open_thought(world.context, "Ada", pair[1])
    again = compare.open_pair(world.context, "Ada", *pair)
    compare.vote(world.context, "Ada", again, "left")
    bobs = compare.open_pair(world.context, "Bob", *pair)
    compare.vote(world.context, "Bob", bobs, "left")
    assert [vote.blind for vote in standing(world)] == [False, True]


def test_a_thought_under_comparison_is_not_handed_out(world: Any) -> None:
    pair = world.pair()
    compare.open_pair(world.context, "Ada", *pair)
    with pytest.raises(InputError, match="Vote first"):
        compare.open_thought(world.context, "Ada", pair[0])
    assert world.count("reveals") == 0
    assert compare.open_thought(world.context, "Bob", pair[0]).text


def test_undo_withdraws_one_vote_after_another_and_keeps_the_log(world: Any) -> None:
    first, second = world.vote("left"), world.vote("right")
    undone = compare.undo(world.context, "Ada", "u1")
    assert undone is not None
    assert compare.undo(world.context, "Ada", "u1").id == undone.id
    assert [vote.key for vote in standing(world)] == [first]
    compare.undo(world.context, "Ada", "u2")
    assert compare.undo(world.context, "Ada", "u3") is None
    assert standing(world) == []
    assert world.count("votes") == 4
    assert world.count("votes WHERE outcome <> 'withdrawn'") == len({first, second})


def test_undo_under_a_foreign_key_reveals_nothing(world: Any) -> None:
    key = world.vote("left")
    other = compare.open_pair(world.context, "Ada", *world.pair())
    for rater, used in (("Eve", key), ("Ada", key), ("Ada", other)):
        with pytest.raises(Conflict, match="This key names another"):
            compare.undo(world.context, rater, used)
    assert len(standing(world)) == 1
    compare.undo(world.context, "Ada", "the undo of Ada")
    with pytest.raises(Conflict, match="This key names another"):
        compare.undo(world.context, "Eve", "the undo of Ada")


def test_a_second_thought_replaces_the_vote(world: Any) -> None:
    pair = world.pair()
    for outcome in ("left", "tie"):
        key = compare.open_pair(world.context, "Ada", *pair)
        compare.vote(world.context, "Ada", key, outcome)
    (vote,) = standing(world)
    assert (vote.outcome, vote.blind) == (Outcome.TIE, False)
    assert world.count("votes") == 2


@pytest.mark.parametrize("strength", [0, 4])
def test_a_strength_out_of_bounds_is_refused(world: Any, strength: int) -> None:
    key = compare.open_pair(world.context, "Ada", *world.pair())
    with pytest.raises(InputError, match=f"Strength is {strength}; choose 1 to 3"):
        compare.vote(world.context, "Ada", key, Choice.LEFT, strength=strength)
    assert world.count("votes") == 0


def test_only_two_rounds_of_one_prompt_are_a_pair(world: Any) -> None:
    one, other = world.pair()[0], world.pair()[0]
    with pytest.raises(Conflict, match="itself"):
        compare.open_pair(world.context, "Ada", one, one)
    with pytest.raises(Conflict, match="different prompts"):
        compare.open_pair(world.context, "Ada", one, other)
    with pytest.raises(NotFound, match="no round 999"):
        compare.open_pair(world.context, "Ada", one, 999)
    assert world.count("offers") == world.count("comparisons") == 0


@pytest.mark.parametrize("kind", [DataKind.PROMPT, DataKind.RUN])
def test_rounds_that_were_deleted_on_data_are_not_opened_anew(world: Any, kind: DataKind) -> None:
    run = world.play(n=2)
    row_id = run.prompt_id if kind is DataKind.PROMPT else run.id
    with world.database.write() as session:
        corrections.delete(session, kind, row_id, "root")
    pair = [row.id for row in run.rounds]
    with pytest.raises(Conflict, match="was deleted, or its import undone"):
        compare.open_pair(world.context, "Ada", *pair)
    assert world.count("offers") == world.count("comparisons") == 0


def test_a_deleted_pair_is_neither_opened_anew_nor_judged(world: Any) -> None:
    pair = [row.id for row in world.play(n=2, reference_answer="2").rounds]
    compare.open_pair(world.context, "Ada", *pair)
    with world.database.write() as session:
        corrections.delete(session, DataKind.PAIR, 1, "root")
    with pytest.raises(Conflict, match="was deleted, or its import undone"):
        compare.open_pair(world.context, "Ada", *pair)
    with pytest.raises(Conflict, match="was deleted, or its import undone"):
        compare.let_judge_compare(world.context, *pair)
    assert (world.count("offers"), world.count("votes")) == (1, 0)


def test_a_run_deleted_in_history_is_not_opened_and_its_open_pair_is_decided(world: Any) -> None:
    run = world.play(n=2)
    pair = [row.id for row in run.rounds]
    key = compare.open_pair(world.context, "Ada", *pair)
    history.delete(world.context, run.id)
    with pytest.raises(Missing, match="bring it back in History"):
        compare.open_pair(world.context, "Ada", *pair)
    compare.vote(world.context, "Ada", key, "left")
    assert (world.count("offers"), len(standing(world))) == (1, 1)


def test_the_verifier_votes_as_a_judge(world: Any) -> None:
    run = world.play(n=2, reference_answer="2")
    wrong, right = (row.id for row in run.rounds)
    outcome, rationale = compare.let_judge_compare(world.context, right, wrong)
    assert outcome == "left"
    assert rationale == "The better one is correct, the other is not."
    (vote,) = standing(world)
    stored = (vote.rater.name, vote.rater.kind, vote.outcome, vote.rationale)
    assert stored == ("judge:verifier", RaterKind.JUDGE, Outcome.RIGHT, rationale)
    (compared,) = world.board(run.id).comparisons
    assert (compared.judge, compared.left, compared.right) == ("judge:verifier", wrong, right)


def test_without_a_reference_answer_nothing_is_judged_and_nothing_stored(world: Any) -> None:
    with pytest.raises(JudgeError, match="needs a reference answer"):
        compare.let_judge_compare(world.context, *world.pair())
    assert world.count("votes") == world.count("comparisons") == 0


def test_a_judge_is_shown_responses_and_never_a_thought(world: Any) -> None:
    class Nosy:
        name = "nosy"
        seen = ""

        def compare(self, *shown: Any) -> Verdict:
            self.seen = str(shown)
            return Verdict(Choice.TIE, "Both.")

    judge = Nosy()
    compare.let_judge_compare(world.open(judge=judge), *world.pair())
    assert "The answer is 1." in judge.seen
    assert "secret" not in judge.seen


def test_who_was_told_the_verdict_on_an_open_pair_is_not_blind(world: Any) -> None:
    pair = [row.id for row in world.play(n=2, reference_answer="2").rounds]
    keys = {name: compare.open_pair(world.context, name, *pair) for name in ("Ada", "Bob", "Cy")}
    for name in ("Ada", "Bob"):
        compare.let_judge_compare(world.context, *pair, told_to=name)
    compare.dismiss(world.context, "Ada", keys["Ada"])
    keys["Ada"] = compare.open_pair(world.context, "Ada", *pair)
    for name, key in keys.items():
        compare.vote(world.context, name, key, "left")
    blind = {vote.rater.name: vote.blind for vote in standing(world)}
    assert blind == {"judge:verifier": True, "Ada": False, "Bob": False, "Cy": True}


def judged_by(engine: ScriptedEngine) -> LlmJudge:
    return LlmJudge(engine, "llm:great")


@pytest.mark.parametrize("thinking", [Thinking.ALWAYS, Thinking.LATER])
def test_whatever_was_refined_a_language_model_reads_the_responses_alone(
    world: Any, thinking: Thinking
) -> None:
    """Three rounds, each shown the thoughts before it; the judge compares the last two."""
    engine = ScriptedEngine(lambda _: "Alike. [[C]]")
    world.open(judge=judged_by(engine))
    run = world.play(n=3, thinking=thinking)
    assert any("secret" in str(each.messages) for each in world.engine.requests)
    compare.let_judge_compare(world.context, *(row.id for row in run.rounds[1:]))

    shown = "\n".join(message.content for each in engine.requests for message in each.messages)
    assert len(engine.requests) == 2
    assert "secret" not in shown
    assert not any(mark in shown for mark in ("<T>", "<R>"))
    assert "The answer is 2." in shown
    assert "The answer is 3." in shown


@pytest.mark.parametrize(
    ("answers", "outcome", "agreed"),
    [
        (("[[C]]", "[[C]]"), Outcome.TIE, True),
        (("[[A]]", "[[A]]"), Outcome.TIE, False),
        (("[[A]]", "[[B]]"), Outcome.LEFT, True),
    ],
)
def test_a_doubt_is_stored_apart_from_a_tie(
    world: Any, answers: tuple[str, str], outcome: Outcome, agreed: bool
) -> None:
    world.open(judge=judged_by(ScriptedEngine(answers)))
    compare.let_judge_compare(world.context, *world.pair())

    (vote,) = standing(world)
    assert (vote.outcome, vote.agreed, vote.rater.name) == (outcome, agreed, "judge:llm:great")


def test_a_person_agrees_with_nobody_and_so_does_the_verifier(world: Any) -> None:
    world.vote()
    run = world.play(n=2, reference_answer="2")
    compare.let_judge_compare(world.context, *(row.id for row in run.rounds))

    assert [vote.agreed for vote in standing(world)] == [None, None]


@pytest.mark.parametrize(
    "engine",
    [
        ScriptedEngine(["no idea"]),
        ScriptedEngine(["[[A]]"], failures={0: EngineUnavailable("Nobody answers.")}),
    ],
    ids=["unreadable", "down"],
)
def test_a_judge_without_a_verdict_stores_nothing(world: Any, engine: ScriptedEngine) -> None:
    world.open(judge=judged_by(engine))

    with pytest.raises(JudgeError, match=r"no verdict|Nobody answers"):
        compare.let_judge_compare(world.context, *world.pair())
    assert world.count("votes") == world.count("comparisons") == 0


def test_a_judge_is_offered_where_it_could_decide(world: Any) -> None:
    bare, asked = world.play().id, world.play("What is 2 + 0?", reference_answer="2").id
    assert [world.board(run).judge for run in (bare, asked)] == [None, "verifier"]

    world.open(judge=judged_by(ScriptedEngine(["[[C]]"])))
    assert [world.board(run).judge for run in (bare, asked)] == ["llm:great"] * 2


def test_a_person_cannot_take_a_judges_name(world: Any) -> None:
    run = world.play(n=2, reference_answer="2")
    pair = [row.id for row in run.rounds]
    compare.let_judge_compare(world.context, *pair)
    compare.open_pair(world.context, "judge:verifier", *pair)
    with world.context.database.read() as session:
        judge = raters.find_rater(session, "judge:verifier")
        person = raters.find_person(session, "judge:verifier")
    assert (judge.kind, person.kind) == (RaterKind.JUDGE, RaterKind.HUMAN)
    assert person.name != judge.name


def test_a_vote_that_finds_no_room_is_not_acknowledged(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = compare.open_pair(world.context, "Ada", *world.pair())

    def no_room(*_: Any) -> None:
        raise DiskFull("The disk is full; make room and try again.")

    monkeypatch.setattr(jobs, "queue_when_due", no_room)
    with pytest.raises(DiskFull):
        compare.vote(world.context, "Ada", key, "left")
    assert world.count("votes") == world.count("reveals") == 0
    monkeypatch.undo()
    compare.vote(world.context, "Ada", key, "left")
    with world.database.read() as session:
        assert session.scalar(select(Vote.key)) == key
