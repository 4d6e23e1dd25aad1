"""Adjudication: it settles a comparison, is no label, is learnt alone, and can be taken back."""

from collections import Counter
from typing import Any

import pytest
from labelling_world import Work, said, somebody
from sqlalchemy import select

from db.labelling import agreement, exports, preferences, taking_back, votes
from db.models import Campaign, Outcome, Purpose, Rater, Vote
from db.storage.errors import Conflict
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.people import Role
from ptrapp.core.types import Choice
from ptrapp.preferences.counting import MAJORITY
from ptrapp.preferences.learnable import Completions, learnable_pair
from ptrapp.services.labelling import adjudicating, answering, items
from ptrapp.services.labelling.adjudicating import Ruling
from ptrapp.services.labelling.agreement import read_report
from ptrapp.services.labelling.disagreements import read_gallery

ADA, BEA = somebody("Ada"), somebody("Bea")
ROOT, EVE = somebody("Root", Role.ADMIN), somebody("Eve", Role.ADMIN)


@pytest.fixture
def work(world: Any) -> Work:
    """One comparison, on which Ada and Bea said the opposite."""
    made = Work(world.context).campaign(1, overlap=2)
    said(made, ADA, Outcome.LEFT)
    said(made, BEA, Outcome.RIGHT)
    return made


def comparison_of(work: Work) -> int:
    return read_gallery(work.context, work.id).shown[0].comparison_id


def settle(work: Work, outcome: Choice, key: str = "k1", person: Any = ROOT, **more: Any) -> None:
    adjudicating.settle(
        work.context, person, work.id, comparison_of(work), Ruling(outcome, **more), key
    )


def learnt(work: Work) -> list[Vote]:
    with work.context.database.read() as session:
        return preferences.current_votes(session)


def test_what_raters_disagree_on_is_learnt_as_it_was_settled(work: Work) -> None:
    dropped: Counter[str] = Counter()
    two = learnt(work)
    assert len(two) == 2
    assert not learnable_pair(two[0].comparison, two, MAJORITY, Completions.FULL, dropped)
    assert dropped == {"raters disagree": 1}
    settle(work, Choice.RIGHT, strength=2, reason="B says why")
    (vote,) = learnt(work)
    assert (vote.purpose, vote.outcome, vote.strength) == ("adjudication", "right", 2)
    pair = learnable_pair(vote.comparison, [vote], MAJORITY, Completions.FULL, dropped)
    assert pair is not None
    assert pair.chosen.id == vote.comparison.right_round_id


def test_it_is_no_label_and_changes_no_agreement(work: Work) -> None:
    before = read_report(work.context, work.id)
    settle(work, Choice.LEFT)
    assert read_report(work.context, work.id) == before
    with work.context.database.read() as session:
        assert len(agreement.of_everything(session)) == 2
        assert session.get_one(Campaign, work.id).n_done == 2


def test_a_second_one_replaces_the_first_whoever_makes_it(work: Work) -> None:
    settle(work, Choice.LEFT)
    settle(work, Choice.TIE, key="k2", person=EVE)
    settle(work, Choice.LEFT, key="k1")  # sent again late: stored once, and not the latest
    (vote,) = learnt(work)
    assert (vote.outcome, vote.rater.name) == ("tie", "Eve")
    shown = read_gallery(work.context, work.id).shown[0].settled
    assert shown is not None
    assert (shown.by, shown.outcome) == ("Eve", "tie")


def test_taken_back_the_labels_count_again_and_the_log_keeps_all(work: Work) -> None:
    settle(work, Choice.LEFT)
    comparison = comparison_of(work)
    assert adjudicating.take_back(work.context, EVE, work.id, comparison, "t1")
    assert adjudicating.take_back(work.context, EVE, work.id, comparison, "t1")
    assert not adjudicating.take_back(work.context, EVE, work.id, comparison, "t2")
    assert {vote.purpose for vote in learnt(work)} == {Purpose.LABEL}
    with work.context.database.read() as session:
        rows = select(Vote.outcome).where(Vote.purpose == Purpose.ADJUDICATION).order_by(Vote.id)
        assert list(session.scalars(rows)) == ["left", "withdrawn"]
    settle(work, Choice.RIGHT, key="k3")
    assert [vote.outcome for vote in learnt(work)] == ["right"]


def test_a_later_label_does_not_unsettle_it(work: Work) -> None:
    settle(work, Choice.LEFT)
    with work.context.database.read() as session:
        last = votes.highest_vote_id(session)
    answering.undo(work.context, BEA, work.id, "undo-of-bea")
    said(work, BEA, Outcome.RIGHT)
    with work.context.database.read() as session:
        assert preferences.current_votes(session, after=last) == []
        assert preferences.count_preferences(session) == 1


def test_undo_on_a_page_does_not_take_a_ruling_back(work: Work) -> None:
    settle(work, Choice.LEFT, person=ADA)
    with work.context.database.write() as session:
        ada = session.scalars(select(Rater.id).where(Rater.name == "Ada")).one()
        undone = taking_back.undo(session, work.id, ada, "undo-of-ada")
        assert undone is not None
        assert undone[0] is not None
        assert undone[0].purpose is Purpose.LABEL


def test_an_export_has_the_ruling_alone_and_one_of_before_has_the_labels(work: Work) -> None:
    with work.context.database.read() as session:
        before = votes.highest_vote_id(session)
    settle(work, Choice.LEFT)
    with work.context.database.read() as session:
        after = votes.highest_vote_id(session)
        found = {}
        for up_to in (before, after):
            wanted = exports.VoteFilter(up_to, campaign_id=work.id)
            (page,) = exports.judged_pairs(session, wanted)
            found[up_to] = [one.vote.purpose for one in page[0].votes]
    assert found == {before: ["label", "label"], after: ["adjudication"]}


def test_settled_ones_come_last_and_are_counted(work: Work) -> None:
    settled = comparison_of(work)
    items.add_known(work.context, work.id, [items.Known(*work.pair())])
    said(work, ADA, Outcome.LEFT)
    said(work, BEA, Outcome.TIE)
    adjudicating.settle(work.context, ROOT, work.id, settled, Ruling(Choice.LEFT), "k")
    gallery = read_gallery(work.context, work.id)
    assert (gallery.n, gallery.n_settled) == (2, 1)
    assert [one.settled is not None for one in gallery.shown] == [False, True]


def test_made_gold_it_measures_raters_and_frees_its_slots(work: Work) -> None:
    settle(work, Choice.LEFT, gold=True, reason="It adds up.")
    (known,) = items.known(work.context, work.id)
    assert (known["kind"], known["gold"], known["explanation"]) == ("gold", "left", "It adds up.")
    with work.context.database.read() as session:
        row = session.get_one(Campaign, work.id)
        assert (row.n_items, row.n_slots, row.n_taken, row.n_done) == (0, 0, 0, 0)
    report = read_report(work.context, work.id)
    right = {rater.name: (rater.figures.n_gold, rater.figures.n_votes) for rater in report.raters}
    assert right == {"Ada": (1, 0), "Bea": (1, 0)}
    answering.undo(work.context, BEA, work.id, "undo-of-bea")
    with work.context.database.read() as session:
        assert session.get_one(Campaign, work.id).n_done == 0, "gold was counted for nothing"


def test_what_cannot_be_settled_is_refused(work: Work) -> None:
    other = Work(work.context).campaign(1)
    with pytest.raises(NotFound, match="is not in campaign"):
        adjudicating.settle(
            work.context, ROOT, other.id, comparison_of(work), Ruling(Choice.LEFT), "k"
        )
    with pytest.raises(InputError):
        settle(work, Choice.LEFT, reason="x" * 2001)
    with pytest.raises(Conflict, match="no person"):
        settle(work, Choice.LEFT, person=somebody("Judge", Role.JUDGE))
    settle(work, Choice.LEFT)
    (pair,) = other.next(ADA)
    answering.vote(work.context, ADA, pair.key, Choice.TIE)
    with pytest.raises(Conflict, match="another vote"):
        settle(work, Choice.LEFT, key=pair.key)


def test_a_key_says_one_thing_of_one_person(work: Work) -> None:
    settle(work, Choice.LEFT)
    comparison = comparison_of(work)
    for again in (
        lambda: settle(work, Choice.RIGHT),
        lambda: settle(work, Choice.LEFT, strength=2),
        lambda: settle(work, Choice.LEFT, person=EVE),
        lambda: adjudicating.take_back(work.context, ROOT, work.id, comparison, "k1"),
    ):
        with pytest.raises(Conflict, match="This key names another"):
            again()
    assert [vote.purpose for vote in learnt(work)] == [Purpose.ADJUDICATION]
    for _ in range(2):
        assert adjudicating.take_back(work.context, ROOT, work.id, comparison, "k2")
    with pytest.raises(Conflict, match="This key names another"):
        settle(work, Choice.LEFT, key="k2")
    with pytest.raises(Conflict, match="This key names another"):
        answering.undo(work.context, ROOT, work.id, "k2")


def test_the_key_of_a_pair_that_is_shown_is_its_votes_alone(work: Work) -> None:
    other = Work(work.context).campaign(1)
    (pair,) = other.next(ADA)
    with pytest.raises(Conflict, match="This key names another"):
        settle(work, Choice.LEFT, key=pair.key)
    settle(work, Choice.LEFT)
    with pytest.raises(Conflict, match="This key names another"):
        adjudicating.take_back(work.context, ROOT, work.id, comparison_of(work), pair.key)
    assert answering.vote(work.context, ADA, pair.key, Choice.TIE).counted
    assert Outcome.TIE in [vote.outcome for vote in other.votes(ADA)]
