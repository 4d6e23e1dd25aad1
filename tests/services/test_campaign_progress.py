"""How far a campaign and a rater are: burn-down, pace, deadline, own agreement, days in a row."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from labelling_world import EMPTY, Work, said, somebody
from sqlalchemy import select, update

from db.labelling import hidden_items, imports, work_left
from db.models import (
    Assignment,
    Campaign,
    CampaignItem,
    Comparison,
    ImportState,
    ItemKind,
    Outcome,
    Purpose,
    now,
)
from ptrapp.analysis.drift import drift
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice
from ptrapp.services.labelling import answering, campaigns, items, overview
from ptrapp.services.labelling.agreement import drift_in_words, read_report
from ptrapp.services.labelling.campaigns import CampaignPlan
from ptrapp.services.labelling.items import Known
from ptrapp.services.labelling.overview import in_words, read_overview
from ptrapp.services.labelling.own_work import read_own
from ptrapp.services.labelling.panel import read_panel
from ptrapp.ui.label import drawn

ADA, BEA, CAI = somebody("Ada"), somebody("Bea"), somebody("Cai")
TODAY = date(2026, 3, 10)


@pytest.fixture
def work(world: Any) -> Work:
    return Work(world.context)


def on_days(work: Work, *days: date) -> None:
    """The labels done so far were done on these days, oldest first."""
    with work.context.database.write() as session:
        rows = select(Assignment).where(Assignment.done_at.is_not(None)).order_by(Assignment.id)
        for row, day in zip(session.scalars(rows), days, strict=True):
            row.done_at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def test_what_is_left_falls_day_by_day_to_what_is_left_now(work: Work) -> None:
    made = work.campaign(8)
    for _ in range(6):
        said(made, ADA, Outcome.LEFT)
    first = TODAY - timedelta(days=2)
    on_days(made, first, first, first, first, TODAY, TODAY)
    view = read_overview(work.context, made.id, TODAY)
    assert [(at.day, at.left, at.done) for at in view.days] == [
        (first - timedelta(days=1), 8, 0), (first, 4, 4),
        (TODAY - timedelta(days=1), 4, 0), (TODAY, 2, 2),
    ]  # fmt: skip
    assert (view.per_day, view.seconds_each) == (2.0, 3.0)
    assert view.done_on == TODAY + timedelta(days=1)
    heading, sentence = in_words(view)
    assert heading == "2 of 8 labels left"
    assert "At 2.0 labels a day (mean of 3 days) it is done on 11 Mar 2026." in sentence


def test_labels_that_nobody_who_labels_here_can_give_are_said_to_need_somebody_else(
    work: Work,
) -> None:
    made = work.campaign(6, overlap=3)
    assert read_overview(work.context, made.id).n_for_others == 0, "nobody has begun"
    for person in (ADA, BEA):
        for _ in range(6):
            said(made, person, Outcome.LEFT)
    view = read_overview(work.context, made.id)
    assert (view.n_left, view.n_for_others, view.done_on) == (6, 6, None)
    assert in_words(view) == (
        "6 of 18 labels left",
        "They need somebody else: each pair wants 3 people, and 2 people have begun.",
    )
    said(made, CAI, Outcome.LEFT)
    assert read_overview(work.context, made.id).n_for_others == 0, "Cai can give the rest"


def test_what_some_can_still_give_is_told_from_what_needs_others(work: Work) -> None:
    made = work.campaign(4, overlap=2)
    for _ in range(3):
        said(made, ADA, Outcome.LEFT)
    view = read_overview(work.context, made.id)
    assert (view.n_left, view.n_givable, view.n_for_others) == (5, 1, 4)
    assert in_words(view)[1].startswith(
        "4 need somebody else: each pair wants 2 people, and 1 person has begun."
    )


def test_in_a_large_campaign_pairs_are_looked_through_only_where_too_few_people_have_begun(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "LOOKED_THROUGH", 3)
    made = work.campaign(4, overlap=2)
    said(made, ADA, Outcome.LEFT)
    assert read_overview(work.context, made.id).n_for_others == 4
    said(made, BEA, Outcome.LEFT)
    for name in ("givable", "labelled_elsewhere"):
        monkeypatch.delattr(work_left, name)
    assert read_overview(work.context, made.id).n_for_others == 0


def test_labels_from_elsewhere_are_said_not_to_count(work: Work) -> None:
    made = work.campaign(3)
    for _ in range(3):
        said(made, ADA, Outcome.LEFT)
    assert read_overview(work.context, made.id).n_elsewhere == 0
    again = campaigns.create(work.context, CampaignPlan("Again", source=EMPTY))
    with work.context.database.read() as session:
        pairs = [
            (one.left_round_id, one.right_round_id) for one in session.scalars(select(Comparison))
        ]
    items.add_known(work.context, again, [Known(*pair) for pair in pairs])
    heading, sentence = in_words(read_overview(work.context, again))
    assert heading == "3 of 3 labels left"
    assert sentence.startswith(
        "Of those still wanted, 3 pairs have labels of a file, a judge or another campaign: these "
        "do not count here, and whoever gave them is not asked again."
    )
    assert read_report(work.context, again).groups == []
    there = Work(work.context, again)
    assert there.next(ADA) == []
    assert campaigns.view(work.context, ADA, again).n_left_for_me == 0
    assert campaigns.view(work.context, BEA, again).n_left_for_me == 3
    said(there, BEA, Outcome.LEFT)
    assert read_overview(work.context, again).n_for_others == 0
    fourth = work.pair()
    items.add_known(work.context, again, [Known(*fourth)])
    said(there, ADA, Outcome.LEFT)
    assert campaigns.view(work.context, ADA, again).n_left_for_me == 0


def test_a_pace_of_too_few_labels_is_none(work: Work) -> None:
    made = work.campaign(8)
    said(made, ADA, Outcome.LEFT)
    on_days(made, TODAY)
    view = read_overview(work.context, made.id, TODAY)
    assert view.per_day is view.done_on is None
    assert "not enough data" in in_words(view)[1]


def test_on_the_first_day_no_date_is_promised(work: Work) -> None:
    made = work.campaign(8)
    for _ in range(6):
        said(made, ADA, Outcome.LEFT)
    on_days(made, *[TODAY] * 6)
    view = read_overview(work.context, made.id, TODAY)
    assert view.done_on is None
    assert in_words(view)[1].endswith(
        "6 labels so far, all of today: when it will be done is known from tomorrow on."
    )
    tomorrow = read_overview(work.context, made.id, TODAY + timedelta(days=1))
    assert tomorrow.done_on == TODAY + timedelta(days=2)
    assert "At 3.0 labels a day (mean of 2 days) it is done on" in in_words(tomorrow)[1]


def test_the_date_is_of_what_those_who_label_here_can_give(work: Work) -> None:
    made = work.campaign(9, overlap=2)
    for _ in range(6):
        said(made, ADA, Outcome.LEFT)
    on_days(made, *[TODAY - timedelta(days=1)] * 3, *[TODAY] * 3)
    with work.context.database.write() as session:
        session.get_one(Campaign, made.id).deadline = datetime(2026, 3, 12)
    view = read_overview(work.context, made.id, TODAY)
    assert (view.per_day, view.n_left, view.n_for_others) == (3.0, 12, 9)
    assert view.done_on == TODAY + timedelta(days=1), "3 of Ada's, not 12"
    assert in_words(view)[1].endswith(
        "At 3.0 labels a day (mean of 2 days) what those who have begun can give is done on 11 Mar 2026. "
        "The deadline is 12 Mar 2026."
    )


@pytest.mark.parametrize(
    ("due", "words"),
    [(TODAY + timedelta(days=2), "in time"), (TODAY + timedelta(days=1), "1 day after")],
)
def test_a_deadline_is_compared_with_the_pace(work: Work, due: date, words: str) -> None:
    made = work.campaign(12)
    for _ in range(6):
        said(made, ADA, Outcome.LEFT)
    on_days(made, *[TODAY - timedelta(days=1)] * 5, TODAY)
    with work.context.database.write() as session:
        session.get_one(Campaign, made.id).deadline = datetime(due.year, due.month, due.day)
    view = read_overview(work.context, made.id, TODAY)
    assert words in in_words(view)[1]


def test_a_deadline_whose_day_is_over_has_passed(work: Work) -> None:
    made = work.campaign(3)
    with work.context.database.write() as session:
        session.get_one(Campaign, made.id).deadline = datetime(TODAY.year, TODAY.month, TODAY.day)
    on_the_day = in_words(read_overview(work.context, made.id, TODAY))[1]
    assert on_the_day.endswith(f"The deadline is {TODAY:%d %b %Y}.")
    after = in_words(read_overview(work.context, made.id, TODAY + timedelta(days=1)))[1]
    assert after.endswith(f"The deadline, {TODAY:%d %b %Y}, has passed.")


def test_a_finished_campaign_says_so(work: Work) -> None:
    made = work.campaign(1)
    said(made, ADA, Outcome.LEFT)
    view = read_overview(work.context, made.id)
    assert view.is_done
    assert in_words(view)[0] == "Done: all 1 label is in"


@pytest.mark.parametrize(
    ("hidden", "heading"),
    [("undone", "Its import was undone"), ("deleted", "Its pairs were deleted")],
)
def test_of_one_whose_pairs_are_hidden_nothing_is_left(
    work: Work, hidden: str, heading: str
) -> None:
    made, other = work.campaign(2), work.campaign(1)
    said(made, ADA, Outcome.LEFT)
    said(made, ADA, Outcome.LEFT)
    said(other, ADA, Outcome.LEFT)
    item = select(CampaignItem.comparison_id).where(CampaignItem.campaign_id == made.id)
    mine = Comparison.id.in_(item)
    with work.context.database.write() as session:
        brought = imports.begin(session, "brought", "pairs.jsonl", "jsonl", n_records=2)
        brought.state = ImportState.UNDONE
        change = {"import_id": brought.id} if hidden == "undone" else {"hidden_at": now()}
        session.execute(update(Comparison).where(mine).values(change))
        hidden_items.recount(session, mine)
    view = read_overview(work.context, made.id)
    said_of_it = in_words(view)
    assert (view.is_done, said_of_it[0]) == (False, heading)
    assert "Nothing of it is left to label or to train on." in said_of_it[1]
    assert {one.id: one.hidden for one in read_panel(work.context).campaigns} == {
        made.id: hidden, other.id: "",
    }  # fmt: skip
    assert read_overview(work.context, other.id).is_done
    with work.context.database.write() as session:
        session.execute(update(Comparison).where(mine).values(import_id=None, hidden_at=None))
    assert in_words(read_overview(work.context, made.id))[0] == "Done: all 2 labels are in"


def test_at_home_one_sees_queues_pace_and_days(work: Work) -> None:
    made, other = work.campaign(8), work.campaign(3)
    nothing = read_own(work.context, BEA)
    assert [one.n_left_for_me for one in nothing.queues] == [3, 8]
    assert (nothing.n_labels, nothing.streak, nothing.seconds_each) == (0, 0, None)
    for _ in range(3):
        said(made, ADA, Outcome.LEFT, ms=4000)
    on_days(made, *(TODAY - timedelta(days=back) for back in (2, 1, 0)))
    own = read_own(work.context, ADA, TODAY)
    assert (own.n_labels, own.n_today, own.streak, own.seconds_each) == (3, 1, 3, 4.0)
    left = {one.id: (one.n_done_by_me, one.n_left_for_me) for one in own.queues}
    assert left == {made.id: (3, 5), other.id: (0, 3)}
    campaigns.set_state(work.context, other.id, "paused")
    assert [one.id for one in read_own(work.context, ADA).queues] == [made.id]


def test_what_others_reserve_is_not_left_and_what_one_reserves_is(work: Work) -> None:
    made = work.campaign(8)
    made.next(ADA, 5)
    assert campaigns.view(work.context, BEA, made.id).n_left_for_me == 3
    assert campaigns.view(work.context, ADA, made.id).n_left_for_me == 8


@pytest.mark.parametrize("n_overlap", [1, 2])
def test_as_many_are_left_as_are_given(work: Work, n_overlap: int) -> None:
    """Others fill pairs, and some of the pairs that are open one has answered elsewhere."""
    made = work.campaign(9)
    for _ in range(4):
        said(made, ADA, Outcome.LEFT)
    plan = CampaignPlan("Again", source=EMPTY, overlap=n_overlap)
    again = Work(work.context, campaigns.create(work.context, plan))
    with work.context.database.read() as session:
        pairs = [
            (one.left_round_id, one.right_round_id) for one in session.scalars(select(Comparison))
        ]
    items.add_known(work.context, again.id, [Known(*pair) for pair in pairs])
    for who in (BEA, CAI):
        for _ in range(3):
            said(again, who, Outcome.LEFT)
    again.next(ADA)  # what one has reserved is left for oneself, and is given again
    for one in (ADA, BEA, somebody("Dan")):
        n_left = campaigns.view(work.context, one, again.id).n_left_for_me
        assert n_left == len(again.next(one, 8)), one.name


def test_gold_and_repeats_do_not_show_in_what_is_left_and_end_nothing(work: Work) -> None:
    mix = campaigns.Mix(0, 1.0, 0, 2.0, 1.0)
    made = work.campaign(30, overlap=2, mix=mix)
    gold = [Known(*work.pair(), gold=Choice.LEFT) for _ in range(14)]
    items.add_known(work.context, made.id, gold)
    kinds: Counter[tuple[ItemKind, Purpose]] = Counter()
    while kinds[ItemKind.PLAIN, Purpose.LABEL] < 15 or len(kinds) < 3:
        (pair,) = made.next(ADA)
        row = made.assignment(pair.key)
        with work.context.database.read() as session:
            kinds[session.get_one(CampaignItem, row.item_id).kind, row.purpose] += 1
        answering.vote(work.context, ADA, pair.key, Choice.LEFT)
    view = campaigns.view(work.context, ADA, made.id)
    assert view.n_done_by_me == kinds.total() > 15
    assert view.n_left_for_me == max(1, 30 - kinds.total())
    own = read_own(work.context, ADA)
    assert own.n_labels == own.n_today == view.n_done_by_me, "home says one number for both"
    assert "a pair given again counts again" in drawn(own, may_make=False)
    (pair,) = made.next(ADA)
    while made.assignment(pair.key).counts is False:
        answering.vote(work.context, ADA, pair.key, Choice.LEFT)
        (pair,) = made.next(ADA)
    answering.skip(work.context, ADA, pair.key)
    assert campaigns.view(work.context, ADA, made.id).n_left_for_me >= 1
    while pairs := made.next(ADA):
        before = campaigns.view(work.context, ADA, made.id)
        answering.vote(work.context, ADA, pairs[0].key, Choice.LEFT)
        after = campaigns.view(work.context, ADA, made.id)
        assert after.n_done_by_me == before.n_done_by_me + 1
        assert after.n_left_for_me == max(before.n_left_for_me - 1, min(after.n_left_for_me, 1))
    assert campaigns.view(work.context, ADA, made.id).n_left_for_me == 0


def test_what_was_undone_is_no_part_of_the_pace(work: Work) -> None:
    made = work.campaign(3)
    said(made, ADA, Outcome.LEFT, ms=2000)
    said(made, ADA, Outcome.LEFT, ms=90_000)
    assert answering.undo(work.context, ADA, made.id, uuid4().hex) is not None
    assert read_own(work.context, ADA).seconds_each == 2.0
    assert read_overview(work.context, made.id).seconds_each == 2.0


def test_own_agreement_is_with_gold_and_with_most_others(work: Work) -> None:
    made = work.campaign(5, overlap=3)
    for person, outcome in ((BEA, Outcome.LEFT), (CAI, Outcome.LEFT), (ADA, Outcome.LEFT)):
        for _ in range(5):
            said(made, person, outcome)
    own = read_own(work.context, ADA)
    assert (own.others.value, own.others.n) == (1.0, 5)
    assert own.gold.n == 0
    known = [Known(*pair, gold=Choice.RIGHT) for pair in (work.pair() for _ in range(5))]
    gold = work.campaign(0, known=known[0], mix=campaigns.Mix(0, 0.0, 0, 1, 0))
    items.add_known(work.context, gold.id, known)
    for _ in range(5):
        said(gold, ADA, Outcome.RIGHT)
    own = read_own(work.context, ADA)
    assert (own.gold.value, own.gold.n) == (1.0, 5)
    assert own.others.n == 5, "gold is no agreement with others"


def test_raters_who_part_ways_are_seen_over_time() -> None:
    """A hundred comparisons: Ada says what the two others say, and after half of them the opposite."""
    labels = []
    for at in range(100):
        ada = Choice.LEFT if at < 50 else Choice.RIGHT
        for rater, outcome in (("Bea", Choice.LEFT), ("Cai", Choice.LEFT), ("Ada", ada)):
            labels.append(Label(rater, at, outcome, flipped=at % 2 == 0))
    parts = drift(labels)
    assert [(part.first, part.last) for part in (parts[0], parts[-1])] == [(1, 30), (271, 300)]
    assert parts[0].agreement.value == 1.0
    # Bea and Cai each see one of two others agree, which is no majority; Ada is against both.
    assert (parts[-1].agreement.value, parts[-1].agreement.n) == (0.0, 10)
    assert parts[0].left.value == 0.5
    assert parts[0].gold.missing.startswith("not enough data")
    assert drift_in_words(parts)[0] == "Raters agree less than at the beginning"
    assert drift(labels[:39]) == []
    assert drift_in_words([])[0].startswith("Not enough data")


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_who_had_begun_is_told_what_became_of_a_campaign(work: Work, state: str) -> None:
    annotator = somebody("Fay")
    made, other = work.campaign(4), work.campaign(4)
    first, second = made.next(annotator, 2)
    told = answering.vote(work.context, annotator, first.key, Choice.LEFT)
    assert told.note == ""
    for one in (made, other):
        campaigns.set_state(work.context, one.id, state)
    told = answering.vote(work.context, annotator, second.key, Choice.LEFT)
    assert (told.counted, told.note) == (
        True, f"This campaign is {state} now; what you had is still taken.",
    )  # fmt: skip
    seen = {one.id: one.state for one in campaigns.listing(work.context, annotator)}
    assert seen == {made.id: state}
    assert not read_own(work.context, annotator).queues
