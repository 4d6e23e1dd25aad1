"""The README's examples of labelling by script are run, as they stand, against a real server."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import Campaign, make_campaign
from sqlalchemy import select

from db.models import Rater, RaterKind, Vote
from ptrapp.services.context import AppContext

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.partition("## Labelling by script")[2].partition("\n## ")[0]
LABEL, BY_NAME = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def campaign(ada: Any, context: AppContext) -> Campaign:
    return make_campaign(ada, context, 13)


def run(code: str, served: str, given: Campaign, **known: Any) -> dict[str, Any]:
    """Run an example with this server and this campaign in place of its own."""
    ours = code.replace("http://127.0.0.1:7860", served)
    ours = ours.replace(", 1\n", f", {given.id}\n", 1).replace('"shorter"', f'"{uuid4().hex}"')
    names = known | {"__name__": "example"}
    exec(compile(ours, "README.md", "exec"), names)
    return names


def test_an_agent_labels_a_campaign_in_twenty_lines(
    address: str, campaign: Campaign, ada: Any, context: AppContext
) -> None:
    assert len(LABEL.splitlines()) <= 20
    names = run(LABEL, address, campaign)
    me = names["agent"].get("/me").json()
    assert me["role"] == "judge"
    with context.database.read() as session:
        rater = session.scalars(select(Rater).where(Rater.name == f"agent:{me['name']}")).one()
        cast = session.scalars(select(Vote).where(Vote.rater_id == rater.id)).all()
        assert rater.kind is RaterKind.JUDGE
        assert len(cast) == 13
        assert {vote.outcome.value for vote in cast} == {"left"}, "the shorter, wherever it stood"
    assert ada.get(f"/campaigns/{campaign.id}").json()["n_taken"] == 0


def test_the_same_is_found_by_name(address: str, campaign: Campaign, ada: Any) -> None:
    token = ada.post("/invitations", {"role": "judge", "name": "namer"}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    names = run(BY_NAME, address, campaign, address=address, campaign=campaign.id, headers=headers)
    assert len(names["pairs"]) == 2
