"""The scripts of docs/scripting.md are run, as they stand, against a real server."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import Campaign, make_campaign
from sqlalchemy import select

from db.models import Rater, RaterKind, Round, Vote
from ptrapp.services.context import AppContext

DOCUMENT = (Path(__file__).parents[2] / "docs/scripting.md").read_text(encoding="utf-8")
ASK, LABEL, BY_NAME = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def campaign(ada: Any, context: AppContext) -> Campaign:
    return make_campaign(ada, context, 13)


def run(code: str, served: str, **known: Any) -> dict[str, Any]:
    """Run a script with this server in place of its own."""
    names = known | {"__name__": "example"}
    ours = code.replace("http://127.0.0.1:7860", served)
    exec(compile(ours, "docs/scripting.md", "exec"), names)
    return names


def test_a_script_asks_compares_and_votes(address: str, context: AppContext) -> None:
    names = run(ASK, address)
    assert [cell["state"] for cell in names["board"]["cells"]] == ["stored"] * 4
    assert len(names["thoughts"]) == 2
    with context.database.read() as session:
        vote = session.scalars(select(Vote).where(Vote.offer_key == names["key"])).one()
        sides = {vote.comparison.left_round_id, vote.comparison.right_round_id}
        assert sides == {names["left"], names["right"]}
        assert vote.blind
        assert session.get_one(Round, names["left"]).prompt.reference_answer == "19"


def test_an_agent_labels_a_campaign_in_twenty_lines(
    address: str, campaign: Campaign, ada: Any, context: AppContext
) -> None:
    assert len(LABEL.splitlines()) <= 20
    its_number = 'campaign = "http://127.0.0.1:7860", '
    assert f"{its_number}1 " in LABEL
    code = LABEL.replace(f"{its_number}1 ", f"{its_number}{campaign.id} ")
    names = run(code.replace('"shorter"', f'"{uuid4().hex}"'), address)
    me = names["agent"].get("/me").json()
    assert me["role"] == "judge"
    with context.database.read() as session:
        rater = session.scalars(select(Rater).where(Rater.name == f"agent:{me['name']}")).one()
        votes = session.scalars(select(Vote).where(Vote.rater_id == rater.id)).all()
        assert rater.kind is RaterKind.JUDGE
        assert len(votes) == 13
        assert {vote.outcome.value for vote in votes} == {"left"}, "the shorter, wherever it stood"
    assert ada.get(f"/campaigns/{campaign.id}").json()["n_taken"] == 0


def test_the_same_is_found_by_name(address: str, campaign: Campaign, ada: Any) -> None:
    token = ada.post("/tokens", {"role": "judge", "name": "namer"}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    names = run(BY_NAME, address, address=address, campaign=campaign.id, headers=headers)
    assert len(names["pairs"]) == 2
