"""What the Campaigns page lists and what its gallery shows, against what was labelled."""

import json
from datetime import timedelta
from typing import Any

import pytest
from campaign_rows import new_campaign

from db.content import scores
from db.labelling import comparisons, raters, votes
from db.models import ItemKind, Outcome, Purpose, Rater, RaterKind, now
from ptrapp.core.errors import NotFound
from ptrapp.services.labelling.disagreements import read_gallery
from ptrapp.services.labelling.panel import N_DAYS, read_panel

LEFT, RIGHT, TIE = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE


def people(session: Any) -> list[Rater]:
    return [raters.ensure_rater(session, RaterKind.HUMAN, name) for name in ("ann", "bob")]


def test_progress_is_what_the_campaign_counts_and_days_what_was_done(world: Any) -> None:
    pairs = [world.pair() for _ in range(3)]
    with world.database.write() as session:
        old, new = new_campaign(session, "old"), new_campaign(session, "new")
        new.campaign.n_slots, new.campaign.n_done, new.campaign.budget = 6, 2, 5
        ann, bob = people(session)
        items = [new.item(comparisons.ensure_comparison(session, *pair).id) for pair in pairs]
        new.answer(items[0], ann.id, LEFT, counts=True)
        new.answer(items[1], ann.id, LEFT, counts=True)
        new.answer(items[2], bob.id, LEFT, done_at=now() - timedelta(days=N_DAYS), counts=True)
        yesterday = now() - timedelta(days=1)
        old.answer(old.item(items[2].comparison_id), bob.id, TIE, done_at=yesterday, counts=True)
    first, second = read_panel(world.context).campaigns
    assert (first.name, first.n_done, first.n_wanted, first.n_active) == ("new", 2, 5, 1)
    assert first.days == [0] * (N_DAYS - 1) + [2]
    assert (second.name, second.n_wanted, second.n_active) == ("old", 0, 1)
    assert second.days == [0] * (N_DAYS - 2) + [1, 0]


def test_a_new_campaign_can_be_of_what_is_there(world: Any) -> None:
    with world.database.write() as session:
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:rm")
        raters.ensure_rater(session, RaterKind.JUDGE, "judge:silent")
    left, _ = world.pair()
    with world.database.write() as session:
        scores.record(session, judge.id, {left: 0.5})
    panel = json.loads(json.dumps(read_panel(world.context).as_json()))
    assert panel == {
        "campaigns": [],
        "sources": {"judges": ["judge:rm"], "imports": [], "versions": ["base"]},
    }


def test_the_gallery_says_who_said_what_of_which_texts(world: Any) -> None:
    pairs = [world.pair() for _ in range(3)]
    with world.database.write() as session:
        rows = new_campaign(session)
        ann, bob = people(session)
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:verifier")
        ids = [comparisons.ensure_comparison(session, *pair).id for pair in pairs]
        apart, agreed, gold = (
            rows.item(ids[0]),
            rows.item(ids[1]),
            rows.item(ids[2], ItemKind.GOLD, gold=LEFT),
        )
        for item in (apart, gold):
            rows.answer(item, ann.id, LEFT, flipped=True)
            rows.answer(item, bob.id, LEFT)
        rows.answer(apart, ann.id, RIGHT, purpose=Purpose.REPEAT)
        rows.answer(agreed, ann.id, TIE)
        rows.answer(agreed, bob.id, TIE)
        votes.judge_vote(session, judge.id, apart.comparison_id, LEFT, "It is <b>right</b>.", "v")
    gallery = read_gallery(world.context, rows.campaign.id)
    assert gallery.n == 1
    (shown,) = gallery.shown
    assert shown.comparison_id == apart.comparison_id
    assert (shown.left, shown.right) == ("The answer is 1.", "Our answer is 1.")
    assert shown.prompt == "What is 0 + 1?"
    assert [(one.rater, one.kind, one.outcome) for one in shown.said] == [
        ("ann", "human", "right"),
        ("bob", "human", "left"),
        ("judge:verifier", "judge", "left"),
    ]
    assert shown.said[2].reason == "It is <b>right</b>."
    assert "secret" not in json.dumps(gallery.as_json()), "thoughts are not what was compared"


def test_the_gallery_comes_in_pages(world: Any) -> None:
    with world.database.write() as session:
        rows = new_campaign(session)
        ann, bob = people(session)
    pairs = [world.pair() for _ in range(3)]
    with world.database.write() as session:
        rows.session = session
        for pair in pairs:
            item = rows.item(comparisons.ensure_comparison(session, *pair).id)
            rows.answer(item, ann.id, LEFT)
            rows.answer(item, bob.id, RIGHT)
    first, last = (
        read_gallery(world.context, rows.campaign.id, offset, limit=2) for offset in (0, 2)
    )
    assert (first.n, last.n, len(first.shown), len(last.shown)) == (3, 3, 2, 1)
    seen = [each.comparison_id for each in (*first.shown, *last.shown)]
    assert len(set(seen)) == 3


def test_a_reason_without_end_is_cut(world: Any) -> None:
    pair = world.pair()
    with world.database.write() as session:
        rows = new_campaign(session)
        ann, bob = people(session)
        item = rows.item(comparisons.ensure_comparison(session, *pair).id)
        rows.answer(item, ann.id, LEFT)
        rows.answer(item, bob.id, RIGHT)
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:verifier")
        votes.judge_vote(session, judge.id, item.comparison_id, LEFT, "x" * 100_000, "v")
    (shown,) = read_gallery(world.context, rows.campaign.id).shown
    assert len(shown.said[2].reason) < 10_000
    assert shown.said[2].reason.endswith("…")


def test_a_campaign_that_is_not_there_has_no_gallery(world: Any) -> None:
    with pytest.raises(NotFound, match="no campaign 99"):
        read_gallery(world.context, 99)
