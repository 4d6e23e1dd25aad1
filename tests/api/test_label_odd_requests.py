"""Odd requests in the middle of labelling: each is done or refused in words, and no count is off."""

import json
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import Campaign, Make, join, make_campaign
from sqlalchemy import select
from test_label_races import recounted

from bench.bad_input import VALUES
from db.labelling import corrections
from db.models import CampaignItem, DataKind
from ptrapp.services.context import AppContext

STATES = ("open", "open", "paused", "closed", "deleted", "open")
GOOD: dict[str, tuple[Any, ...]] = {
    "outcome": ("left", "right", "tie", "both_bad"),
    "strength": (1, 2, 3),
    "decided_ms": (None, 0, 900),
    "client": ("page",),
    "n": (1, 3),
    "have": ([],),
    "tab": ("a", "b"),
    "flagged": (True, False),
    "note": ("", "odd"),
    "text": ("", "because"),
    "reason": ("", "because"),
    "gold": (False, False, True),
}


class Bench:
    """Two campaigns, raters and an administrator, and every key that was ever told."""

    def __init__(self, admin: Any, raters: list[Any], campaigns: list[Campaign], seed: int) -> None:
        self.admin, self.raters, self.campaigns = admin, raters, campaigns
        self.chance = Random(seed)
        self.keys: list[str] = ["0" * 32]
        self.undos: list[str] = [uuid4().hex]
        self.comparisons: list[int] = [1]

    def body(self, *names: str, **given: Any) -> bytes:
        """A body that is often as it should be, and often has one field or more that is not."""
        odd = self.chance.random() < 0.35
        sent = {}
        for name in names:
            wrong = odd and self.chance.random() < 0.5
            values = VALUES if wrong else given.get(name) or GOOD[name]
            sent[name] = self.chance.choice(values)
            if odd and self.chance.random() < 0.1:
                del sent[name]
        if odd and self.chance.random() < 0.1:
            sent["more"] = 1
        return json.dumps(sent).encode("utf-8")

    def send(self, who: Any, path: str, body: bytes = b"{}") -> Any:
        kind = {"Content-Type": "application/json"}
        answer = who.ask("POST", path, content=body, headers=kind)
        assert answer.status_code < 500, (path, body[:300], answer.text)
        told = answer.json()
        if answer.status_code >= 400:
            assert list(told) == ["error"], (path, body[:300], told)
            assert len(told["error"]) > 10, (path, body[:300], told)
            assert "Traceback" not in told["error"]
        return told

    def turn(self) -> None:
        chance, rater = self.chance, self.chance.choice(self.raters)
        campaign = self.chance.choice(self.campaigns).id
        key, comparison = chance.choice(self.keys[-12:]), chance.choice(self.comparisons[-12:])
        match chance.choice(("next", "next", "vote", "vote", "vote", "undo", "skip", "flag",
                             "reason", "reveal", "settle", "unsettle", "state")):  # fmt: skip
            case "next":
                told = self.send(
                    rater, f"/campaigns/{campaign}/next", self.body("n", "have", "tab")
                )
                self.keys += [pair["key"] for pair in told.get("pairs", ())]
            case "vote":
                body = self.body("outcome", "strength", "decided_ms", "client")
                self.send(rater, f"/labels/{key}/vote", body)
            case "undo":
                self.undos.append(uuid4().hex)
                known = (self.undos[-1], chance.choice(self.undos), chance.choice(self.keys))
                body = self.body("key", "tab", key=known)
                told = self.send(rater, f"/campaigns/{campaign}/undo", body)
                self.keys += [told["pair"]["key"]] if told.get("pair") else []
            case "skip":
                self.send(rater, f"/labels/{key}/skip")
            case "flag":
                self.send(rater, f"/labels/{key}/flag", self.body("flagged", "note"))
            case "reason":
                self.send(rater, f"/labels/{key}/reason", self.body("text"))
            case "reveal":
                self.send(rater, f"/labels/{key}/reveal")
            case "settle":
                known = (uuid4().hex, chance.choice(self.undos), chance.choice(self.keys))
                body = self.body("key", "outcome", "strength", "reason", "gold", key=known)
                self.send(self.admin, f"/campaigns/{campaign}/disagreements/{comparison}", body)
            case "unsettle":
                body = self.body("key", key=(uuid4().hex, chance.choice(self.undos)))
                path = f"/campaigns/{campaign}/disagreements/{comparison}/undo"
                self.send(self.admin, path, body)
            case "state":
                body = self.body("state", state=STATES)
                self.send(self.admin, f"/campaigns/{campaign}/state", body)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_sent_in_between_nothing_is_lost_and_no_count_is_off(
    ada: Any, visitor: Make, context: AppContext, seed: int
) -> None:
    made = [
        make_campaign(ada, context, 6, overlap=2, gold=1, reveal=True, budget=budget)
        for budget in (None, 8)
    ]
    raters = [
        join(visitor, ada, "annotator", f"odd-{seed}-{n}-{uuid4().hex[:6]}") for n in range(3)
    ]
    bench = Bench(ada, raters, made, seed)
    with context.database.read() as session:
        of_them = CampaignItem.campaign_id.in_([one.id for one in made])
        bench.comparisons = [*session.scalars(select(CampaignItem.comparison_id).where(of_them))]
    hidden: set[int] = set()
    for _ in range(250):
        bench.turn()
        if bench.chance.random() < 0.1:
            hidden ^= {hide_or_show(context, bench.chance.choice(bench.comparisons), hidden)}
    for comparison in hidden:
        hide_or_show(context, comparison, hidden)
    for campaign in made:
        recounted(context, campaign)


def hide_or_show(context: AppContext, comparison: int, hidden: set[int]) -> int:
    """Deletes a pair by hand, or restores it where that was done."""
    change = corrections.restore if comparison in hidden else corrections.delete
    with context.database.write() as session:
        change(session, DataKind.PAIR, comparison, "ada")
    return comparison
