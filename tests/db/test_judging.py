"""The comparisons of a campaign that a judge labels, and their uncertainty."""

import random

import pytest
from small_world import World, new_round

from db.content import rounds, scores
from db.labelling import campaigns, candidates, comparisons, judging, raters, votes
from db.labelling.campaigns import NewItem
from db.models import Aspect, CampaignItem, CampaignRater, ItemKind, Outcome, RaterKind

DRAW = random.Random(0)


@pytest.fixture
def campaign_id(world: World) -> int:
    """Three comparisons of the world's rounds: plain, gold, and one to practise on."""
    first, second, third = world.round_ids
    with world.database.write() as session:
        made = campaigns.create(session, "first")
        items = [
            NewItem(first, third),
            NewItem(first, second, kind=ItemKind.GOLD, gold=Outcome.LEFT),
            NewItem(second, third, kind=ItemKind.PRACTICE, gold=Outcome.LEFT),
        ]
        campaigns.add_items(session, made.id, items, draw=DRAW)
        return made.id


def test_practice_and_what_it_has_voted_on_are_not_asked(world: World, campaign_id: int) -> None:
    with world.database.write() as session:
        before = judging.unjudged(session, campaign_id, world.judge_id)
        votes.judge_vote(session, world.judge_id, before[0], Outcome.TIE, "", "k", agreed=False)
        other = raters.ensure_rater(session, RaterKind.JUDGE, "judge:other").id

    with world.database.read() as session:
        assert judging.count_to_judge(session, campaign_id) == len(before) == 2
        assert judging.unjudged(session, campaign_id, world.judge_id) == before[1:]
        assert judging.unjudged(session, campaign_id, other) == before
        (opened,) = judging.open_items(session, campaign_id, world.judge_id)
        assert (opened.outcome, opened.agreed) == (Outcome.TIE, False)
        (unsaid,) = judging.open_items(session, campaign_id, other)
        assert (unsaid.outcome, unsaid.agreed) == (None, None)


def test_of_a_vote_and_the_one_that_replaced_it_only_the_last_is_read(
    world: World, campaign_id: int
) -> None:
    with world.database.write() as session:
        asked = judging.unjudged(session, campaign_id, world.judge_id)[0]
        for key, outcome in (("a", Outcome.LEFT), ("b", Outcome.RIGHT)):
            votes.judge_vote(session, world.judge_id, asked, outcome, "", key)

    with world.database.read() as session:
        (opened,) = judging.open_items(session, campaign_id, world.judge_id)
        assert opened.outcome is Outcome.RIGHT
        assert asked not in judging.unjudged(session, campaign_id, world.judge_id)


def test_an_item_whose_slots_are_all_taken_is_not_open(world: World, campaign_id: int) -> None:
    with world.database.write() as session:
        for item in session.query(CampaignItem):
            item.n_taken = item.overlap

    with world.database.read() as session:
        assert judging.open_items(session, campaign_id, world.judge_id) == []


@pytest.mark.parametrize("aspect", Aspect)
def test_only_what_is_compared_is_read(world: World, aspect: Aspect) -> None:
    with world.database.write() as session:
        left, right = (
            rounds.add_round(session, world.run_id, new_round(candidate=at)) for at in (7, 8)
        )
        left.thought, right.thought = "secret one", "secret two"
        comparison_id = comparisons.ensure_comparison(session, left.id, right.id, aspect).id
        sides = (left.id, right.id)

    with world.database.read() as session:
        (read,) = judging.read_pairs(session, [comparison_id])
    assert (read.left_id, read.right_id) == sides
    if aspect is Aspect.THOUGHT:
        assert (read.left, read.right) == ("secret one", "secret two")
    else:
        assert "secret" not in str(read)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_uncertainties_at_an_end_are_not_alike_and_raters_begin_at_the_top(
    world: World, value: float
) -> None:
    with world.database.write() as session:
        made = campaigns.create(session, "many")
        ids = [
            rounds.add_round(session, world.run_id, new_round(candidate=at)).id
            for at in range(10, 30)
        ]
        items = [NewItem(ids[0], each, uncertainty=value) for each in ids[1:]]
        campaigns.add_items(session, made.id, items, draw=DRAW)
        session.add(CampaignRater(campaign_id=made.id, rater_id=world.ann_id, least_uncertain=0.3))
        first = [row.uncertainty for row in session.query(CampaignItem)]
        item_ids = [row.id for row in session.query(CampaignItem)]
        campaigns.set_uncertainty(session, dict.fromkeys(item_ids, value), draw=DRAW)
        campaigns.set_uncertainty(session, {}, draw=DRAW)

    with world.database.read() as session:
        again = [row.uncertainty for row in session.query(CampaignItem)]
        assert session.query(CampaignRater).one().least_uncertain is None
    for values in (first, again):
        assert len(set(values)) == len(item_ids)
        assert all(abs(each - value) < 1e-5 and 0 <= each <= 1 for each in values)


def test_a_judges_scores_are_found_by_its_name(world: World) -> None:
    first, second, third = world.round_ids
    with world.database.write() as session:
        scores.record(session, world.judge_id, {first: 1.0, third: 2.0})
        name = candidates.scoring_judges(session)[0]

    with world.database.read() as session:
        assert candidates.scores_of(session, name, [first, second]) == {first: 1.0}
        assert candidates.scores_of(session, "nobody", [first]) == {}
