"""Campaigns over HTTP: made from what is stored, filled by hand, opened, closed, refused in words."""

from typing import Any
from uuid import uuid4

import pytest
from campaign_world import (
    SHOWN,
    Campaign,
    make_campaign,
    next_pairs,
    program,
    sentence,
    stored_pair,
    vote,
)
from sqlalchemy import select

from db.content import scores
from db.labelling import raters
from db.models import CampaignItem, ItemKind, RaterKind
from ptrapp.services.context import AppContext


def new(**settings: Any) -> dict[str, Any]:
    return {"name": f"New {uuid4().hex}", **settings}


def items(context: AppContext, campaign_id: int) -> list[CampaignItem]:
    with context.database.read() as session:
        rows = select(CampaignItem).where(CampaignItem.campaign_id == campaign_id)
        found = list(session.scalars(rows.order_by(CampaignItem.id)))
        for item in found:
            _ = item.comparison.left, item.comparison.right
        return found


def sides(context: AppContext, campaign_id: int) -> set[tuple[int, int]]:
    found = items(context, campaign_id)
    return {(item.comparison.left_round_id, item.comparison.right_round_id) for item in found}


def made(ada: Any, **settings: Any) -> int:
    answer = ada.post("/campaigns", new(**settings))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["campaign_id"])


def test_a_campaign_is_what_was_asked_for(ada: Any, context: AppContext) -> None:
    asked = new(
        source={"kind": "none"}, guidelines="Be **fair**.<script>x</script>", overlap=3, budget=50,
        mix={"uncertain": 2, "uniform": 1, "gold": 0.5, "repeat": 0.25}, reveal=True, n_practice=2,
    )  # fmt: skip
    campaign_id = ada.post("/campaigns", asked).json()["campaign_id"]
    brief = ada.get(f"/campaigns/{campaign_id}").json()
    for name in ("name", "guidelines", "overlap", "budget", "reveal", "n_practice"):
        assert brief[name] == asked[name], name
    assert brief["guidelines_html"].startswith("<p>Be <strong>fair</strong>.")
    assert "<script" not in brief["guidelines_html"]
    assert brief["mix"] == {"overlap": 0.0} | asked["mix"]
    assert (brief["state"], brief["aspect"], brief["n_items"]) == ("open", "response", 0)
    assert brief in ada.get("/campaigns").json()


def test_siblings_and_refined_rounds_are_found(ada: Any, context: AppContext) -> None:
    siblings = stored_pair(context)
    alike = tuple(sorted(ada.play("What is 50 + 5?", mode="sample", n=2)))
    first, second, third = ada.play("What is 60 + 6?", n=3)
    found = {
        kind: sides(context, made(ada, source={"kind": kind}))
        for kind in ("siblings", "adjacent", "random")
    }
    assert siblings in found["siblings"] & found["random"] - found["adjacent"]
    assert {(first, second), (second, third)} <= found["adjacent"] & found["random"]
    assert (first, third) in found["random"] - found["siblings"] - found["adjacent"]
    assert alike not in found["siblings"] | found["random"], "nothing to compare"


def test_the_judges_best_and_worst_are_found_and_the_close_ones_are_uncertain(
    ada: Any, context: AppContext
) -> None:
    judge = f"judge:{uuid4().hex[:8]}"
    pairs = [stored_pair(context) for _ in range(3)]
    with context.database.write() as session:
        rater = raters.ensure_rater(session, RaterKind.JUDGE, judge)
        for (left, right), apart in zip(pairs, (0.1, 5.0, 0.0), strict=True):
            scores.record(session, rater.id, {left: apart, right: -apart})
    asked = {"source": {"kind": "best_worst", "judge": judge}}
    assert ada.post("/campaigns/preview", asked).json() == {"n_pairs": 2}
    close, clear = items(context, made(ada, **asked))[::-1]
    uncertainty = {
        item.comparison.left_round_id: item.uncertainty for item in (close, clear)
    }  # fmt: skip
    assert uncertainty[pairs[0][0]] > 0.9 > 0.3 > uncertainty[pairs[1][0]]


def test_two_versions_are_compared(ada: Any, context: AppContext) -> None:
    asked = {"kind": "versions", "versions": ["zqversion", "base"]}
    assert "no prompt in common" in sentence(ada.post("/campaigns", new(source=asked)), 400)
    refused = ada.post("/campaigns", new(source=asked | {"versions": ["v99", "base"]}))
    assert "no version 'v99'" in sentence(refused, 404)
    ada.post("/versions/v1/serve")
    by_v1 = ada.play("What is 70 + 7?", n=1)[0]
    ada.post("/versions/rollback")
    by_base = ada.play("What is 70 + 7?", n=1)[0]
    with_same_text = made(ada, source={"kind": "none"})
    assert with_same_text
    refused = ada.post("/campaigns", new(source=asked | {"versions": ["v1", "base"]}))
    assert by_v1 != by_base
    assert "no prompt in common" in sentence(refused, 400), "alike answers are nothing to compare"


@pytest.mark.parametrize(
    ("wrong", "named", "status"),
    [
        ({"name": ""}, "name", 422),
        ({"name": "  "}, "1 to 120 characters", 400),
        ({"name": "x" * 121}, "name", 422),
        ({"name": "a\x00"}, "NUL", 400),
        ({"aspect": "style"}, "aspect", 422),
        ({"overlap": 0}, "overlap is 1 to 100", 400),
        ({"overlap": 101}, "overlap is 1 to 100", 400),
        ({"overlap": 10**30}, "overlap is 1 to 100", 400),
        ({"budget": 0}, "budget is at least 1", 400),
        ({"budget": 10**30}, "budget", 422),
        ({"n_practice": -1}, "practice", 400),
        ({"n_practice": 101}, "practice", 400),
        ({"mix": {"gold": -1}}, "weights", 400),
        ({"mix": {"uncertain": 0, "uniform": 0}}, "weights", 400),
        ({"mix": {"gold": 1e309}}, "gold", 422),
        ({"mix": {"uncertain": 1e308, "uniform": 1e308}}, "the weights' sum", 422),
        ({"mix": {"luck": 1}}, "luck", 422),
        ({"guidelines": "x" * 20_001}, "guidelines", 422),
        ({"source": {"kind": "dreams"}}, "kind", 422),
        ({"source": {"kind": "siblings", "max_pairs": 0}}, "max_pairs", 422),
        ({"source": {"kind": "siblings", "max_pairs": 10**6}}, "max_pairs", 422),
        ({"source": {"kind": "siblings", "seed": -1}}, "seed", 422),
        ({"source": {"kind": "best_worst", "judge": "nobody"}}, "has scored no candidates", 400),
        ({"source": {"kind": "imported", "import": "import:none"}}, "import a file first", 400),
        ({"source": {"kind": "versions", "versions": ["base"]}}, "versions", 422),
        ({"surprise": 1}, "surprise", 422),
    ],
)
def test_a_plan_that_cannot_work_is_refused(
    ada: Any, wrong: dict[str, Any], named: str, status: int
) -> None:
    before = len(ada.get("/campaigns").json())
    body = new(source={"kind": "none"}) | wrong
    if wrong.get("mix", {}).get("gold") == 1e309:
        content = b'{"name": "x", "mix": {"gold": 1e309}}'
        headers = {"Content-Type": "application/json"}
        answer = ada.ask("POST", "/campaigns", content=content, headers=headers)
    else:
        answer = ada.post("/campaigns", body)
    assert named in sentence(answer, status)
    assert len(ada.get("/campaigns").json()) == before


def test_all_mistakes_of_a_plan_are_named_at_once(ada: Any) -> None:
    message = sentence(ada.post("/campaigns", new(overlap=0, budget=0, n_practice=999)), 400)
    assert all(word in message for word in ("overlap", "budget", "practice"))


def test_a_name_is_used_once(ada: Any) -> None:
    asked = new(source={"kind": "none"})
    assert ada.post("/campaigns", asked).status_code == 201
    spaced = asked | {"name": f"  {asked['name']} "}
    assert "already" in sentence(ada.post("/campaigns", spaced), 409)


def test_of_many_pairs_a_draw_is_taken_that_can_be_repeated(ada: Any, context: AppContext) -> None:
    for _ in range(6):
        stored_pair(context)
    source = {"kind": "siblings", "max_pairs": 3, "seed": 7}
    first, again = (sides(context, made(ada, source=source)) for _ in range(2))
    other = sides(context, made(ada, source=source | {"seed": 9}))
    assert len(first) == 3
    assert first == again != other


def test_comparisons_are_put_in_by_hand_once(ada: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 0)
    left, right = stored_pair(context)
    url = f"/campaigns/{campaign.id}/items"
    added = ada.post(url, {"items": [{"left": left, "right": right}]}).json()
    assert added == {"n_new": 1, "n_left_out": 0, "note": ""}
    ada.post(url, {"items": [{"left": right, "right": left}] * 2})
    (item,) = items(context, campaign.id)
    assert item.kind is ItemKind.PLAIN
    known = {"left": right, "right": left, "gold": "left", "explanation": "It is right."}
    ada.post(url, {"items": [known]})
    (item,) = items(context, campaign.id)
    assert (item.kind, item.gold_outcome) == (ItemKind.GOLD, "right"), "in the stored order"
    (shown,) = ada.get(f"{url}?kind=gold").json()
    assert (shown["kind"], shown["gold"], shown["explanation"]) == ("gold", "right", "It is right.")
    assert (shown["left"][:12], shown["right"][:12]) == (f"{SHOWN} 0", f"{SHOWN} 1")


def test_a_repeated_pair_in_one_request_is_one(ada: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 0)
    left, right = stored_pair(context)
    asked = {"items": [{"left": left, "right": right, "gold": "tie"}] * 3}
    assert ada.post(f"/campaigns/{campaign.id}/items", asked).json()["n_new"] == 1
    assert len(items(context, campaign.id)) == 1


def test_known_thoughts_are_listed_as_thoughts(ada: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 0, gold=1, aspect="thought")
    (shown,) = ada.get(f"/campaigns/{campaign.id}/items").json()
    assert (shown["left"], shown["right"]) == ("zqthought 0", "zqthought 1")


@pytest.mark.parametrize(
    ("wrong", "named", "status"),
    [
        ({"items": []}, "items", 422),
        ({"items": [{"left": 1}]}, "right", 422),
        ({"items": [{"left": 0, "right": 1}]}, "left", 422),
        ({"items": [{"left": 1, "right": 2**31}]}, "right", 422),
        ({"items": [{"left": 999998, "right": 999999}]}, "no round", 404),
        ({"items": [{"left": "L", "right": "R", "gold": "withdrawn"}]}, "gold", 422),
        ({"items": [{"left": "L", "right": "R", "practice": True}]}, "known answer", 400),
        ({"items": [{"left": "L", "right": "L"}]}, "cannot be compared", 409),
        ({"items": [{"left": "L", "right": "OTHER"}]}, "same prompt", 409),
        ({"items": [{"left": "L", "right": "R", "explanation": "x" * 10_001}]}, "explana", 422),
    ],
)
def test_what_cannot_be_compared_is_refused(
    ada: Any, context: AppContext, wrong: dict[str, Any], named: str, status: int
) -> None:
    campaign = make_campaign(ada, context, 0)
    (left, right), (other, _) = stored_pair(context), stored_pair(context)
    ids = {"L": left, "R": right, "OTHER": other}
    rows = [
        {name: ids.get(value, value) if isinstance(value, str) else value
         for name, value in row.items()}
        for row in wrong["items"]
    ]  # fmt: skip
    refused = ada.post(f"/campaigns/{campaign.id}/items", {"items": rows})
    assert named in sentence(refused, status)
    assert not items(context, campaign.id)


def test_a_campaign_is_closed_and_opened(ada: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 1)
    url = f"/campaigns/{campaign.id}/state"
    for state in ("closed", "closed", "open"):
        assert ada.post(url, {"state": state}).json() == {"state": state}
        assert ada.get(f"/campaigns/{campaign.id}").json()["state"] == state
    assert "state" in sentence(ada.post(url, {"state": "preparing"}), 422)


def test_guidelines_are_changed(ada: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 1, guidelines="Old.")
    url = f"/campaigns/{campaign.id}/guidelines"
    assert ada.post(url, {"guidelines": "$x^2$ and `code`"}).status_code == 200
    html = ada.get(f"/campaigns/{campaign.id}").json()["guidelines_html"]
    assert "<math" in html
    assert "<code>code</code>" in html
    assert "guidelines" in sentence(ada.post(url, {"guidelines": "x" * 20_001}), 422)


def test_an_unknown_campaign_is_not_found(ada: Any) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/state", {"state": "open"}),
        ("POST", "/guidelines", {"guidelines": "x"}),
        ("POST", "/items", {"items": [{"left": 1, "right": 2}]}),
        ("GET", "/items", None),
        ("POST", "/judge", {}),
        ("GET", "/agreement", None),
    ):
        answer = ada.ask(method, f"/campaigns/999999{path}", json=body)
        assert "no campaign 999999" in sentence(answer, 404), path


def test_a_judges_turn_is_queued_once(ada: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 1)
    url = f"/campaigns/{campaign.id}/judge"
    queued = ada.post(url, {})
    assert queued.status_code == 201
    job_id = queued.json()["job_id"]
    assert f"job {job_id}" in sentence(ada.post(url, {}), 409)
    (job,) = [job for job in ada.get("/jobs").json() if job["id"] == job_id]
    assert (job["kind"], job["settings"]) == ("judge", {"campaign_id": campaign.id})
    ada.post(f"/jobs/{job_id}/cancel")


def test_the_counts_of_a_campaign_are_the_rows(ada: Any, visitor: Any, context: AppContext) -> None:
    campaign: Campaign = make_campaign(ada, context, 4, gold=1, overlap=2)
    bea = visitor()
    bea.client.headers["Authorization"] = f"Bearer {program(ada, 'annotator', uuid4().hex[:8])}"
    pairs = next_pairs(bea, campaign, 3)
    vote(bea, pairs[0]["key"])
    bea.post(f"/labels/{pairs[1]['key']}/skip")
    brief = ada.get(f"/campaigns/{campaign.id}").json()
    kinds = [item.kind for item in items(context, campaign.id)]
    taken = sum(item.n_taken for item in items(context, campaign.id))
    assert kinds.count(ItemKind.PLAIN) == brief["n_items"] == 4
    assert (brief["n_slots"], brief["n_taken"], brief["n_done"]) == (8, taken, 1)
    mine = bea.get(f"/campaigns/{campaign.id}").json()
    assert (mine["n_done_by_me"], mine["n_skipped_by_me"]) == (1, 1)


@pytest.mark.parametrize(
    "deadline",
    [
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "-1e11",
        "Infinity",
        12,
        1.5,
        True,
        "20261231",
    ],
)
def test_a_deadline_that_utc_has_not_is_refused(
    ada: Any, context: AppContext, deadline: Any
) -> None:
    campaign = make_campaign(ada, context, 1)
    told = sentence(ada.post(f"/campaigns/{campaign.id}", {"deadline": deadline}), 422)
    assert told.startswith("The request cannot be used: deadline: ")
    assert ada.get(f"/campaigns/{campaign.id}").json()["deadline"] is None


@pytest.mark.parametrize("deadline", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_the_first_and_the_last_deadline_are_kept(
    ada: Any, context: AppContext, deadline: Any
) -> None:
    campaign = make_campaign(ada, context, 1)
    assert ada.post(f"/campaigns/{campaign.id}", {"deadline": deadline}).status_code == 200
    (row,) = [row for row in ada.get("/campaigns").json() if row["id"] == campaign.id]
    assert row["deadline"][:19] == deadline[:19]
    ada.post(f"/campaigns/{campaign.id}/state", {"state": "deleted"})
