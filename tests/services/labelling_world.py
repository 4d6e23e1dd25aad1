"""A campaign in a database, without routes: candidates as rows, and people to label them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from db.content import prompts, rounds
from db.content.rounds import NewRound
from db.labelling import assignments
from db.models import Assignment, Offer, Outcome, Rater, RunMode, RunState, Vote
from db.registry import adapters
from ptrapp.core.people import Person, Role
from ptrapp.core.types import Choice
from ptrapp.services.context import DataContext
from ptrapp.services.labelling import answering, campaigns, items
from ptrapp.services.labelling.campaigns import CampaignPlan
from ptrapp.services.labelling.candidates import Source, SourceKind
from ptrapp.services.labelling.items import Known
from ptrapp.services.labelling.pairs import LabelPair

EMPTY = Source(SourceKind.NONE)


@dataclass
class Work:
    """A campaign and what people do in it."""

    context: DataContext
    id: int = 0
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def pair(self, *, version: str = "", **texts: str) -> tuple[int, int]:
        """Two candidates of a prompt nobody asked before."""
        with self.context.database.write() as session:
            prompt = prompts.ensure_prompt(session, f"What is {uuid4().hex}?", source="test")
            found = adapters.by_name(session, version)
            adapter_id = found.id if found else None
            run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {}, adapter_id=adapter_id)
            responses = (
                texts.get("left", "Three."),
                texts.get("right", "Three plus four is seven."),
            )
            thoughts = (texts.get("left_thought"), texts.get("right_thought"))
            sides = [
                rounds.add_round(session, run.id, completion(candidate, text, thought)).id
                for candidate, (text, thought) in enumerate(zip(responses, thoughts, strict=True))
            ]
            rounds.finish_run(session, run.id, RunState.DONE)
            return sides[0], sides[1]

    def campaign(self, n: int = 1, *, known: Known | None = None, **settings: Any) -> "Work":
        """A campaign of `n` plain comparisons."""
        plan = CampaignPlan(uuid4().hex, source=EMPTY, **settings)
        made = Work(self.context, campaigns.create(self.context, plan))
        made.pairs = [self.pair() for _ in range(n)]
        plain = [Known(*pair) for pair in made.pairs]
        items.add_known(self.context, made.id, [*plain, known] if known else plain)
        return made

    def next(self, person: Person, n: int = 1, **more: Any) -> list[LabelPair]:
        given: dict[str, Any] = {"have": [], "tab": ""} | more
        return answering.next_pairs(self.context, person, self.id, n=n, **given).pairs

    def votes(self, person: Person) -> list[Vote]:
        with self.context.database.read() as session:
            rater = select(Rater.id).where(Rater.name == person.rater).scalar_subquery()
            rows = select(Vote).where(Vote.rater_id == rater).order_by(Vote.id)
            return list(session.scalars(rows))

    def assignment(self, key: str) -> Assignment:
        with self.context.database.write() as session:
            found = assignments.find(session, key)
            assert found is not None
            return found


def somebody(name: str = "Ada", role: Role = Role.ANNOTATOR) -> Person:
    return Person(name, role)


def completion(candidate: int, response: str, thought: str | None = None) -> NewRound:
    return NewRound(
        index=0, parent_id=None, candidate=candidate, thinking=True, thought=thought or f"thought {candidate}",
        response=response, raw=response, well_formed=True, sampling={}, seed=0, n_thought_tokens=1,
        n_response_tokens=1, finish_reason="stop", correct=candidate == 1,
    )  # fmt: skip


def said(work: Work, person: Person, outcome: Outcome, ms: int = 3000) -> None:
    """The person answers the next pair with the comparison's own left or right."""
    (pair,) = work.next(person)
    with work.context.database.read() as session:
        flipped = session.get_one(Offer, pair.key).flipped
    shown = outcome.mirrored() if flipped else outcome
    answering.vote(work.context, person, pair.key, Choice(shown.value), decided_ms=ms)
