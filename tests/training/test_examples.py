"""What votes and rounds in a real database become."""

import pytest
from training_world import add_round, start_run, vote

from db.content import prompts, rounds
from db.models import Outcome, Partition, RunMode
from db.storage.session import Database, Session
from ptrapp.core.thoughts import TINY
from training.data.examples import Gathered, PairExample, TrajectoryExample, TrajectoryKind
from training.data.pairs import gather_pairs
from training.data.trajectories import gather_trajectories
from training.jobs.payload import Filters

GOOD, BAD = "<T> 1 + 1.<R> It is 2.", "<T> Easy.<R> It is 3."


def siblings(session: Session, prompt: str = "1 + 1?", raws: tuple[str, ...] = (GOOD, BAD)):
    run = start_run(session, prompt)
    return [add_round(session, run, raw, candidate=at) for at, raw in enumerate(raws)]


def pairs(database: Database, after: int = 0, **filters: object) -> Gathered[PairExample]:
    with database.read() as session:
        return gather_pairs(session, TINY, Filters(**filters), after=after)


def trajectories(
    database: Database, replay_share: float = 0.0, with_attempts: bool = True, **filters: object
) -> Gathered[TrajectoryExample]:
    with database.read() as session:
        return gather_trajectories(
            session,
            TINY,
            Filters(**filters),
            parent_adapter_id=None,
            replay_share=replay_share,
            seed=0,
            with_attempts=with_attempts,
        )


def test_a_vote_for_either_side_makes_the_preferred_completion_chosen(database: Database) -> None:
    with database.write() as session:
        left, right = siblings(session, "first?")
        one = vote(session, left, right)
        left, right = siblings(session, "second?")
        other = vote(session, right, left)

    found = pairs(database)

    assert [pair.chosen.raw for pair in found.examples] == [GOOD, BAD]
    assert [pair.rejected.raw for pair in found.examples] == [BAD, GOOD]
    assert [pair.vote_ids for pair in found.examples] == [(one,), (other,)]
    assert found.highest_vote_id == other


def test_a_prompt_that_ends_a_conversation_is_learnt_with_it(database: Database) -> None:
    earlier = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}]
    with database.write() as session:
        prompt = prompts.ensure_prompt(session, "And 2 + 2?", source="test", context=earlier)
        run = rounds.start_run(session, prompt.id, RunMode.JOB, {}).id
        good, bad = (
            add_round(session, run, raw, candidate=at) for at, raw in enumerate((GOOD, BAD))
        )
        vote(session, good, bad)

    (pair,) = pairs(database).examples

    assert [message.content for message in pair.messages] == ["1 + 1?", "2", "And 2 + 2?"]


def test_ties_and_both_bad_teach_nothing_and_are_counted(database: Database) -> None:
    with database.write() as session:
        vote(session, *siblings(session, "first?"), Outcome.TIE)
        vote(session, *siblings(session, "second?"), Outcome.BOTH_BAD)

    found = pairs(database)

    assert found.examples == ()
    assert found.dropped == {"tie": 1, "both bad": 1}


def test_the_majority_of_raters_decides_and_an_equal_vote_is_dropped(database: Database) -> None:
    with database.write() as session:
        good, bad = siblings(session, "first?")
        for rater, better in (("Ada", good), ("Bob", bad), ("Cyd", good)):
            vote(session, better, good + bad - better, rater=rater)
        good, bad = siblings(session, "second?")
        vote(session, good, bad, rater="Ada")
        vote(session, bad, good, rater="Bob")

    found = pairs(database)

    assert [pair.chosen.raw for pair in found.examples] == [GOOD]
    assert len(found.examples[0].vote_ids) == 2
    assert found.dropped == {"raters disagree": 1}


def test_only_votes_after_the_parents_snapshot_are_learnt(database: Database) -> None:
    with database.write() as session:
        seen = vote(session, *siblings(session, "first?"))
        new = vote(session, *siblings(session, "second?"))

    assert [pair.vote_ids for pair in pairs(database, after=seen).examples] == [(new,)]


def test_a_changed_mind_counts_once_and_with_its_last_word(database: Database) -> None:
    with database.write() as session:
        good, bad = siblings(session)
        vote(session, good, bad)
        vote(session, bad, good)

    assert [pair.chosen.raw for pair in pairs(database).examples] == [BAD]


def test_siblings_of_a_later_round_keep_their_whole_context(database: Database) -> None:
    with database.write() as session:
        run = start_run(session, "1 + 1?", system="Be brief.")
        first = add_round(session, run, BAD)
        good, bad = (
            add_round(session, run, raw, parent_id=first, index=1, candidate=at)
            for at, raw in enumerate((GOOD, BAD))
        )
        vote(session, good, bad)

    (pair,) = pairs(database).examples

    assert [message.role for message in pair.messages] == ["system", "user", "assistant", "user"]
    assert pair.messages[0].content == "Be brief."
    assert pair.messages[2].content == BAD


def test_a_pair_across_parents_is_compared_on_the_bare_prompt(database: Database) -> None:
    with database.write() as session:
        run = start_run(session, "1 + 1?")
        first = add_round(session, run, BAD, ids=[1, 2])
        second = add_round(session, run, GOOD, parent_id=first, index=1, ids=[3, 4])
        vote(session, second, first)

    (pair,) = pairs(database).examples

    assert [message.content for message in pair.messages] == ["1 + 1?"]
    assert (pair.chosen.completion_ids, pair.rejected.completion_ids) == ((3, 4), (1, 2))


@pytest.mark.parametrize("thinking_wins", [True, False])
def test_a_thought_and_a_direct_answer_are_compared_in_the_mode_of_the_better(
    database: Database, thinking_wins: bool
) -> None:
    with database.write() as session:
        run = start_run(session, "1 + 1?")
        direct = add_round(session, run, "<R> It is 3.", thinking=False, ids=[1])
        thought = add_round(session, run, GOOD, parent_id=direct, index=1, ids=[2])
        vote(session, *((thought, direct) if thinking_wins else (direct, thought)))

    (pair,) = pairs(database).examples

    assert pair.thinking is thinking_wins
    assert pair.chosen.completion_ids is not None
    assert pair.rejected.completion_ids is None
    assert pair.rejected.raw == ("<R> It is 3." if thinking_wins else "<R> It is 2.")


@pytest.mark.parametrize(
    ("chosen", "rejected", "reason"),
    [
        (GOOD, GOOD, "the two responses are identical"),
        (GOOD, GOOD.replace("1 + 1.", "By heart."), "the two responses are identical"),
        ("<T> 1 + 1.<R>", BAD, "empty response"),
        ("<T> 1.<R> It <R> is 2.", BAD, "malformed completion"),
    ],
)
def test_a_pair_that_teaches_nothing_good_is_dropped(
    database: Database, chosen: str, rejected: str, reason: str
) -> None:
    with database.write() as session:
        vote(session, *siblings(session, raws=(chosen, rejected)))

    found = pairs(database)

    assert found.examples == ()
    assert found.dropped == {reason: 1}


@pytest.mark.parametrize(
    ("rejected", "learnt"),
    [("<R>", "<R>"), ("<T> 1 and", "<R>"), ("<R> It <R> is 3.", "<R> It <R> is 3.")],
)
def test_an_answer_preferred_to_none_or_to_a_malformed_one_is_learnt(
    database: Database, rejected: str, learnt: str
) -> None:
    with database.write() as session:
        run = start_run(session, "1 + 1?")
        better = add_round(session, run, "<R> It is 2.", thinking=False)
        thinking = rejected.startswith("<T>")
        worse = add_round(session, run, rejected, candidate=1, thinking=thinking)
        vote(session, better, worse)

    (pair,) = pairs(database).examples

    assert (pair.chosen.raw, pair.rejected.raw) == ("<R> It is 2.", learnt)


def test_held_out_prompts_are_never_learnt(database: Database) -> None:
    with database.write() as session:
        run = start_run(session, "1 + 1?", partition=Partition.EVAL)
        first = add_round(session, run, BAD)
        second = add_round(session, run, GOOD, parent_id=first, index=1, correct=True)
        vote(session, second, first)

    assert pairs(database).dropped == {"prompt is held out for evaluation": 1}
    assert trajectories(database).examples == ()


def test_filters_choose_runs_and_the_newest_votes(database: Database) -> None:
    with database.write() as session:
        for number in range(3):
            vote(session, *siblings(session, f"{number}?"))

    assert len(pairs(database, runs=(1, 3)).examples) == 2
    newest = pairs(database, max_examples=2)
    assert [pair.messages[0].content for pair in newest.examples] == ["1?", "2?"]
    assert newest.dropped == {"over the limit on examples": 1}


def test_a_later_round_is_imitated_when_right_preferred_or_by_a_stronger_model(
    database: Database,
) -> None:
    with database.write() as session:
        for number, (correct, author) in enumerate(
            [(True, "policy"), (None, "policy"), (None, "teacher"), (False, "policy")]
        ):
            run = start_run(session, f"{number}?")
            first = add_round(session, run, BAD)
            later = add_round(
                session, run, GOOD, parent_id=first, index=1, correct=correct, author=author
            )
            if number == 1:
                vote(session, later, first)

    found = trajectories(database)

    assert [example.messages[0].content for example in found.examples] == ["0?", "1?", "2?"]
    assert {example.messages[1].content for example in found.examples} == {BAD}
    assert found.dropped == {"neither correct nor preferred nor by a stronger model": 1}


def test_the_control_learns_the_same_answers_right_behind_the_question(database: Database) -> None:
    with database.write() as session:
        run = start_run(session, "1 + 1?")
        attempt = add_round(session, run, BAD)
        add_round(session, run, GOOD, parent_id=attempt, index=1, correct=True)

    (refined,) = trajectories(database).examples
    (plain,) = trajectories(database, with_attempts=False).examples

    assert plain.target == refined.target
    assert [message.content for message in plain.messages] == ["1 + 1?"]
    assert len(refined.messages) == 3


def test_first_rounds_are_replayed_in_the_mode_the_trajectories_begin_in(
    database: Database,
) -> None:
    with database.write() as session:
        for number in range(8):
            run = start_run(session, f"{number}?")
            direct = add_round(session, run, "<R> It is 3.", thinking=False)
            add_round(session, run, GOOD, candidate=1)
            if number < 4:
                add_round(session, run, GOOD, parent_id=direct, index=1, correct=True)

    found = trajectories(database, replay_share=1 / 3)

    replayed = [e for e in found.examples if e.kind is TrajectoryKind.REPLAY]
    assert len(found.examples) == 6
    assert [(len(e.messages), e.thinking) for e in replayed] == [(1, False)] * 2
