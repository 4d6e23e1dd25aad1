"""Counts what a job started now would learn from, and refuses one that would find nothing."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from db.content import trajectories
from db.labelling import preferences
from db.models import JobKind, Outcome
from db.registry import adapters
from ptrapp.core.errors import InputError
from ptrapp.services.context import DataContext


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a job started now would train on."""

    parent: str
    n_pairs: int
    n_ties: int
    n_both_bad: int
    share_chosen_longer: float | None
    n_refined: int
    """Stored later rounds that are correct or by a stronger model."""


@dataclass(frozen=True, slots=True)
class VoteCount:
    """What the votes so far count towards."""

    version: str
    """The version that answers, which has not learnt them."""
    n_new: int
    """Votes for one side that it has not learnt; ties and both bad are not among them."""
    train_every: int
    """As many queue a training by themselves; 0 is never."""
    n_enough: int
    """A version trained on fewer does not serve by itself."""


def count_votes(context: DataContext) -> VoteCount:
    """Counts the votes that the version that answers has not learnt."""
    with context.database.read() as session:
        active = adapters.active(session)
        return VoteCount(
            version=active.name if active else "base",
            n_new=preferences.count_preferences(
                session, adapters.votes_learnt_up_to(session, active)
            ),
            train_every=context.settings.train_every,
            n_enough=context.settings.gate_min_examples,
        )


def read_outlook(context: DataContext) -> Outlook:
    """Counts what a job started now would train on."""
    with context.database.read() as session:
        active = adapters.active(session)
        learnt = adapters.votes_learnt_up_to(session, active)
        votes = preferences.current_votes(session, after=learnt)
        outcomes = Counter(vote.outcome for vote in votes)
        longer = []
        for vote in votes:
            if vote.outcome in (Outcome.LEFT, Outcome.RIGHT):
                sides = (vote.comparison.left.response, vote.comparison.right.response)
                chosen, rejected = sides if vote.outcome is Outcome.LEFT else sides[::-1]
                longer.append(len(chosen) > len(rejected))
        return Outlook(
            parent=active.name if active else "base",
            n_pairs=outcomes[Outcome.LEFT] + outcomes[Outcome.RIGHT],
            n_ties=outcomes[Outcome.TIE],
            n_both_bad=outcomes[Outcome.BOTH_BAD],
            share_chosen_longer=sum(longer) / len(longer) if longer else None,
            n_refined=trajectories.count_refined(session),
        )


def check_worthwhile(now: Outlook, kind: JobKind, recipe: dict[str, Any]) -> None:
    """Raises `InputError` where a job would find nothing to learn from."""
    ties_may_suffice = bool(now.n_ties and "form" in recipe)  # the recipe knows which forms
    if kind is JobKind.DPO and not now.n_pairs and not ties_may_suffice:
        raise InputError(
            f"There is no new preference: {now.parent} was trained on all of them. "
            "Compare two answers on the Play page first; ties count only in forms that use them."
        )
    if kind is JobKind.MASK_SFT and not now.n_refined:
        raise InputError(
            "No correct refined round is stored. Ask a question with a reference "
            "answer on the Play page, in refine mode, or make refinement data first."
        )
