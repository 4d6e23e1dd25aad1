"""Assigning comparisons: never twice to a person, never more often than asked."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import select, text
from statements import executed

from db.content import prompts, rounds
from db.content.rounds import NewRound
from db.labelling import (
    answers,
    assignments,
    campaigns,
    comparisons,
    corrections,
    preferences,
    rater_progress,
    raters,
    taking_back,
    votes,
)
from db.labelling.answers import Assigned
from db.labelling.campaigns import NewItem
from db.labelling.votes import StoredVote
from db.models import (
    Aspect,
    Assignment,
    AssignmentState,
    Campaign,
    CampaignState,
    DataKind,
    ItemKind,
    Offer,
    Outcome,
    Purpose,
    RaterKind,
    RunMode,
    Vote,
)
from db.storage.errors import Conflict
from db.storage.session import Database, open_database

DRAW = random.Random(0)


@dataclass
class Work:
    """A campaign over `n` pairs, one prompt each, and people to do it."""

    database: Database
    campaign_id: int
    pairs: list[tuple[int, int]]

    def rater(self, name: str, kind: RaterKind = RaterKind.HUMAN) -> int:
        with self.database.write() as session:
            return raters.ensure_rater(session, kind, name).id

    def reserve(self, rater_id: int, n: int = 1, **more: object) -> list[str]:
        with self.database.write() as session:
            return assignments.reserve(
                session,
                self.campaign_id,
                rater_id,
                n,
                draw=DRAW,
                **more,  # type: ignore[arg-type]
            ).keys

    def vote(self, key: str, outcome: Outcome = Outcome.LEFT) -> tuple[StoredVote, Assigned]:
        with self.database.write() as session:
            stored = answers.vote(session, key, outcome)
            return stored.vote, stored.assignment

    def undo(self, rater_id: int, key: str = "u1") -> tuple[Vote | None, Assignment] | None:
        with self.database.write() as session:
            return taking_back.undo(session, self.campaign_id, rater_id, key)

    def skip(self, key: str) -> None:
        with self.database.write() as session:
            assignments.skip(session, key)

    def campaign(self) -> Campaign:
        with self.database.read() as session:
            return campaigns.find(session, self.campaign_id)

    def offered(self, key: str) -> Offer:
        with self.database.read() as session:
            return session.get_one(Offer, key)

    def pair_of(self, key: str) -> tuple[int, int]:
        comparison = self.offered(key).comparison
        return comparison.left_round_id, comparison.right_round_id

    def expire(self) -> None:
        with self.database.write() as session:
            session.execute(text("UPDATE assignments SET lease_until = 1"))

    def label_all(self, rater_id: int) -> list[tuple[int, int]]:
        """Everything this rater is given, one by one, to the end."""
        seen = []
        while keys := self.reserve(rater_id):
            self.vote(keys[0])
            seen.append(self.pair_of(keys[0]))
            assert len(seen) < 500
        return seen

    def recount(self) -> None:
        """The counters are what the rows say."""
        with self.database.read() as session:
            ask = lambda query: session.execute(text(query)).scalar_one()  # noqa: E731
            taken = "SELECT count(*) FROM assignments WHERE counts AND state IN "
            assert ask(f"{taken} ('reserved', 'done')") == self.campaign().n_taken
            assert ask(f"{taken} ('done')") == self.campaign().n_done
            over = """
                SELECT count(*) FROM campaign_items i WHERE n_taken <> (SELECT count(*) FROM
                assignments a WHERE a.item_id = i.id AND counts AND state IN ('reserved', 'done'))
            """
            assert ask(over) == 0


def round_of(text_: str, thought: str = "") -> NewRound:
    return NewRound(
        index=0, parent_id=None, thinking=bool(thought), thought=thought, response=text_,
        raw=text_, well_formed=True, sampling={}, seed=0, n_thought_tokens=len(thought.split()),
        n_response_tokens=1, finish_reason="stop",
    )  # fmt: skip


def make(
    database: Database,
    n: int = 5,
    aspect: Aspect = Aspect.RESPONSE,
    name: str = "First",
    **options: object,
) -> Work:
    with database.write() as session:
        pairs = []
        for number in range(n):
            prompt = prompts.ensure_prompt(session, f"Question {number}?", source="test")
            run = rounds.start_run(session, prompt.id, RunMode.JOB, {})
            left = rounds.add_round(session, run.id, round_of(f"A{number}", "hm"))
            second = rounds.start_run(session, prompt.id, RunMode.JOB, {})
            right = rounds.add_round(session, second.id, round_of(f"B{number}", "well"))
            pairs.append((left.id, right.id))
        campaign = campaigns.create(session, name, aspect=aspect, **options)  # type: ignore[arg-type]
        plain = [NewItem(*pair, uncertainty=i / n) for i, pair in enumerate(pairs)]
        campaigns.add_items(session, campaign.id, plain, draw=DRAW)
        campaigns.set_state(session, campaign.id, CampaignState.OPEN)
        return Work(database, campaign.id, pairs)


def test_each_comparison_is_labelled_as_often_as_asked_and_once_by_each(database: Database) -> None:
    work = make(database, 5, overlap=2)
    ann, bob, cyd = (work.rater(name) for name in ("ann", "bob", "cyd"))

    assert sorted(work.label_all(ann)) == work.pairs
    assert sorted(work.label_all(bob)) == work.pairs
    assert work.label_all(cyd) == []
    assert (work.campaign().n_done, work.campaign().n_slots) == (10, 10)
    work.recount()


def test_raters_who_race_fill_every_slot_and_no_more(database: Database) -> None:
    work = make(database, 12, overlap=2)
    people = [work.rater(f"rater {number}") for number in range(6)]

    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(work.label_all, people))

    assert Counter(pair for pairs in seen for pair in pairs) == Counter(work.pairs * 2)
    assert all(len(pairs) == len(set(pairs)) for pairs in seen)
    work.recount()


def test_two_tabs_of_one_person_get_different_pairs(database: Database) -> None:
    work = make(database, 8)
    ann = work.rater("ann")

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda tab: work.reserve(ann, 4, tab=tab), ("one", "two"))

    assert len({work.pair_of(key) for key in one + two}) == 8
    assert work.reserve(ann, 4, tab="one") == one, "loaded again, a page goes on where it was"
    assert work.reserve(ann, 2, tab="one", have=one) == two[:2], "nothing else is left"


def test_more_are_assigned_ahead_but_never_what_the_page_has(database: Database) -> None:
    work = make(database, 6)
    ann = work.rater("ann")
    first = work.reserve(ann, 3, tab="t")
    more = work.reserve(ann, 2, tab="t", have=first)
    assert len({*first, *more}) == 5
    assert work.campaign().n_taken == 5


def test_a_vote_sent_twice_counts_once(database: Database) -> None:
    work = make(database)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)
    first, _ = work.vote(key, Outcome.LEFT)
    again, _ = work.vote(key, Outcome.LEFT)
    assert first.id == again.id
    with pytest.raises(Conflict, match="has another answer of yours"):
        work.vote(key, Outcome.RIGHT)
    assert work.campaign().n_done == 1
    with database.read() as session:
        assert rater_progress.of_rater(session, work.campaign_id, ann).n_done == 1


def test_a_skipped_comparison_is_somebody_elses(database: Database) -> None:
    work = make(database, 2)
    ann, bob = work.rater("ann"), work.rater("bob")
    (key,) = work.reserve(ann)
    skipped = work.pair_of(key)
    work.skip(key)
    work.skip(key)

    assert skipped not in work.label_all(ann)
    assert skipped in work.label_all(bob)
    with pytest.raises(Conflict, match="skipped"):
        work.vote(key)
    with database.read() as session:
        assert rater_progress.of_rater(session, work.campaign_id, ann).n_skipped == 1
    work.recount()


def test_nothing_left_is_known_without_looking_until_something_comes_back(
    database: Database,
) -> None:
    work = make(database, 2)
    ann, bob = work.rater("ann"), work.rater("bob")
    (held,) = work.reserve(bob)
    work.label_all(ann)
    assert work.reserve(ann) == []
    work.skip(held)
    assert [work.pair_of(key) for key in work.reserve(ann)] == [work.pair_of(held)]


def test_a_slot_not_answered_in_time_is_released(database: Database) -> None:
    work = make(database, 1)
    ann, bob = work.rater("ann"), work.rater("bob")
    (key,) = work.reserve(ann)
    assert work.reserve(bob) == []
    work.expire()
    (hers,) = work.reserve(bob)
    assert work.pair_of(hers) == work.pair_of(key)
    work.recount()


def test_what_others_have_may_come_back_unless_this_rater_had_it(database: Database) -> None:
    work = make(database, 3)
    ada, bea, cas = work.rater("ada"), work.rater("bea"), work.rater("cas")
    first, second, third = work.reserve(ada, 3)

    def are_with_others(rater_id: int) -> bool:
        with database.read() as session:
            return assignments.are_with_others(session, work.campaign_id, rater_id)

    assert work.reserve(bea) == []
    assert are_with_others(bea)
    assert not are_with_others(ada), "it is her own"
    work.vote(first)
    work.skip(second)
    (again,) = work.reserve(bea, 2)
    assert work.pair_of(again) == work.pair_of(second)
    work.skip(again)
    assert are_with_others(bea), "the third"
    assert are_with_others(cas)
    work.vote(third)
    assert not are_with_others(bea)
    assert not are_with_others(cas), "what came back is free"
    work.reserve(cas)
    assert not are_with_others(bea), "she skipped it"


def test_what_is_left_unanswered_is_free_in_a_minute_and_only_by_its_own_rater(
    database: Database,
) -> None:
    work = make(database, 2)
    ada, bea = work.rater("ada"), work.rater("bea")
    keys = work.reserve(ada, 2)

    def leases() -> list[float]:
        with database.read() as session:
            rows = session.scalars(select(Assignment.lease_until).order_by(Assignment.id))
            return [(one or 0.0) - time.time() for one in rows]

    with database.write() as session:
        assignments.renew(session, bea, keys, assignments.LEFT_S)
    assert min(leases()) > 1000
    with database.write() as session:
        assignments.renew(session, ada, keys[1:], assignments.LEFT_S)
    still, left = leases()
    assert still > 1000
    assert 0 < left <= assignments.LEFT_S + 1
    assert work.reserve(ada, 2) == keys, "the page came back"
    assert min(leases()) > 1000


def test_an_expired_pair_is_assigned_again_under_its_key(database: Database) -> None:
    work = make(database, 1)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)
    work.expire()
    assert work.reserve(ann) == [key]
    work.vote(key)
    work.recount()


def test_a_sweep_locks_items_in_order_and_their_campaign_last_as_who_takes_a_slot_does(
    database: Database,
) -> None:
    """Else each of two could hold what the other waits for."""
    work = make(database, 3)
    ann, bob = work.rater("ann"), work.rater("bob")
    n_taken = len(work.reserve(ann, 2)) + len(work.reserve(bob, 1))
    work.expire()
    with database.write() as session, executed() as statements:
        assert assignments.sweep(session, work.campaign_id) == n_taken == 3
    changed = [one.split()[1] for one in statements if one.startswith("UPDATE")]
    counts = [one for one in changed if one != "assignments"]
    assert counts == ["campaign_items"] * 3 + ["campaigns"]
    work.recount()


def test_a_late_vote_takes_its_slot_again_where_it_is_free(database: Database) -> None:
    work = make(database, 1)
    ann, bob = work.rater("ann"), work.rater("bob")
    (key,) = work.reserve(ann)
    work.expire()
    with database.write() as session:
        assignments.sweep(session, work.campaign_id)
    _, assignment = work.vote(key)
    assert assignment.state is AssignmentState.DONE
    assert work.reserve(bob) == []
    work.recount()


def test_a_late_vote_on_a_full_comparison_is_logged_but_not_counted(
    database: Database,
) -> None:
    work = make(database, 1)
    ann, bob = work.rater("ann"), work.rater("bob")
    (key,) = work.reserve(ann)
    work.expire()
    work.vote(*work.reserve(bob))
    stored, assignment = work.vote(key, Outcome.RIGHT)

    assert assignment.state is AssignmentState.LATE
    assert stored.id
    assert work.campaign().n_done == 1
    work.recount()
    undone = work.undo(ann)
    assert undone is not None
    assert undone[0].id == stored.id
    work.recount()


def test_a_deleted_pair_is_not_given_again_and_takes_no_vote(database: Database) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    kept, gone = work.reserve(ann, 2)
    work.vote(kept)
    with database.write() as session:
        pair_id = session.get_one(Offer, gone).comparison_id
        corrections.delete(session, DataKind.PAIR, pair_id, "root")
    with pytest.raises(Conflict, match="was deleted, or its import undone"):
        work.vote(gone)
    assert work.campaign().n_done == 1
    (other,) = work.reserve(ann)
    assert other != gone
    with database.write() as session:
        corrections.restore(session, DataKind.PAIR, pair_id, "root")
    assert gone in work.reserve(ann, 2)
    work.vote(gone)
    work.recount()


def test_pairs_that_are_added_later_leave_a_deleted_one_out_of_what_is_wanted(
    database: Database,
) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)
    pair_id = work.offered(key).comparison_id
    with database.write() as session:
        assignments.skip(session, key)
        corrections.delete(session, DataKind.PAIR, pair_id, "root")
    assert (work.campaign().n_items, work.campaign().n_slots) == (2, 2)
    (left, right), *_ = (one for one in work.pairs if one != work.pair_of(key))
    with database.write() as session:
        known = [NewItem(left, right)]
        assert campaigns.add_items(session, work.campaign_id, known, draw=DRAW) == 0
    assert (work.campaign().n_items, work.campaign().n_slots) == (2, 2)
    work.label_all(work.rater("bob"))
    assert work.campaign().n_done == work.campaign().n_slots


def test_undo_takes_back_the_last_vote_even_where_its_pair_was_deleted(database: Database) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    kept, last = (work.vote(key)[0] for key in work.reserve(ann, 2))
    with database.write() as session:
        corrections.delete(session, DataKind.PAIR, last.comparison_id, "root")
    undone = work.undo(ann)
    assert undone is not None
    assert undone[0].id == last.id
    with database.read() as session:
        assert [vote.id for vote in preferences.current_votes(session)] == [kept.id]
    assert undone[1].offer_key not in work.reserve(ann), "it is not given again"
    work.recount()


def test_undo_takes_back_a_skip_before_the_vote_that_was_cast_before_it(database: Database) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    first, skipped = work.reserve(ann, 2)
    work.vote(first)
    work.skip(skipped)

    taken_back = work.undo(ann, "of the skip")
    assert taken_back is not None
    withdrawn, assignment = taken_back
    assert withdrawn is None, "no vote is withdrawn"
    assert work.campaign().n_done == 1
    assert work.pair_of(assignment.offer_key) == work.pair_of(skipped)
    assert work.offered(assignment.offer_key).flipped == work.offered(skipped).flipped
    again = work.undo(ann, "of the skip")
    assert again is not None
    assert again[1].offer_key == assignment.offer_key, "sent twice, undone once"
    with database.read() as session:
        assert rater_progress.of_rater(session, work.campaign_id, ann).n_skipped == 0
    work.recount()

    before = work.undo(ann, "of the vote")
    assert before is not None
    assert work.pair_of(before[1].offer_key) == work.pair_of(first)
    assert work.campaign().n_done == 0
    work.recount()
    assert sorted(work.label_all(ann)) == work.pairs


def test_a_vote_after_a_skip_is_undone_first(database: Database) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    skipped, voted = work.reserve(ann, 2)
    work.skip(skipped)
    work.vote(voted)
    assert [
        work.pair_of(one[1].offer_key) for one in (work.undo(ann, "1"), work.undo(ann, "2")) if one
    ] == [work.pair_of(voted), work.pair_of(skipped)]
    assert work.undo(ann, "3") is None
    work.recount()


def test_a_skip_is_taken_back_where_another_has_its_slot_and_its_vote_is_late(
    database: Database,
) -> None:
    work = make(database, 1)
    ann, bob = work.rater("ann"), work.rater("bob")
    (key,) = work.reserve(ann)
    work.skip(key)
    work.vote(*work.reserve(bob))
    taken_back = work.undo(ann)
    assert taken_back is not None
    work.recount()
    _, assignment = work.vote(taken_back[1].offer_key)
    assert assignment.state is AssignmentState.LATE
    assert work.campaign().n_done == 1
    work.recount()


@pytest.mark.parametrize("of_a", ["vote", "skip"])
def test_the_key_of_an_undo_names_nothing_in_another_campaign_of_the_same_pairs(
    database: Database, of_a: str
) -> None:
    work = make(database, 1)
    with database.write() as session:
        campaign = campaigns.create(session, "The same pairs")
        campaigns.add_items(session, campaign.id, [NewItem(*work.pairs[0])], draw=DRAW)
        campaigns.set_state(session, campaign.id, CampaignState.OPEN)
    other = Work(database, campaign.id, work.pairs)
    ann = work.rater("ann")
    ((here,), (there,)) = (one.reserve(ann) for one in (work, other))
    for one, key in ((other, there), (work, here)):
        one.vote(key) if of_a == "vote" else one.skip(key)

    taken_back = work.undo(ann)
    for _ in range(2):
        with pytest.raises(Conflict, match="This key names another"):
            other.undo(ann)
    again = work.undo(ann)
    assert taken_back is not None
    assert again is not None
    assert again[1].offer_key == taken_back[1].offer_key, "sent twice, undone once"
    with database.read() as session:
        state = session.scalar(
            select(Assignment.state).where(Assignment.campaign_id == other.campaign_id)
        )
    assert state is (AssignmentState.DONE if of_a == "vote" else AssignmentState.SKIPPED)
    work.vote(again[1].offer_key)
    assert work.undo(ann, "u2") is not None, "a key for each undo"


def test_the_key_of_an_undo_names_nothing_in_another_place(database: Database) -> None:
    work, other = make(database, 2), make(database, 2, name="Another")
    ann, bob = work.rater("ann"), work.rater("bob")
    for key in work.reserve(ann, 2):
        work.vote(key)
    (skipped,) = other.reserve(ann)
    other.skip(skipped)
    work.undo(ann, "of a vote")
    other.undo(ann, "of a skip")
    with database.write() as session:
        comparison = comparisons.ensure_comparison(session, *other.pairs[1])
        offer = comparisons.offer(session, ann, comparison.id, flipped=False)
        votes.cast_vote(session, offer.key, Outcome.LEFT)
    for key in ("of a vote", "of a skip"):
        with pytest.raises(Conflict, match="This key names another"), database.write() as session:
            votes.undo_last(session, ann, key)
        with pytest.raises(Conflict, match="This key names another"):
            (other if key == "of a vote" else work).undo(ann, key)
        with pytest.raises(Conflict, match="This key names another"):
            work.undo(bob, key)
    with database.write() as session:
        assert votes.undo_last(session, ann, "of play") is not None
    with pytest.raises(Conflict, match="This key names another"):
        work.undo(ann, "of play")
    assert work.campaign().n_done == 1


def test_undo_offers_the_pair_again_with_its_sides_unchanged(database: Database) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    keys = [key for key in work.reserve(ann, 3) if work.vote(key)]
    for number, key in enumerate(reversed(keys)):
        taken_back = work.undo(ann, f"undo {number}")
        assert taken_back is not None
        _, assignment = taken_back
        assert work.offered(assignment.offer_key).flipped == work.offered(key).flipped
        assert work.pair_of(assignment.offer_key) == work.pair_of(key)
        again = work.undo(ann, f"undo {number}")
        assert again is not None
        assert again[1].offer_key == assignment.offer_key, "sent twice, undone once"
    assert work.undo(ann, "no more") is None
    assert work.campaign().n_done == 0
    work.recount()
    assert sorted(work.label_all(ann)) == work.pairs


def test_a_budget_ends_the_campaign(database: Database) -> None:
    work = make(database, 5, overlap=2, budget=3)
    people = [work.rater(f"rater {number}") for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        n = sum(len(seen) for seen in pool.map(work.label_all, people))
    assert n == 3
    work.recount()


def test_uncertain_ones_come_first(database: Database) -> None:
    work = make(database, 4, mix={"uncertain": 1})
    assert work.label_all(work.rater("ann")) == work.pairs[::-1]


def test_what_others_have_begun_is_finished_first(database: Database) -> None:
    work = make(database, 40, overlap=2, mix={"overlap": 1})
    ann, bob = work.rater("ann"), work.rater("bob")
    (key,) = work.reserve(ann)
    work.vote(key)
    assert [work.pair_of(other) for other in work.reserve(bob)] == [work.pair_of(key)]


def test_a_comparison_voted_on_elsewhere_is_not_assigned(database: Database) -> None:
    work = make(database, 2)
    ann = work.rater("ann")
    with database.write() as session:
        comparison = comparisons.ensure_comparison(session, *work.pairs[0])
        shown = comparisons.offer(session, ann, comparison.id, flipped=False)
        votes.cast_vote(session, shown.key, Outcome.TIE)
    assert work.label_all(ann) == [work.pairs[1]]


def test_a_repeat_has_its_sides_swapped_and_a_chain_of_its_own(database: Database) -> None:
    work = make(database, 14, mix={"repeat": 1})
    ann = work.rater("ann")
    asked = []
    while keys := work.reserve(ann):
        _, assignment = work.vote(keys[0])
        asked.append((assignment.purpose, work.pair_of(keys[0]), work.offered(keys[0]).flipped))
    first = {pair: turned for purpose, pair, turned in asked if purpose is Purpose.LABEL}
    repeats = {pair: turned for purpose, pair, turned in asked if purpose is Purpose.REPEAT}

    assert len(first) == 14
    assert repeats
    assert all(turned != first[pair] for pair, turned in repeats.items())
    assert asked[10][0] is Purpose.LABEL, "not before ten others"
    with database.read() as session:
        assert len(preferences.current_votes(session)) == 14
        n_answers = rater_progress.of_rater(session, work.campaign_id, ann).n_done
    assert n_answers == 14 + len(repeats), "a count that stands still would tell a repeat"
    work.recount()


def test_gold_is_assigned_to_everybody_and_takes_no_slot(database: Database) -> None:
    work = make(database, 6, mix={"gold": 1})
    with database.write() as session:
        gold = [NewItem(*pair, kind=ItemKind.GOLD, gold=Outcome.LEFT) for pair in work.pairs[:2]]
        campaigns.add_items(session, work.campaign_id, gold, draw=DRAW)
    assert work.campaign().n_items == 4
    for name in ("ann", "bob"):
        assert set(work.label_all(work.rater(name))) >= set(work.pairs[:2])
    assert work.campaign().n_done == 4
    work.recount()


def test_practice_comes_first_and_is_not_learnt_from(database: Database) -> None:
    work = make(database, 6, n_practice=2)
    with database.write() as session:
        known = [
            NewItem(*pair, kind=ItemKind.PRACTICE, gold=Outcome.LEFT) for pair in work.pairs[:3]
        ]
        campaigns.add_items(session, work.campaign_id, known, draw=DRAW)
    ann = work.rater("ann")
    ahead = work.reserve(ann, 4)
    purposes = [work.offered(key).purpose for key in ahead]
    assert purposes == [Purpose.PRACTICE] * 2 + [Purpose.LABEL] * 2
    for key in ahead:
        work.vote(key)
    with database.read() as session:
        assert len(preferences.current_votes(session)) == 2
        far = rater_progress.of_rater(session, work.campaign_id, ann)
    assert (far.n_practised, far.n_done) == (2, 2)
    work.recount()


def test_a_judge_takes_no_slot_and_sees_everything_once(database: Database) -> None:
    work = make(database, 3)
    judge = work.rater("agent:one", RaterKind.JUDGE)
    assert work.label_all(judge) == work.pairs
    assert work.campaign().n_done == 0
    assert sorted(work.label_all(work.rater("ann"))) == work.pairs


def test_thoughts_are_compared_apart_from_responses(database: Database) -> None:
    work = make(database, 2, Aspect.THOUGHT)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)
    stored, _ = work.vote(key)
    assert stored.blind, "thoughts were shown to be compared, versions were not"
    with database.write() as session:
        assert preferences.current_votes(session) == [], "what is learnt from is about responses"
        shown = comparisons.offer(
            session,
            ann,
            comparisons.ensure_comparison(session, *work.pair_of(key)).id,
            flipped=False,
        )
        assert not votes.cast_vote(session, shown.key, Outcome.LEFT).blind


def test_a_vote_changed_after_a_reveal_is_marked(database: Database) -> None:
    work = make(database, 2)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)
    first, _ = work.vote(key)
    with database.write() as session:
        for round_id in work.pair_of(key):
            comparisons.reveal(session, ann, round_id)
    taken_back = work.undo(ann)
    assert taken_back is not None
    second, _ = work.vote(taken_back[1].offer_key, Outcome.RIGHT)
    assert (first.blind, second.blind) == (True, False)


def test_a_closed_campaign_assigns_nothing_but_accepts_votes_on_earlier_assignments(
    database: Database,
) -> None:
    work = make(database, 2)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)
    with database.write() as session:
        campaigns.set_state(session, work.campaign_id, CampaignState.CLOSED)
    with pytest.raises(Conflict, match="closed"):
        work.reserve(ann)
    work.vote(key)
    assert work.campaign().n_done == 1


def test_the_lease_is_renewed_for_what_the_page_has(database: Database) -> None:
    work = make(database, 3)
    ann = work.rater("ann")
    (key,) = work.reserve(ann, tab="t", lease_s=0.2)
    time.sleep(0.1)
    work.reserve(ann, 1, tab="t", have=[key], lease_s=60.0)
    time.sleep(0.15)
    with database.write() as session:
        assert assignments.sweep(session, work.campaign_id) == 0


@pytest.mark.postgres
def test_a_vote_and_the_next_question_of_one_person_do_not_deadlock(
    migrated_postgres_url: str,
) -> None:
    """A page asks for the next pairs while its vote is on the way: both lock the person first."""
    work = make(open_database(migrated_postgres_url), 2)
    ann = work.rater("ann")
    (key,) = work.reserve(ann)

    def vote() -> AssignmentState:
        with work.database.write() as session:
            return answers.vote(session, key, Outcome.LEFT, rater_id=ann).assignment.state

    with ThreadPoolExecutor(1) as pool:
        with work.database.write() as session:
            raters.lock_rater(session, ann)
            voting = pool.submit(vote)
            _wait_for_a_lock(work.database)
            session.execute(text("SET LOCAL lock_timeout = '2s'"))
            assignments.reserve(session, work.campaign_id, ann, have=[key], draw=DRAW)
        assert voting.result(20) is AssignmentState.DONE
    work.database.dispose()


def _wait_for_a_lock(database: Database) -> None:
    """Until some transaction of this database waits for another."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 20
    with database.read() as session:
        while not session.scalar(waiting):
            assert time.monotonic() < until
            session.rollback()
            time.sleep(0.01)
