"""Labels that were done, counted by day and by rater from rows that are kept in memory."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from campaign_rows import new_campaign
from labelling_world import Work, said, somebody

from db.labelling import comparisons, raters
from db.labelling.work_done import WorkColumn, read_work
from db.models import AssignmentState, Campaign, ItemKind, Outcome, Purpose, Rater, RaterKind, now
from ptrapp.core.people import Role
from ptrapp.core.types import Choice
from ptrapp.services.kept_rows import KeptRows
from ptrapp.services.labelling import adjudicating, answering
from ptrapp.services.labelling.adjudicating import Ruling
from ptrapp.services.labelling.disagreements import read_gallery
from ptrapp.services.labelling.overview import read_overview
from ptrapp.services.labelling.work import counted_by_day, last_days

LEFT = Outcome.LEFT
ADA, BEA = somebody("Ada"), somebody("Bea")
ROOT = somebody("Root", Role.ADMIN)


def people(session: Any) -> list[Rater]:
    return [raters.ensure_rater(session, RaterKind.HUMAN, name) for name in ("ann", "bob")]


def test_labels_are_counted_by_the_day_they_were_done(world: Any) -> None:
    *pairs, known = [world.pair() for _ in range(7)]
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    ago = [timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(0)]
    with world.context.database.write() as session:
        rows = new_campaign(session)
        ann, bob = people(session)
        items = [rows.item(comparisons.ensure_comparison(session, *pair).id) for pair in pairs]
        for item, past in zip(items, ago, strict=False):
            rows.answer(item, ann.id, LEFT, done_at=midnight - past, counts=True)
        rows.answer(items[4], bob.id, LEFT, state=AssignmentState.LATE, done_at=midnight)
        rows.answer(items[5], bob.id, LEFT, done_at=midnight - timedelta(seconds=1), counts=True)
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:words")
        shown = comparisons.ensure_comparison(session, *known)
        gold = rows.item(shown.id, ItemKind.GOLD, gold=LEFT)
        for item, rater in ((gold, ann), (items[0], judge)):
            rows.answer(item, rater.id, LEFT, done_at=midnight - ago[0])
        rows.answer(items[0], ann.id, LEFT, purpose=Purpose.REPEAT, done_at=midnight - ago[0])
    yesterday = (midnight - timedelta(seconds=1)).date()
    with world.context.database.read() as session:
        found = world.context.work.current(session)
        assert last_days(found, yesterday, 3) == {rows.campaign.id: ([1, 0, 3], 2)}
        by_day = counted_by_day(found, rows.campaign.id)
    assert [by_day.get(yesterday - timedelta(days=back), 0) for back in (2, 1, 0)] == [1, 0, 3]


@pytest.fixture
def work(world: Any) -> Work:
    return Work(world.context).campaign(3, overlap=2)


def kept_and_read(work: Work) -> int:
    """The rows that are kept up are those of a new reading; returns those that count."""
    with work.context.database.read() as session:
        kept = work.context.work.current(session)
        read = KeptRows(read_work, len(WorkColumn)).current(session)
        n_done = session.get_one(Campaign, work.id).n_done
    in_order = [rows[np.argsort(rows[:, WorkColumn.ASSIGNMENT])] for rows in (kept, read)]
    assert np.array_equal(*in_order)
    assert sum(counted_by_day(kept, work.id).values()) == n_done
    return n_done


def test_they_are_kept_up_with_votes_undone_ones_and_what_became_gold(work: Work) -> None:
    assert kept_and_read(work) == 0
    said(work, ADA, LEFT)
    assert kept_and_read(work) == 1
    answering.undo(work.context, ADA, work.id, "undo-1")
    assert kept_and_read(work) == 0
    for person, outcome in ((ADA, LEFT), (BEA, Outcome.RIGHT)):
        for _ in range(3):
            said(work, person, outcome)
    assert kept_and_read(work) == 6
    disputed = read_gallery(work.context, work.id).shown
    ruling = Ruling(Choice.LEFT, gold=True)
    adjudicating.settle(work.context, ROOT, work.id, disputed[0].comparison_id, ruling, "gold-1")
    assert kept_and_read(work) == 4, "what became gold counts no more"
    ada, bea = read_overview(work.context, work.id).people
    assert (ada.name, bea.name) == ("Ada", "Bea")
    assert ada.last_at is not None
    assert abs(ada.last_at - now()) < timedelta(minutes=10)
