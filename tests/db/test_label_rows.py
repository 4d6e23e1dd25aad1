"""Votes read for agreement: current ones of the right campaign, with what was on the screen."""

from typing import Any

from campaign_rows import new_campaign

from db.labelling import agreement, comparisons, taking_back, votes
from db.labelling.agreement import LabelRow
from db.models import (
    Comparison,
    ItemKind,
    JobKind,
    Outcome,
    Purpose,
    RaterKind,
    Round,
    Run,
)
from db.registry import jobs

LEFT, RIGHT, TIE = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE


def of_campaign(world: Any, campaign_id: int) -> list[LabelRow]:
    with world.database.read() as session:
        return agreement.of_campaign(session, campaign_id)


def of_everything(world: Any) -> list[LabelRow]:
    with world.database.read() as session:
        return agreement.of_everything(session)


def test_a_vote_is_read_in_the_comparisons_terms_with_its_sides_on_the_screen(world: Any) -> None:
    with world.database.write() as session:
        rows = new_campaign(session)
        item = rows.item(world.comparison_id)
        rows.answer(item, world.ann_id, LEFT, flipped=True)
        rows.answer(item, world.bob_id, LEFT, flipped=False, decided_ms=None)
    ann, bob = of_campaign(world, rows.campaign.id)
    assert (ann.rater, ann.kind, ann.outcome, ann.flipped) == ("ann", RaterKind.HUMAN, RIGHT, True)
    assert (bob.rater, bob.outcome, bob.flipped, bob.decided_ms) == ("bob", LEFT, False, None)
    assert (ann.strength, ann.purpose, ann.decided_ms) == (1, Purpose.LABEL, 1500)


def test_what_was_undone_or_only_practised_does_not_count(world: Any) -> None:
    other = world.another_comparison()
    with world.database.write() as session:
        rows = new_campaign(session)
        item = rows.item(world.comparison_id)
        rows.answer(item, world.ann_id, LEFT)
        taking_back.undo(session, rows.campaign.id, world.ann_id, "undo")
        practised = rows.item(other, ItemKind.PRACTICE, gold=LEFT)
        rows.answer(practised, world.bob_id, RIGHT, purpose=Purpose.PRACTICE)
    assert of_campaign(world, rows.campaign.id) == []
    assert of_everything(world) == []


def test_a_reason_given_later_takes_no_vote_away(world: Any) -> None:
    with world.database.write() as session:
        rows = new_campaign(session)
        vote = rows.answer(rows.item(world.comparison_id), world.ann_id, LEFT)
        explained = votes.explain(session, str(vote.offer_key), "Shorter.")
        assert votes.explain(session, str(vote.offer_key), "Shorter.") == explained
    (read,) = of_campaign(world, rows.campaign.id)
    assert (read.vote_id, read.outcome) == (explained.id, LEFT)
    assert of_everything(world) == [read]


def test_a_repeat_stands_beside_the_first_answer(world: Any) -> None:
    with world.database.write() as session:
        rows = new_campaign(session)
        item = rows.item(world.comparison_id)
        rows.answer(item, world.ann_id, LEFT)
        rows.answer(item, world.ann_id, LEFT, flipped=True, purpose=Purpose.REPEAT)
    read = of_campaign(world, rows.campaign.id)
    assert [(row.purpose, row.outcome) for row in read] == [
        (Purpose.LABEL, LEFT),
        (Purpose.REPEAT, RIGHT),
    ]
    assert of_everything(world) == read


def test_each_campaign_has_its_own(world: Any) -> None:
    other = world.another_comparison()
    with world.database.write() as session:
        one, two = new_campaign(session), new_campaign(session, "second")
        one.answer(one.item(world.comparison_id), world.ann_id, LEFT)
        two.answer(two.item(other), world.ann_id, TIE)
    world.vote(rater_id=world.bob_id)
    (mine,) = of_campaign(world, one.campaign.id)
    assert (mine.rater, mine.outcome) == ("ann", LEFT)
    everything = of_everything(world)
    assert len(everything) == 3
    assert everything[-1].flipped is None, "on the Play page a person chooses the sides"


def test_a_judge_counts_wherever_it_voted_but_not_on_practice(world: Any) -> None:
    other = world.another_comparison()
    with world.database.write() as session:
        rows = new_campaign(session)
        rows.item(world.comparison_id)
        rows.item(other, ItemKind.PRACTICE, gold=LEFT)
        for comparison in (world.comparison_id, other):
            key = f"verdict {comparison}"
            votes.judge_vote(session, world.judge_id, comparison, TIE, "", key, agreed=False)
    (row,) = of_campaign(world, rows.campaign.id)
    assert (row.kind, row.comparison_id, row.agreed) == (
        RaterKind.JUDGE,
        world.comparison_id,
        False,
    )


def test_a_judges_votes_on_a_jobs_own_rounds_are_the_jobs(world: Any) -> None:
    job_pair = world.another_comparison()
    with world.database.write() as session:
        job = jobs.enqueue(session, JobKind.TPO, {}, "tpo")
        comparison = session.get_one(Comparison, job_pair)
        session.get_one(
            Run, session.get_one(Round, comparison.left_round_id).run_id
        ).job_id = job.id
        votes.judge_vote(session, world.judge_id, job_pair, LEFT, "", "verdict")
        votes.judge_vote(session, world.judge_id, world.comparison_id, LEFT, "", "another")
        ann = comparisons.offer(session, world.ann_id, job_pair, flipped=False)
        votes.cast_vote(session, ann.key, LEFT)
    assert [(row.rater, row.comparison_id) for row in of_everything(world)] == [
        ("judge", world.comparison_id),
        ("ann", job_pair),
    ]


def test_gold_answers_of_one_campaign_and_of_all(world: Any) -> None:
    other = world.another_comparison()
    with world.database.write() as session:
        one, two = new_campaign(session), new_campaign(session, "second")
        one.item(world.comparison_id, ItemKind.GOLD, gold=LEFT)
        one.item(other, ItemKind.PRACTICE, gold=RIGHT)
        two.item(world.comparison_id, ItemKind.GOLD, gold=TIE)
    with world.database.read() as session:
        assert agreement.known_answers(session, one.campaign.id) == {world.comparison_id: LEFT}
        assert agreement.known_answers(session) == {world.comparison_id: TIE}
