"""Campaigns as a use case: made of candidates, cut off in between, seen by each role."""

from typing import Any

import pytest
from labelling_world import EMPTY, Work, somebody
from sqlalchemy import func, select

from db.content import scores
from db.labelling import campaigns as rows
from db.labelling import comparisons, corrections, raters
from db.models import Campaign, CampaignItem, CampaignState, DataKind, ItemKind, RaterKind
from db.storage.errors import Conflict, Missing
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.people import Role
from ptrapp.core.types import Choice
from ptrapp.services.labelling import answering, campaigns, candidates, items
from ptrapp.services.labelling.campaigns import CampaignPlan, Mix
from ptrapp.services.labelling.candidates import Source, SourceKind
from ptrapp.services.labelling.items import Known

ADA, BEA = somebody(), somebody("Bea")
ROOT, VAL = somebody("Root", Role.ADMIN), somebody("Val", Role.VIEWER)
SIBLINGS = Source(SourceKind.SIBLINGS)


@pytest.fixture
def work(world: Any) -> Work:
    return Work(world.context)


def test_a_campaign_is_filled_and_then_opened(work: Work) -> None:
    pairs = [work.pair() for _ in range(3)]
    campaign_id = campaigns.create(
        work.context, CampaignPlan(" One  two ", source=SIBLINGS, overlap=2)
    )
    view = campaigns.view(work.context, ROOT, campaign_id)
    assert (view.name, view.state) == ("One two", "open")
    assert (view.counts["n_items"], view.counts["n_slots"]) == (len(pairs), 6)


def test_one_whose_filling_was_cut_off_gives_nothing_out(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        work.pair()
    monkeypatch.setattr(campaigns, "_AT_ONCE", 2)
    filled = []

    def fail(session: Any, campaign_id: int, items: Any, **more: Any) -> int:
        filled.append(len(items))
        if len(filled) > 1:
            raise Conflict("the power went")
        return add_items(session, campaign_id, items, **more)

    add_items = rows.add_items
    monkeypatch.setattr(rows, "add_items", fail)
    with pytest.raises(Conflict, match="power"):
        campaigns.create(work.context, CampaignPlan("Cut", source=SIBLINGS))
    assert filled == [2, 1]
    (view,) = campaigns.listing(work.context, ROOT)
    assert (view.state, view.counts["n_items"]) == (CampaignState.PREPARING, 2)
    assert not campaigns.listing(work.context, ADA)
    with pytest.raises(Conflict, match="preparing"):
        answering.next_pairs(work.context, ADA, view.id, n=1, have=[], tab="")


@pytest.mark.parametrize(
    "plan",
    [
        CampaignPlan(" "),
        CampaignPlan("x" * 121),
        CampaignPlan("x", overlap=0),
        CampaignPlan("x", budget=0),
        CampaignPlan("x", mix=Mix(0, 0, 0, 0, 0)),
        CampaignPlan("x", mix=Mix(uncertain=-1)),
        CampaignPlan("x", n_practice=101),
        CampaignPlan("x", guidelines="x" * 20_001),
        CampaignPlan("x", aspect="style"),
        CampaignPlan("x", source=Source(max_pairs=0)),
    ],
)
def test_a_plan_that_cannot_work_makes_nothing(work: Work, plan: CampaignPlan) -> None:
    work.pair()
    with pytest.raises(InputError):
        campaigns.create(work.context, plan)
    assert not campaigns.listing(work.context, ROOT)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (SourceKind.SIBLINGS, "sample on the Play page"),
        (SourceKind.ADJACENT, "refine more answers"),
        (SourceKind.RANDOM, "two different answers"),
        (SourceKind.IMPORTED, "import a file first"),
        (SourceKind.BEST_WORST, "nobody yet"),
    ],
)
def test_where_nothing_is_to_compare_it_says_what_to_do(
    work: Work, kind: SourceKind, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        campaigns.create(work.context, CampaignPlan("x", source=Source(kind)))


def test_only_what_can_be_read_is_compared(work: Work) -> None:
    work.pair(left="", right="Four.")
    work.pair(left="Four.", right="Four.")
    with pytest.raises(InputError, match="nothing to compare"):
        campaigns.create(work.context, CampaignPlan("x", source=SIBLINGS))
    thoughts = campaigns.create(work.context, CampaignPlan("x", aspect="thought", source=SIBLINGS))
    counts = campaigns.view(work.context, ROOT, thoughts).counts
    assert counts["n_items"] == 1, "a thought is compared where its response can be read too"


def test_the_draw_of_a_seed_is_the_same_again(work: Work) -> None:
    for _ in range(8):
        work.pair()
    with work.context.database.read() as session:
        first, again, other = (
            [
                (item.left, item.right)
                for item in candidates.choose(
                    session, Source(max_pairs=4, seed=seed), candidates.aspect_of("response")
                )
            ]
            for seed in (1, 1, 2)
        )
    assert len(first) == 4
    assert first == again != other
    assert candidates.preview(work.context, Source(max_pairs=4), "response") == 4


def test_the_closer_the_scores_the_more_uncertain(work: Work) -> None:
    pairs = [work.pair() for _ in range(4)]
    with work.context.database.write() as session:
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:rm").id
        for (left, right), apart in zip(pairs, (0.0, 0.5, 4.0), strict=False):
            scores.record(session, judge, {left: -apart, right: apart})
        chosen = candidates.choose(
            session, Source(judge="judge:rm"), candidates.aspect_of("response")
        )
    sure = {item.left: item.uncertainty for item in chosen} | {
        item.right: item.uncertainty for item in chosen
    }
    tied, close, clear, unscored = (sure[left] for left, _ in pairs)
    assert tied == 1.0
    assert tied > close > unscored > clear > 0
    assert unscored == 0.5


def test_who_labels_sees_what_is_open_and_his_own_counts(work: Work) -> None:
    made, hidden = work.campaign(2), work.campaign(1)
    campaigns.set_state(work.context, hidden.id, "closed")
    (pair,) = made.next(ADA)
    answering.vote(work.context, ADA, pair.key, "left")
    (view,) = campaigns.listing(work.context, ADA)
    assert (view.id, view.n_done_by_me, view.counts) == (made.id, 1, {})
    assert {"n_items", "budget"}.isdisjoint(view.as_json())
    with pytest.raises(NotFound, match=f"no campaign {hidden.id} for you"):
        campaigns.view(work.context, ADA, hidden.id)
    for person in (ROOT, VAL):
        assert [row.id for row in campaigns.listing(work.context, person)] == [hidden.id, made.id]
        assert campaigns.view(work.context, person, made.id).counts["n_done"] == 1


def test_practice_left_is_what_there_is_to_practise(work: Work) -> None:
    known = Known(*work.pair(), gold="left", practice=True)
    made = work.campaign(1, known=known, n_practice=5)
    assert campaigns.view(work.context, ADA, made.id).practice_left == 1
    (pair,) = made.next(ADA)
    answering.vote(work.context, ADA, pair.key, "left")
    assert campaigns.view(work.context, ADA, made.id).practice_left == 0


def test_skipped_practice_is_not_left(work: Work) -> None:
    made = work.campaign(1, n_practice=2)
    known = [Known(*work.pair(), gold="left", practice=True) for _ in range(3)]
    items.add_known(work.context, made.id, known)
    told = []
    for _ in range(3):
        (pair,) = made.next(ADA)
        assert pair.practice
        answering.skip(work.context, ADA, pair.key)
        told.append(campaigns.view(work.context, ADA, made.id).practice_left)
    assert told == [2, 1, 0]
    given = answering.next_pairs(work.context, ADA, made.id, n=1, have=[], tab="")
    assert ([pair.practice for pair in given.pairs], given.practice_left) == ([False], 0)
    assert campaigns.view(work.context, BEA, made.id).practice_left == 2


def test_deleted_practice_is_not_left(work: Work) -> None:
    known = Known(*work.pair(), gold="left", practice=True)
    made = work.campaign(1, known=known, n_practice=1)
    with work.context.database.write() as session:
        comparison = comparisons.ensure_comparison(session, known.left, known.right)
        corrections.delete(session, DataKind.PAIR, comparison.id, "Root")
    assert campaigns.view(work.context, ADA, made.id).practice_left == 0


def test_a_known_answer_is_kept_in_the_order_it_was_given(work: Work) -> None:
    made = work.campaign(0)
    left, right = work.pair()
    asked = [Known(right, left, gold="left", explanation="because")]
    assert items.add_known(work.context, made.id, asked) == (1, 0, "")
    (row,) = items.known(work.context, made.id)
    assert (row["kind"], row["gold"], row["explanation"]) == (ItemKind.GOLD, "right", "because")
    assert (row["left"], row["right"]) == ("Three.", "Three plus four is seven.")
    with pytest.raises(InputError, match="known answer"):
        items.add_known(work.context, made.id, [Known(left, right, practice=True)])


def test_a_pair_has_one_known_answer(work: Work) -> None:
    made = work.campaign(0)
    left, right = pair = work.pair()
    twice = [Known(left, right, gold="left"), Known(right, left, gold="left")]
    with pytest.raises(InputError, match="given twice, with two answers"):
        items.add_known(work.context, made.id, twice)
    same = [Known(left, right, gold="left"), Known(right, left, gold="right")]
    assert items.add_known(work.context, made.id, same).note == ""
    assert items.add_known(work.context, made.id, same[1:]).note == "", "the same answer again"
    changed = items.add_known(work.context, made.id, [Known(*pair, gold="tie")])
    assert changed.note == "1 comparison of this campaign had another known answer: it is replaced."
    (row,) = items.known(work.context, made.id)
    assert row["gold"] == "tie"


def test_a_labelled_pair_keeps_what_it_is_and_that_is_said(work: Work) -> None:
    made = work.campaign(1)
    (shown,) = made.next(ADA)
    answering.vote(work.context, ADA, shown.key, Choice.LEFT)
    added = items.add_known(work.context, made.id, [Known(*made.pairs[0], gold="left")])
    assert added.n_new == 0
    assert added.note.startswith("1 comparison is labelled already and not changed: settle ")
    assert items.known(work.context, made.id) == []


@pytest.mark.parametrize("known", [{}, {"gold": "tie"}, {"gold": "tie", "practice": True}])
def test_pairs_of_the_same_words_are_not_added_by_hand(work: Work, known: dict[str, Any]) -> None:
    made = work.campaign(0)
    same = [work.pair(left="Seven.", right=" Seven.\n") for _ in range(2)]
    pairs = [work.pair(), same[0], same[0][::-1], same[1]]
    added = items.add_known(work.context, made.id, [Known(*pair, **known) for pair in pairs])
    assert added[:2] == (1, 2)
    assert added.note == (
        "2 comparisons were left out: both responses are the same words, and a vote teaches nothing."
    )
    with work.context.database.read() as session:
        assert session.scalar(select(func.count(CampaignItem.id))) == 1
    again = items.add_known(work.context, made.id, [Known(*same[0])])
    assert again[:2] == (0, 1)
    assert again.note.startswith("1 comparison was left out: ")


def test_thoughts_are_compared_by_their_own_words(work: Work) -> None:
    made = work.campaign(0, aspect="thought")
    same_answers = work.pair(left="Seven.", right="Seven.")
    assert items.add_known(work.context, made.id, [Known(*same_answers)]) == (1, 0, "")
    alike = work.pair(left_thought="hm", right_thought="hm ")
    added = items.add_known(work.context, made.id, [Known(*alike)])
    assert added[:2] == (0, 1)
    assert "both thoughts are the same words" in added.note


def test_what_is_not_there_is_not_found(work: Work) -> None:
    for ask in (
        lambda: campaigns.set_state(work.context, 77, "open"),
        lambda: campaigns.set_guidelines(work.context, 77, "x"),
        lambda: items.add_known(work.context, 77, []),
        lambda: items.known(work.context, 77),
        lambda: campaigns.view(work.context, ROOT, 77),
    ):
        with pytest.raises((Missing, NotFound), match="no campaign 77"):
            ask()
    made = work.campaign(0)
    with pytest.raises(InputError, match="cannot be 'preparing'"):
        campaigns.set_state(work.context, made.id, "preparing")
    with pytest.raises(InputError, match="at most 20000"):
        campaigns.set_guidelines(work.context, made.id, "x" * 20_001)
    name = campaigns.view(work.context, ROOT, made.id).name
    with pytest.raises(Conflict, match="already"):
        campaigns.create(work.context, CampaignPlan(name, source=EMPTY))


def test_a_stored_campaign_whose_weights_have_no_sum_is_read_and_labelled(work: Work) -> None:
    made = work.campaign(2)
    with work.context.database.write() as session:
        session.get_one(Campaign, made.id).mix = {"uncertain": 1e308, "uniform": 1e308}
    assert campaigns.view(work.context, ROOT, made.id).counts["mix"]["uniform"] == 1e308
    assert len(made.next(somebody(), 2)) == 2
