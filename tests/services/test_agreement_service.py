"""Every number of the agreement report equals a query on the database."""

import json
from typing import Any

import pytest
from campaign_rows import CampaignRows, new_campaign
from sqlalchemy import text

from db.content.prompts import ensure_prompt
from db.content.rounds import NewRound, add_round, start_run
from db.labelling import comparisons, raters, votes
from db.models import ItemKind, Outcome, Purpose, RaterKind, RunMode
from db.storage.session import Session
from ptrapp.core.errors import NotFound
from ptrapp.services.labelling.agreement import AgreementReport, read_report

LEFT, RIGHT, TIE, BAD = Outcome.LEFT, Outcome.RIGHT, Outcome.TIE, Outcome.BOTH_BAD
OTHER = {LEFT: RIGHT, RIGHT: LEFT, TIE: TIE, BAD: BAD}
N = 40


def comparison(session: Session, number: int) -> int:
    prompt = ensure_prompt(session, f"Question {number}?", source="test")
    run = start_run(session, prompt.id, RunMode.SAMPLE, {})
    sides = [
        add_round(
            session,
            run.id,
            NewRound(
                index=0,
                parent_id=None,
                candidate=candidate,
                thinking=True,
                thought="secret",
                response=f"Answer {candidate}",
                raw="",
                completion_ids=(1,),
                well_formed=True,
                sampling={},
                seed=0,
                n_thought_tokens=1,
                n_response_tokens=1,
                finish_reason="stop",
            ),
        ).id
        for candidate in (0, 1)
    ]
    return comparisons.ensure_comparison(session, *sides).id


def label(rows: CampaignRows, people: list[int], number: int) -> None:
    """What both raters and the judge say of one more comparison: mostly left, at times not."""
    session = rows.session
    gold = LEFT if number % 8 == 0 else None
    item = rows.item(
        comparison(session, number), ItemKind.GOLD if gold else ItemKind.PLAIN, gold=gold
    )
    for who, rater in enumerate(people):
        outcome = [LEFT, LEFT, RIGHT, LEFT, TIE][(number + who * (number % 3)) % 5]
        if number == 7:
            outcome = BAD
        flipped = (number + who) % 2 == 0
        shown = OTHER[outcome] if flipped else outcome
        ms = 600 if number % 10 == who else 1500 + number
        rows.answer(item, rater, shown, flipped=flipped, decided_ms=ms)
        if number % 4 == 1:
            again = OTHER[outcome] if number == 5 else outcome
            shown = again if flipped else OTHER[again]
            rows.answer(item, rater, shown, flipped=not flipped, purpose=Purpose.REPEAT)
    judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge:verifier")
    verdict = LEFT if number % 5 else TIE
    votes.judge_vote(
        session, judge.id, item.comparison_id, verdict, "", f"{number}", agreed=number % 5 != 0
    )


@pytest.fixture
def labelled(world: Any) -> tuple[Any, int, AgreementReport]:
    with world.database.write() as session:
        rows = new_campaign(session)
        people = [raters.ensure_rater(session, RaterKind.HUMAN, name).id for name in ("ann", "bob")]
        for number in range(N):
            label(rows, people, number)
    campaign_id = rows.campaign.id
    return world, campaign_id, read_report(world.context, campaign_id)


def query(world: Any, sql: str, **values: Any) -> Any:
    with world.database.read() as session:
        return session.execute(text(sql), values).scalar_one()


VOTES = (
    "FROM votes v JOIN raters r ON r.id = v.rater_id LEFT JOIN offers o ON o.key = v.offer_key "
    "LEFT JOIN campaign_items i ON i.comparison_id = v.comparison_id WHERE "
)


def test_counts_of_each_rater_equal_a_query(labelled: tuple[Any, int, AgreementReport]) -> None:
    world, _, report = labelled
    assert [rater.name for rater in report.raters] == ["ann", "bob", "judge:verifier"]
    for rater in report.raters:
        mine = f"{VOTES} r.name = :name AND v.purpose = :purpose"
        metrics = rater.figures
        n_labels = metrics.n_votes + metrics.n_gold
        for purpose, counted in (("label", n_labels), ("repeat", metrics.n_repeats)):
            assert counted == query(
                world, f"SELECT count(*) {mine}", name=rater.name, purpose=purpose
            )
        for outcome, estimate in (("tie", metrics.ties), ("both_bad", metrics.both_bad)):
            n = query(
                world,
                f"SELECT count(*) {mine} AND v.outcome = :outcome AND (v.agreed IS NULL OR v.agreed)",
                name=rater.name,
                purpose="label",
                outcome=outcome,
            )
            assert estimate.value == pytest.approx(n / estimate.n)


def test_bias_gold_repeats_and_pace_equal_queries(
    labelled: tuple[Any, int, AgreementReport],
) -> None:
    world, _, report = labelled
    people = report.groups[0]
    assert people.kind == "human"
    metrics = people.figures
    decided = f"{VOTES} r.kind = 'human' AND v.outcome IN ('left', 'right')"
    n_left = query(world, f"SELECT count(*) {decided} AND (v.outcome = 'left') <> o.flipped")
    n = query(world, f"SELECT count(*) {decided}")
    assert (metrics.position.left.value, metrics.position.left.n) == (n_left / n, n)

    gold = f"{VOTES} r.kind = 'human' AND i.kind = 'gold' AND v.purpose = 'label'"
    n_right = query(world, f"SELECT count(*) {gold} AND v.outcome = i.gold_outcome")
    n = query(world, f"SELECT count(*) {gold}")
    assert n == 10
    assert (metrics.gold.value, metrics.gold.n) == (n_right / n, n)

    twice = (
        "FROM votes a JOIN votes b ON a.rater_id = b.rater_id AND a.comparison_id = b.comparison_id "
        "WHERE a.purpose = 'label' AND b.purpose = 'repeat'"
    )
    n_same = query(world, f"SELECT count(*) {twice} AND a.outcome = b.outcome")
    n = query(world, f"SELECT count(*) {twice}")
    assert n_same == n - 2
    assert (metrics.consistency.value, metrics.consistency.n) == (n_same / n, n)

    timed = f"{VOTES} r.kind = 'human'"
    hasty = query(world, f"SELECT count(*) {timed} AND v.decided_ms < 1000")
    assert metrics.pace.hasty.value == hasty / query(world, f"SELECT count(*) {timed}")
    assert hasty > 0


def test_agreement_of_two_raters_equals_a_query(labelled: tuple[Any, int, AgreementReport]) -> None:
    world, _, report = labelled
    pairs = {(each.first, each.second): each for each in report.kappas}
    assert set(pairs) == {("ann", "bob"), ("ann", "judge:verifier"), ("bob", "judge:verifier")}
    both = (
        "FROM votes a JOIN votes b ON a.comparison_id = b.comparison_id AND a.rater_id < b.rater_id "
        "JOIN raters r ON r.id = a.rater_id JOIN raters s ON s.id = b.rater_id "
        "JOIN campaign_items i ON i.comparison_id = a.comparison_id AND i.kind = 'plain' "
        "WHERE r.name = 'ann' AND s.name = 'bob' AND a.purpose = 'label' AND b.purpose = 'label'"
    )
    n = query(world, f"SELECT count(*) {both}")
    n_same = query(world, f"SELECT count(*) {both} AND a.outcome = b.outcome")
    found = pairs["ann", "bob"]
    assert (found.share.value, found.share.n, found.kappa.n) == (n_same / n, n, n)
    assert found.kappa.value is not None
    assert found.kappa.value < found.share.value


def test_people_and_judges_stand_side_by_side(labelled: tuple[Any, int, AgreementReport]) -> None:
    _, campaign_id, report = labelled
    assert report.campaign_id == campaign_id
    assert [(group.kind, group.n_raters) for group in report.groups] == [
        ("human", 2),
        ("judge", 1),
        ("all", 3),
    ]
    people, judges, _ = report.groups
    assert people.n_shared == N - N // 8
    assert people.alpha.n == people.n_shared - 1, "one that both called bad does not count"
    assert people.alpha.value is not None
    assert f"{people.alpha.value:.2f}" in people.conclusion
    assert judges.alpha.missing.startswith("not enough data: needs 20 ")
    assert judges.figures.both_orders.value == 32 / 40
    assert people.figures.flips.epsilon.value is not None
    assert people.figures.flips.label_smoothing == pytest.approx(
        people.figures.flips.epsilon.value, abs=0.0051
    )


def test_everything_is_what_all_campaigns_and_the_play_page_hold(world: Any) -> None:
    with world.database.write() as session:
        rows = new_campaign(session)
        ann = raters.ensure_rater(session, RaterKind.HUMAN, "ann")
        label(rows, [ann.id], 1)
    world.vote("left", "bob")
    report = read_report(world.context)
    assert report.campaign_id is None
    counted = {rater.name: rater.figures.n_votes for rater in report.raters}
    assert counted == {"ann": 1, "bob": 1, "judge:verifier": 1}
    assert report.groups[0].figures.position.left.n == 2, "the Play page's sides are no lot"


def test_a_report_is_plain_json_and_an_empty_one_too(
    labelled: tuple[Any, int, AgreementReport],
) -> None:
    world, _, report = labelled
    values = json.loads(json.dumps(report.as_json()))
    interval = values["groups"][0]["alpha"]["interval"]
    assert interval[0] < values["groups"][0]["alpha"]["value"] < interval[1]
    assert values["raters"][0]["figures"]["position"]["biased"] in (True, False)
    with world.database.write() as session:
        empty = new_campaign(session, "empty").campaign.id
    assert read_report(world.context, empty).as_json() == {
        "campaign_id": empty,
        "groups": [],
        "kappas": [],
        "raters": [],
        "n_left_out": 0,
    }


def test_a_campaign_that_is_not_there(world: Any) -> None:
    with pytest.raises(NotFound, match="no campaign 99"):
        read_report(world.context, 99)
