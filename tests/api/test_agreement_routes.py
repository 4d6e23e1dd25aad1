"""The Campaigns page's routes: what raters labelled over HTTP is measured, for the right roles."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[[], Any]


def join(visitor: Make, admin: Any, role: str, name: str) -> Any:
    """A browser that followed an invitation."""
    token = admin.post("/invitations", {"role": role, "name": name}).json()["token"]
    guest = visitor()
    sent = guest.client.post("/join", data={"token": token}, follow_redirects=False)
    assert sent.status_code == 303
    return guest


@pytest.fixture
def campaign(ada: Any) -> int:
    left, right = ada.play("What is 40 + 2?", n=2)
    new = {"name": f"Sums {left}", "source": {"kind": "none"}, "overlap": 2}
    made: int = ada.post("/campaigns", new).json()["campaign_id"]
    ada.post(f"/campaigns/{made}/items", {"items": [{"left": left, "right": right}]})
    return made


def label(rater: Any, campaign: int, prefers: str) -> None:
    (pair,) = rater.post(f"/campaigns/{campaign}/next", {"n": 1}).json()["pairs"]
    vote = {"outcome": prefers, "decided_ms": 2000}
    assert rater.post(f"/labels/{pair['key']}/vote", vote).status_code == 200


def test_what_two_people_label_is_in_the_report_and_the_gallery(
    ada: Any, visitor: Make, campaign: int
) -> None:
    bea, cas = (join(visitor, ada, "annotator", f"{name}-{campaign}") for name in ("bea", "cas"))
    label(bea, campaign, "tie")
    label(cas, campaign, "both_bad")
    report = ada.get(f"/campaigns/{campaign}/agreement").json()
    (people,) = report["groups"]
    assert (people["kind"], people["n_raters"], people["n_shared"]) == ("human", 2, 1)
    assert [rater["name"] for rater in report["raters"]] == [f"bea-{campaign}", f"cas-{campaign}"]
    (pair,) = report["kappas"]
    assert pair["kappa"]["missing"] == "not enough data: needs 10 shared comparisons, has 1"

    gallery = ada.get(f"/campaigns/{campaign}/disagreements").json()
    (shown,) = gallery["shown"]
    assert {one["rater"]: one["outcome"] for one in shown["said"]} == {
        f"bea-{campaign}": "tie",
        f"cas-{campaign}": "both_bad",
    }
    everything = ada.get("/agreement").json()
    assert {f"bea-{campaign}", f"cas-{campaign}"} <= {one["name"] for one in everything["raters"]}

    (row,) = [row for row in ada.get("/labelling").json()["campaigns"] if row["id"] == campaign]
    assert (row["n_done"], row["n_wanted"], row["days"][-1], row["n_active"]) == (2, 2, 2, 2)


def test_the_table_of_raters_and_the_panel_say_the_same_number_of_labels(
    ada: Any, visitor: Make
) -> None:
    left, right = ada.play("What is 40 + 3?", n=2)
    other, another = ada.play("What is 40 + 4?", n=2)
    new = {"name": f"Gold {left}", "source": {"kind": "none"}, "overlap": 2, "mix": {"gold": 1.0}}
    campaign = ada.post("/campaigns", new).json()["campaign_id"]
    items = [{"left": left, "right": right, "gold": "left"}, {"left": other, "right": another}]
    assert ada.post(f"/campaigns/{campaign}/items", {"items": items}).status_code < 300
    n_cast = 0
    for name in ("dee", "eli"):
        rater = join(visitor, ada, "annotator", f"{name}-{campaign}")
        while pairs := rater.post(f"/campaigns/{campaign}/next", {"n": 1}).json()["pairs"]:
            vote = {"outcome": "left", "decided_ms": 2000}
            rater.post(f"/labels/{pairs[0]['key']}/vote", vote)
            n_cast += 1
    figures = [
        rater["figures"] for rater in ada.get(f"/campaigns/{campaign}/agreement").json()["raters"]
    ]
    (row,) = [row for row in ada.get("/labelling").json()["campaigns"] if row["id"] == campaign]
    assert sum(one["n_votes"] for one in figures) == row["n_done"] == 2
    assert sum(one["n_gold"] for one in figures) == n_cast - 2, "whether gold is given is drawn"


def test_guidelines_are_looked_at_as_raters_will_read_them(ada: Any) -> None:
    look = ada.post("/guidelines/preview", {"guidelines": "Be **fair** <script>alert(1)</script>"})
    assert "<strong>fair</strong>" in look.json()["html"]
    assert "<script" not in look.json()["html"]
    assert ada.post("/guidelines/preview", {"guidelines": "x" * 20_001}).status_code == 422


def test_who_labels_learns_nothing_of_others(ada: Any, visitor: Make, campaign: int) -> None:
    bea = join(visitor, ada, "annotator", f"bea-{campaign}")
    viewer = join(visitor, ada, "viewer", f"val-{campaign}")
    reads = ["/labelling", "/agreement", f"/campaigns/{campaign}/agreement"]
    for path in reads:
        assert bea.get(path).status_code == 403, path
        assert viewer.get(path).status_code == 200, path
    for guest in (bea, viewer):
        assert guest.get(f"/campaigns/{campaign}/disagreements").status_code == 403
        assert guest.post("/guidelines/preview", {"guidelines": "x"}).status_code == 403


def test_a_campaign_that_is_not_there_is_refused_in_words(ada: Any) -> None:
    for path in ("agreement", "disagreements"):
        answer = ada.get(f"/campaigns/999999/{path}")
        assert answer.status_code == 404
        assert answer.json() == {"error": "There is no campaign 999999."}
    assert ada.get("/campaigns/1/disagreements?limit=21").status_code == 422
