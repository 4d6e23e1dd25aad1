"""Votes: stored once, in the comparison's terms, blind or not, undone, and found again."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select
from statements import executed

from db.content import prompts, rounds
from db.labelling import comparisons, corrections, preferences, raters, votes
from db.labelling.votes import StoredVote
from db.models import DataKind, Outcome, RaterKind, Round, RunMode, Vote
from db.storage.errors import Conflict
from db.storage.session import Database, open_database


def _cast(world: Any, key: str, shown: Outcome, **more: Any) -> StoredVote:
    with world.database.write() as session:
        return votes.cast_vote(session, key, shown, **more)


def _undo(world: Any, key: str, rater_id: int | None = None) -> Vote | None:
    with world.database.write() as session:
        return votes.undo_last(session, rater_id or world.ann_id, key)


def _reveal(world: Any, round_id: int, rater_id: int | None = None) -> None:
    with world.database.write() as session:
        comparisons.reveal(session, rater_id or world.ann_id, round_id)


def test_a_name_belongs_to_one_rater_of_one_kind(database: Database) -> None:
    with database.write() as session:
        ann = raters.ensure_rater(session, RaterKind.HUMAN, "ann")
        assert raters.ensure_rater(session, RaterKind.HUMAN, "ann").id == ann.id
        with pytest.raises(Conflict, match="name of a human"):
            raters.ensure_rater(session, RaterKind.JUDGE, "ann")


def test_a_comparison_is_one_row_in_either_order(world: Any) -> None:
    first, _, third = world.round_ids
    with world.database.write() as session:
        backwards = comparisons.ensure_comparison(session, third, first)
    assert backwards.id == world.comparison_id
    assert (backwards.left.id, backwards.right.id) == (first, third)


def test_a_round_is_not_compared_with_itself(world: Any) -> None:
    with pytest.raises(Conflict, match="with itself"):
        with world.database.write() as session:
            comparisons.ensure_comparison(session, world.round_ids[0], world.round_ids[0])


def test_rounds_of_different_prompts_are_not_compared(world: Any, make_round: Any) -> None:
    with world.database.write() as session:
        other = prompts.ensure_prompt(session, "Another?", source="play")
        run = rounds.start_run(session, other.id, RunMode.SAMPLE, {})
        stranger = rounds.add_round(session, run.id, make_round())
        with pytest.raises(Conflict, match="different prompts"):
            comparisons.ensure_comparison(session, world.round_ids[0], stranger.id)


@pytest.mark.parametrize(
    ("flipped", "shown", "stored"),
    [
        (False, Outcome.LEFT, Outcome.LEFT),
        (False, Outcome.RIGHT, Outcome.RIGHT),
        (True, Outcome.LEFT, Outcome.RIGHT),
        (True, Outcome.RIGHT, Outcome.LEFT),
        (True, Outcome.TIE, Outcome.TIE),
        (True, Outcome.BOTH_BAD, Outcome.BOTH_BAD),
    ],
)
def test_the_side_of_the_screen_becomes_the_side_of_the_comparison(
    world: Any, flipped: bool, shown: Outcome, stored: Outcome
) -> None:
    assert _cast(world, world.show(flipped=flipped), shown).outcome is stored


def test_a_vote_keeps_what_is_known_of_it(world: Any) -> None:
    key = world.show()
    _cast(
        world, key, Outcome.LEFT, strength=3, decided_ms=812, client="web 1", rationale="Shorter."
    )
    (vote,) = world.standing()
    assert (vote.key, vote.offer_key, vote.rater_id) == (key, key, world.ann_id)
    assert (vote.strength, vote.decided_ms, vote.client, vote.rationale) == (
        3,
        812,
        "web 1",
        "Shorter.",
    )


def test_a_vote_sent_twice_is_stored_once_as_it_was_first(world: Any) -> None:
    key = world.show()
    first = _cast(world, key, Outcome.LEFT)
    again = _cast(world, key, Outcome.LEFT)
    assert again.id == first.id
    assert again.outcome is Outcome.LEFT
    assert again.comparison_id == world.comparison_id
    assert len(world.standing()) == 1


@pytest.mark.parametrize("flipped", [False, True])
def test_another_vote_under_a_key_that_has_one_is_refused(world: Any, flipped: bool) -> None:
    key = world.show(flipped=flipped)
    first = _cast(world, key, Outcome.LEFT, strength=2)
    for outcome, strength in ((Outcome.RIGHT, 2), (Outcome.TIE, 2), (Outcome.LEFT, 1)):
        with pytest.raises(Conflict, match="has another answer of yours"):
            _cast(world, key, outcome, strength=strength)
    assert _cast(world, key, Outcome.LEFT, strength=2) == first
    assert len(world.standing()) == 1


def test_a_key_of_a_pair_that_is_shown_names_no_undo(world: Any) -> None:
    world.vote()
    key = world.show()
    with pytest.raises(Conflict, match="This key names another"):
        _undo(world, key)
    again = _cast(world, key, Outcome.RIGHT)
    assert [vote.id for vote in world.standing()] == [again.id]


def test_a_vote_is_not_taken_for_stored_because_another_row_has_its_key(world: Any) -> None:
    key = world.show()
    with world.database.write() as session:
        votes.judge_vote(session, world.judge_id, world.comparison_id, Outcome.LEFT, None, key)
    with pytest.raises(Conflict, match="This key names another"):
        _cast(world, key, Outcome.LEFT)


def test_a_judges_key_names_its_own_verdict_on_one_pair(world: Any) -> None:
    vote = world.vote()
    other = world.another_comparison()
    with world.database.write() as session:
        votes.judge_vote(session, world.judge_id, world.comparison_id, Outcome.TIE, None, "j1")
    for comparison_id, key in ((other, "j1"), (world.comparison_id, vote.key)):
        with (
            pytest.raises(Conflict, match="This key names another"),
            world.database.write() as session,
        ):
            votes.judge_vote(session, world.judge_id, comparison_id, Outcome.TIE, None, key)


def test_a_vote_sent_many_times_at_once_is_stored_once(world: Any) -> None:
    key = world.show()
    other = open_database(world.database.url)

    def send(number: int) -> int:
        with (world.database if number % 2 else other).write() as session:
            return votes.cast_vote(session, key, Outcome.LEFT).id

    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(send, n) for n in range(16)]
    stored = {future.result() for future in sent if not future.exception()}
    other.dispose()
    assert len(stored) == 1
    assert all(isinstance(future.exception(), Conflict | None) for future in sent)
    assert len(world.standing()) == 1


def test_a_vote_on_nothing_shown_is_refused(world: Any) -> None:
    with pytest.raises(Conflict, match="not on offer"):
        _cast(world, "0" * 32, Outcome.LEFT)


def test_nobody_votes_withdrawn(world: Any) -> None:
    with pytest.raises(Conflict, match="undo"):
        _cast(world, world.show(), Outcome.WITHDRAWN)


def test_a_change_of_mind_supersedes(world: Any) -> None:
    first = world.vote(Outcome.LEFT)
    second = world.vote(Outcome.RIGHT)
    assert second.supersedes_id == first.id
    assert [vote.id for vote in world.standing()] == [second.id]


def test_another_rater_does_not_supersede(world: Any) -> None:
    world.vote()
    other = world.vote(rater_id=world.bob_id)
    assert other.supersedes_id is None
    assert len(world.standing()) == 2


def test_a_vote_is_blind_until_a_thought_was_seen(world: Any) -> None:
    assert world.vote().blind
    _reveal(world, world.round_ids[2])
    _reveal(world, world.round_ids[2])
    assert not world.vote().blind


@pytest.mark.parametrize(
    ("thought", "author", "blind"),
    [("", "policy", True), ("Hm.", "policy", False), ("", "strong:x", False)],
)
def test_what_was_shown_counts_where_it_tells_something(
    world: Any, thought: str, author: str, blind: bool
) -> None:
    """Answers of one version without thoughts have nothing that a rater could have seen."""
    with world.database.write() as session:
        left, right = (session.get_one(Round, one) for one in world.round_ids[::2])
        left.thought, right.thought = thought, ""
        left.author, right.author = "policy", author
        comparisons.reveal(session, world.ann_id, left.id)
    assert world.vote().blind is blind


def test_a_thought_seen_between_offer_and_vote_counts(world: Any) -> None:
    key = world.show()
    _reveal(world, world.round_ids[0])
    assert not _cast(world, key, Outcome.LEFT).blind


def test_an_offer_remembers_the_thoughts_seen_before_it(world: Any) -> None:
    _reveal(world, world.round_ids[0])
    with world.database.write() as session:
        shown = comparisons.offer(session, world.ann_id, world.comparison_id, flipped=False)
    assert shown.thoughts_seen
    assert shown.comparison.right.id == world.round_ids[2]


def test_thoughts_of_other_rounds_or_seen_by_others_do_not_count(world: Any) -> None:
    _reveal(world, world.round_ids[1])
    _reveal(world, world.round_ids[0], world.bob_id)
    assert world.vote().blind


def test_an_undo_leaves_the_comparison_without_a_vote(world: Any) -> None:
    first = world.vote(Outcome.LEFT)
    second = world.vote(Outcome.RIGHT)
    undone = _undo(world, "undo 1")
    assert undone is not None
    assert (undone.outcome, undone.supersedes_id) == (Outcome.WITHDRAWN, second.id)
    assert undone.comparison.id == first.comparison_id
    assert world.standing() == []


def test_a_vote_on_a_deleted_pair_is_refused_until_it_is_restored(world: Any) -> None:
    key = world.show()
    with world.database.write() as session:
        corrections.delete(session, DataKind.PAIR, world.comparison_id, "root")
    with pytest.raises(Conflict, match="was deleted, or its import undone"):
        _cast(world, key, Outcome.LEFT)
    with world.database.write() as session:
        corrections.restore(session, DataKind.PAIR, world.comparison_id, "root")
    assert _cast(world, key, Outcome.LEFT).id
    assert _cast(world, key, Outcome.LEFT).key == key


def test_a_vote_is_acknowledged_again_after_its_pair_was_deleted(world: Any) -> None:
    vote = world.vote()
    with world.database.write() as session:
        corrections.delete(session, DataKind.PAIR, world.comparison_id, "root")
    assert _cast(world, vote.key, Outcome.LEFT).id == vote.id


def test_undo_withdraws_the_last_vote_even_where_its_pair_was_deleted(world: Any) -> None:
    kept, other = world.vote(), world.another_comparison()
    with world.database.write() as session:
        key = comparisons.offer(session, world.ann_id, other, flipped=False).key
        last = votes.cast_vote(session, key, Outcome.LEFT)
        corrections.delete(session, DataKind.PAIR, other, "root")
    undone = _undo(world, "undo 1")
    assert undone is not None
    assert undone.supersedes_id == last.id
    assert [vote.id for vote in world.standing()] == [kept.id]


def test_an_undo_sent_twice_undoes_once(world: Any) -> None:
    kept = world.vote(rater_id=world.ann_id)
    other = world.another_comparison()
    with world.database.write() as session:
        key = comparisons.offer(session, world.ann_id, other, flipped=False).key
        votes.cast_vote(session, key, Outcome.LEFT)
    first, again = _undo(world, "undo 1"), _undo(world, "undo 1")
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert [vote.id for vote in world.standing()] == [kept.id]


def test_an_undo_on_a_run_leaves_votes_on_others_alone(world: Any) -> None:
    first, other = world.vote(), world.another_comparison()
    with world.database.write() as session:
        key = comparisons.offer(session, world.ann_id, other, flipped=False).key
        last = votes.cast_vote(session, key, Outcome.LEFT)
        of = {vote.id: vote.comparison.left.run_id for vote in session.scalars(select(Vote))}

    def undo_on(vote: Vote | StoredVote, key: str, rater_id: int) -> int | None:
        with world.database.write() as session:
            undone = votes.undo_last(session, rater_id, key, run_id=of[vote.id])
            return undone.supersedes_id if undone else None

    assert undo_on(first, "of bob", world.bob_id) is None
    assert undo_on(first, "undo 1", world.ann_id) == first.id
    assert undo_on(first, "undo 1", world.ann_id) == first.id, "sent twice it is one undo"
    assert undo_on(first, "undo 2", world.ann_id) is None
    assert [vote.id for vote in world.standing()] == [last.id]


def test_undo_walks_back_twelve_votes_and_then_stops(world: Any) -> None:
    ids = []
    for _ in range(12):
        comparison = world.another_comparison()
        with world.database.write() as session:
            key = comparisons.offer(session, world.ann_id, comparison, flipped=False).key
            ids.append(votes.cast_vote(session, key, Outcome.LEFT).id)
    of_bob = world.vote(rater_id=world.bob_id)
    undone = [_undo(world, f"undo {n}") for n in range(12)]
    assert [row.supersedes_id for row in undone if row] == ids[::-1]
    assert _undo(world, "undo 12") is None
    assert [vote.id for vote in world.standing()] == [of_bob.id]


def test_a_vote_after_an_undo_is_current_and_can_be_undone(world: Any) -> None:
    world.vote(Outcome.LEFT)
    withdrawn = _undo(world, "undo 1")
    again = world.vote(Outcome.RIGHT)
    assert withdrawn is not None
    assert again.supersedes_id == withdrawn.id
    assert [vote.outcome for vote in world.standing()] == [Outcome.RIGHT]
    assert _undo(world, "undo 2") is not None
    assert world.standing() == []


def test_a_judges_verdict_is_stored_once_by_its_key(world: Any) -> None:
    with world.database.write() as session:
        first = votes.judge_vote(
            session, world.judge_id, world.comparison_id, Outcome.TIE, "Same answer.", "judge:1"
        )
        again = votes.judge_vote(
            session, world.judge_id, world.comparison_id, Outcome.LEFT, None, "judge:1"
        )
    assert first.id == again.id
    assert (first.outcome, first.rationale, first.blind) == (Outcome.TIE, "Same answer.", True)


def test_a_person_cannot_vote_as_a_judge(world: Any) -> None:
    with pytest.raises(Conflict, match="is a person"):
        with world.database.write() as session:
            votes.judge_vote(
                session, world.ann_id, world.comparison_id, Outcome.LEFT, None, "judge:1"
            )


def test_current_votes_are_filtered_by_age_and_kind(world: Any) -> None:
    of_ann = world.vote()
    of_bob = world.vote(rater_id=world.bob_id)
    with world.database.write() as session:
        of_judge = votes.judge_vote(
            session, world.judge_id, world.comparison_id, Outcome.LEFT, None, "judge:1"
        )
    with world.database.read() as session:
        later = preferences.current_votes(session, after=of_ann.id)
        human = preferences.current_votes(session, kinds=[RaterKind.HUMAN])
    assert [vote.id for vote in later] == [of_bob.id, of_judge.id]
    assert [vote.id for vote in human] == [of_ann.id, of_bob.id]


def test_only_current_preferences_are_counted(world: Any) -> None:
    first = world.vote(Outcome.LEFT)
    world.vote(Outcome.TIE, rater_id=world.bob_id)
    with world.database.read() as session:
        assert preferences.count_preferences(session) == 1
        assert preferences.count_preferences(session, after=first.id) == 0
        assert votes.highest_vote_id(session) == first.id + 1
    _undo(world, "undo 1")
    with world.database.read() as session:
        assert preferences.count_preferences(session) == 0
        assert votes.highest_vote_id(session) == first.id + 2


def test_an_empty_log_has_highest_vote_zero(database: Database) -> None:
    with database.read() as session:
        assert votes.highest_vote_id(session) == 0
        assert preferences.current_votes(session) == []


def test_what_training_reads_of_a_vote_is_there_after_the_session(world: Any) -> None:
    world.vote()
    (vote,) = world.standing()
    assert vote.rater.name == "ann"
    assert vote.comparison.prompt.text == vote.comparison.left.run.prompt.text
    assert vote.comparison.right.parent.parent.id == vote.comparison.left.id
    assert vote.comparison.right.adapter is None


def test_loading_votes_takes_no_more_queries_for_more_votes(world: Any) -> None:
    def n_queries() -> int:
        with executed() as statements, world.database.read() as session:
            for vote in preferences.current_votes(session):
                rounds.lineage(session, vote.comparison.right)
        return len(statements)

    world.vote()
    few = n_queries()
    for n in range(30):
        comparison = world.another_comparison()
        with world.database.write() as session:
            votes.judge_vote(session, world.judge_id, comparison, Outcome.LEFT, None, f"j{n}")
    assert n_queries() <= few


def test_eight_threads_of_two_programs_vote_without_a_locked_error(world: Any) -> None:
    other = open_database(world.database.url)
    with world.database.write() as session:
        people = [raters.ensure_rater(session, RaterKind.HUMAN, f"r{n}").id for n in range(8)]

    def label(number: int) -> list[int]:
        mine = []
        for _ in range(10):
            with (world.database if number % 2 else other).write() as session:
                shown = comparisons.offer(
                    session, people[number], world.comparison_id, flipped=False
                )
                mine.append(votes.cast_vote(session, shown.key, Outcome.LEFT).id)
        return mine

    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        stored = [id_ for mine in pool.map(label, range(8)) for id_ in mine]
    other.dispose()
    assert len(set(stored)) == 80
    assert time.perf_counter() - started < 20
    with world.database.read() as session:
        assert session.scalar(select(func.count(Vote.id))) == 80
    assert len(world.standing()) == 8


def test_one_rater_voting_in_many_tabs_has_one_current_vote(world: Any) -> None:
    """The rows of one rater on one comparison stay a chain, whichever tab is first."""
    keys = [world.show() for _ in range(12)]
    other = open_database(world.database.url)

    def vote(number: int) -> int:
        with (world.database if number % 2 else other).write() as session:
            return votes.cast_vote(session, keys[number], Outcome.LEFT).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(vote, range(12)))) == 12
    other.dispose()
    assert len(world.standing()) == 1
