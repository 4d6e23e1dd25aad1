"""Campaigns for the Label page's tests: rounds written into the app's database, the rest by routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from db.content import prompts, rounds
from db.content.rounds import NewRound
from db.models import Assignment, CampaignItem, RunMode, RunState, Vote
from db.storage.session import Database

LIT_MS = 150
"""How long the chosen side is lit."""
READ_MS = 560
"""The chosen side is lit for 150 ms, and a key sooner than 350 ms after the next pair was painted is
not taken for an answer."""
MARKER = "zyxomorph"
"""A word that stands in every thought, and must not reach a page before it may."""


@dataclass(frozen=True, slots=True)
class World:
    """A campaign in the running app."""

    url: str
    database: Database
    id: int

    @property
    def page(self) -> str:
        return f"{self.url}/label?campaign={self.id}"

    def votes(self) -> list[Vote]:
        """The log's rows of this campaign, oldest first."""
        mine = select(CampaignItem.comparison_id).where(CampaignItem.campaign_id == self.id)
        with self.database.read() as session:
            rows = select(Vote).where(Vote.comparison_id.in_(mine))
            return list(session.scalars(rows.order_by(Vote.id)))

    def standing(self) -> list[Vote]:
        """The votes that nothing took back or replaced, by comparison as they were given."""
        log = self.votes()
        replaced = {vote.supersedes_id for vote in log}
        chosen = [vote for vote in log if vote.id not in replaced and vote.outcome != "withdrawn"]
        first = {vote.comparison_id: vote.id for vote in reversed(log)}
        return sorted(chosen, key=lambda vote: first[vote.comparison_id])

    def said(self) -> list[tuple[str, str]]:
        """Prompt and better response (or the outcome) of every row of the log."""
        mine = select(CampaignItem.comparison_id).where(CampaignItem.campaign_id == self.id)
        with self.database.read() as session:
            rows = session.scalars(
                select(Vote).where(Vote.comparison_id.in_(mine)).order_by(Vote.id)
            )
            return [
                (
                    vote.comparison.prompt.text,
                    {
                        "left": vote.comparison.left.response,
                        "right": vote.comparison.right.response,
                    }.get(vote.outcome, vote.outcome),
                )
                for vote in rows
            ]

    def states(self) -> list[str]:
        """What became of everything that was given to anybody."""
        with self.database.read() as session:
            rows = select(Assignment.state).where(Assignment.campaign_id == self.id)
            return [str(state) for state in session.scalars(rows.order_by(Assignment.id))]

    def notes(self) -> list[str]:
        """What is said of the pairs that are flagged."""
        with self.database.read() as session:
            rows = select(Assignment).where(Assignment.campaign_id == self.id, Assignment.flagged)
            return [one.note or "" for one in session.scalars(rows)]

    def n_flagged(self) -> int:
        with self.database.read() as session:
            rows = select(Assignment).where(Assignment.campaign_id == self.id, Assignment.flagged)
            return len(session.scalars(rows).all())


def answers(n: int) -> list[tuple[str, str, str]]:
    """Prompt and two responses, each unlike every other."""
    return [
        (f"What is {i} plus 1?", f"The sum is {i + 1}.", f"I would say that it is {i + 2}.")
        for i in range(1, n + 1)
    ]


def make_campaign(
    url: str,
    database: Database,
    name: str,
    pairs: Sequence[tuple[str, str, str]],
    *,
    n_practice: int = 0,
    **settings: Any,
) -> World:
    """Store the pairs as candidates and open a campaign of them; the first ones are practice."""
    round_ids = [_store(database, name, *pair) for pair in pairs]
    new = {"name": name, "source": {"kind": "none"}, "n_practice": n_practice, **settings}
    items = [
        {"left": left, "right": right} | (_PRACTICE if i < n_practice else {})
        for i, (left, right) in enumerate(round_ids)
    ]
    with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as admin:
        campaign = _answer(admin.post("/campaigns", json=new))["campaign_id"]
        _answer(admin.post(f"/campaigns/{campaign}/items", json={"items": items}))
        _answer(admin.post(f"/campaigns/{campaign}/state", json={"state": "open"}))
    return World(url, database, campaign)


def close_campaign(world: World) -> None:
    with httpx.Client(base_url=f"{world.url}/api/v1", timeout=30) as admin:
        _answer(admin.post(f"/campaigns/{world.id}/state", json={"state": "closed"}))


def close_all(url: str) -> None:
    """Close what other tests left open."""
    with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as admin:
        for campaign in _answer(admin.get("/campaigns")):
            if campaign["state"] == "open":
                _answer(admin.post(f"/campaigns/{campaign['id']}/state", json={"state": "closed"}))


def open_label(page: Page, world: World) -> None:
    """Load the page and wait until its first pair could be read."""
    page.goto(world.page)
    expect(page.locator(".label-side:visible")).to_have_count(2)
    page.wait_for_timeout(READ_MS)


def press(page: Page, *keys: str) -> None:
    """Keys as a person presses them: each after the pair could be read."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(READ_MS)


def prompt_of(page: Page) -> str:
    return page.locator(".label-turn .label-text").last.inner_text()


def response_of(page: Page, side: str) -> Locator:
    return page.locator(f".label-side[data-side={side}] .label-text")


def wait_until_stored(page: Page) -> None:
    """Until everything that was said has been acknowledged."""
    page.wait_for_function("() => !Object.keys(localStorage).some((k) => k.includes('.out.'))")
    expect(page.locator("[data-part=stored]")).to_have_text("all saved")


_PRACTICE = {"practice": True, "gold": "left", "explanation": "Only one of them is *right*."}


def _answer(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json()


def _store(database: Database, name: str, text: str, one: str, other: str) -> tuple[int, int]:
    with database.write() as session:
        prompt = prompts.ensure_prompt(session, text, source=name[:64], system=name)
        run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {})
        first, second = (
            rounds.add_round(session, run.id, _completion(place, said)).id
            for place, said in enumerate((one, other))
        )
        rounds.finish_run(session, run.id, RunState.DONE)
        return first, second


def _completion(place: int, response: str) -> NewRound:
    thought = f"{MARKER} number {place}"
    return NewRound(
        index=0, parent_id=None, candidate=place, thinking=True, thought=thought,
        response=response, raw=f"<T> {thought}<R> {response}", well_formed=True, sampling={},
        seed=0, n_thought_tokens=3, n_response_tokens=5, finish_reason="stop", logprob_sum=None,
    )  # fmt: skip
