"""What scripts call by name through gradio_client, against a real server, in the roles they have."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import SHOWN, make_campaign, program
from gradio_client import Client
from gradio_client.exceptions import AppError, AuthenticationError

from ptrapp.services.context import AppContext

Call = Callable[..., Any]


@pytest.fixture
def caller(address: str, ada: Any) -> Callable[[str], Call]:
    """Makes callers of a role: what they call, by name."""

    def make(role: str) -> Call:
        token = program(ada, role, f"{role}-{uuid4().hex[:8]}")
        headers = {"Authorization": f"Bearer {token}"}
        client = Client(address, headers=headers, verbose=False, analytics_enabled=False)
        return lambda called, /, **given: client.predict(api_name=f"/{called}", **given)

    return make


def test_a_campaign_is_labelled_by_name(
    caller: Callable[[str], Call], ada: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 3, reveal=True)
    call = caller("annotator")
    (brief,) = [row for row in call("campaigns") if row["id"] == campaign.id]
    assert "n_items" not in brief
    given = call("label_next", campaign_id=campaign.id, n=2, tab="script")
    first, second = given["pairs"]
    assert (SHOWN in first["left"]["text"], given["finished"]) == (True, False)
    assert {kind for _, kind in call("label_diff", key=first["key"])} == {
        "same", "added", "removed",
    }  # fmt: skip
    answer = call("label_vote", key=first["key"], outcome="left", strength=2)
    assert answer == {"stored": True, "counted": True, "done": 1, "practice": None, "note": ""}
    assert call("label_reason", key=first["key"], text="shorter") == {"stored": True}
    assert call("label_reveal", key=first["key"])["left"]["thought"].startswith("zqthought")
    assert call("label_flag", key=second["key"], note="odd") == {"flagged": True}
    assert call("label_skip", key=second["key"]) == {"skipped": True}
    key = uuid4().hex
    undone = call("label_undo", campaign_id=campaign.id, key=key)
    assert undone["pair"]["was"] is None, "the skip comes first"
    assert undone["pair"]["left"] == second["left"]
    assert call("label_undo", campaign_id=campaign.id, key=key) == undone
    undone = call("label_undo", campaign_id=campaign.id, key=uuid4().hex)
    assert undone["pair"]["was"] == "left"


def test_what_runs_the_product_is_called_by_name(
    caller: Callable[[str], Call], ada: Any, context: AppContext
) -> None:
    left, right = ada.play("What is 30 + 3?", mode="sample", n=2)
    ada.post("/votes", {"key": ada.offer(left, right), "outcome": "left"})
    call = caller("admin")
    made = call("campaign_create", name=f"By name {uuid4().hex}", source="siblings", overlap=2)
    (brief,) = [row for row in call("campaigns") if row["id"] == made]
    assert (brief["overlap"], brief["state"]) == (2, "open")
    job_id = call("job_start", kind="tpo", settings={"epochs": 1})
    assert job_id in [row["id"] for row in call("jobs")]
    assert call("job_cancel", job_id=job_id) == {"state": "cancelling"}
    assert call("training")["jobs"][0]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("label_next", {"campaign_id": 999999}, "no campaign 999999"),
        ("label_next", {"campaign_id": 999999, "have": None}, "no campaign 999999"),
        ("label_next", {"campaign_id": 1, "n": 11}, "n: "),
        ("label_next", {"campaign_id": "first"}, "campaign_id: "),
        ("label_next", {"campaign_id": 2**31}, "campaign_id: "),
        ("label_next", {"campaign_id": 1, "have": "all"}, "have: "),
        ("label_vote", {"key": "nobody's", "outcome": "left"}, "not given to you"),
        ("label_vote", {"key": "nobody's", "outcome": "best"}, "outcome: "),
        ("label_vote", {"key": "x", "outcome": "left", "strength": 4}, "strength: "),
        ("label_flag", {"key": "x", "note": "x" * 2001}, "note: "),
        ("campaign_create", {"name": "x", "source": "dreams"}, "source: "),
        ("campaign_create", {"name": " "}, "name has 1 to 120"),
        ("job_start", {"kind": "sleep"}, "kind: "),
        ("job_start", {"kind": "tpo", "settings": {"prompts": "secrets.jsonl"}}, "command line"),
        ("job_cancel", {"job_id": 999999}, "no job 999999"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    caller: Callable[[str], Call], name: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(AppError, match=message):
        caller("admin")(name, **given)


FOR: dict[str, set[str]] = {
    "label_next": {"admin", "annotator", "judge"},
    "label_vote": {"admin", "annotator", "judge"},
    "label_undo": {"admin", "annotator", "judge"},
    "label_skip": {"admin", "annotator", "judge"},
    "label_flag": {"admin", "annotator", "judge"},
    "label_reason": {"admin", "annotator", "judge"},
    "label_reveal": {"admin", "annotator", "judge"},
    "label_diff": {"admin", "annotator", "judge"},
    "campaigns": {"admin", "annotator", "judge", "viewer"},
    "campaign_create": {"admin"},
    "adjudicate": {"admin"},
    "jobs": {"admin", "viewer"},
    "job_start": {"admin"},
    "job_cancel": {"admin"},
    "play": {"admin"},
    "training": {"admin", "viewer"},
    "models": {"admin", "viewer"},
    "model_load": {"admin"},
}
"""Every public name, and the roles it does something for."""
GIVEN: dict[str, Any] = {
    "campaign_id": 999999,
    "comparison_id": 1,
    "key": "nobody's",
    "outcome": "left",
    "text": "x",
    "name": " ",
    "kind": "tpo",
    "settings": {"prompts": "secrets.jsonl"},
    "job_id": 999999,
    "model": "nobody's",
}
"""Values that lead to nothing where the role may ask."""
PLAYED = {
    f"param_{number}": value
    for number, value in enumerate(("1 + 1?", "", "refine", 2, 4, "always", 0.8, 0.95, 160, 1))
}


def test_every_name_is_known_typed_and_described(address: str, ada: Any) -> None:
    named = ada.get("/gradio_api/info").json()["named_endpoints"]
    assert {name.lstrip("/") for name in named} == set(FOR)
    for name, about in named.items():
        if name == "/play":
            continue
        assert len(about["description"]) > 20, name
        for parameter in about["parameters"]:
            assert parameter["python_type"]["type"] != "Any", (name, parameter)


@pytest.mark.parametrize("role", ["annotator", "viewer", "judge"])
def test_a_name_is_refused_to_whom_it_is_not_for(
    caller: Callable[[str], Call], ada: Any, role: str
) -> None:
    call, named = caller(role), ada.get("/gradio_api/info").json()["named_endpoints"]
    for name, roles in FOR.items():
        wanted = [one["parameter_name"] for one in named[f"/{name}"]["parameters"]]
        given = PLAYED if name == "play" else {one: GIVEN[one] for one in wanted if one in GIVEN}
        if role in roles:
            assert "not for the role" not in outcome(call, name, given), name
        else:
            with pytest.raises(AppError, match=f"not for the role {role}"):
                call(name, **given)


def outcome(call: Call, name: str, given: dict[str, Any]) -> str:
    """What a call answers, or how it is refused."""
    try:
        return str(call(name, **given))
    except AppError as refusal:
        return str(refusal)


def test_a_caller_without_a_good_token_is_nobody(address: str) -> None:
    with pytest.raises(AuthenticationError, match="credentials"):
        Client(address, headers={"Authorization": "Bearer forged"}, verbose=False)
