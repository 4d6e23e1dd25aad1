"""Counts what a job started now would learn from, and refuses one that would find nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from db.content import trajectories
from db.labelling import preferences
from db.labelling.weighed_votes import SAYS
from db.models import JobKind, Outcome
from db.registry import adapters
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.services.context import AppContext, DataContext

MIN_FOR_REWARD_MODEL = 20
"""Preferences that a reward-model job needs; its recipe refuses fewer."""
_DECIDED = (Outcome.LEFT, Outcome.RIGHT)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a job started now would train on."""

    parent: str
    n_votes: int
    """Votes for one side."""
    n_pairs: int
    """Pairs whose votes have a side that more are for than for anything else: what is learnt."""
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


def count_votes(context: AppContext) -> VoteCount:
    """Counts the votes that the version that answers has not learnt."""
    with context.database.read() as session:
        active = adapters.active(session)
        learnt = adapters.votes_learnt_up_to(session, active)
        says, _ = _told(_new_rows(context, session, learnt))
        return VoteCount(
            version=active.name if active else "base",
            n_new=sum(says[SAYS[side]] for side in _DECIDED),
            train_every=context.settings.train_every,
            n_enough=context.settings.gate_min_examples,
        )


def read_outlook(context: AppContext) -> Outlook:
    """Counts what a job started now would train on."""
    with context.database.read() as session:
        active = adapters.active(session)
        learnt = adapters.votes_learnt_up_to(session, active)
        new = _new_rows(context, session, learnt)
        says, n_longer = _told(new)
        n_votes = sum(says[SAYS[side]] for side in _DECIDED)
        return Outlook(
            parent=active.name if active else "base",
            n_votes=n_votes,
            n_pairs=_settled(new),
            n_ties=says[SAYS[Outcome.TIE]],
            n_both_bad=says[SAYS[Outcome.BOTH_BAD]],
            share_chosen_longer=n_longer / n_votes if n_votes else None,
            n_refined=context.refined.current(session),
        )


def count_all_votes(context: AppContext) -> int:
    """Counts the votes for one side, those that a version has learnt among them."""
    with context.database.read() as session:
        says, _ = _told(_new_rows(context, session, 0))
        return sum(says[SAYS[side]] for side in _DECIDED)


def check_worthwhile(context: DataContext, kind: JobKind, recipe: dict[str, Any]) -> None:
    """Raises `InputError` where a job would find nothing to learn from, or too little; it counts
    no further than that."""
    ties_may_suffice = "form" in recipe  # the recipe knows which forms
    outcomes = (*_DECIDED, Outcome.TIE) if ties_may_suffice else _DECIDED
    with context.database.read() as session:
        active = adapters.active(session)
        learnt = adapters.votes_learnt_up_to(session, active)
        if kind is JobKind.DPO and not preferences.has_outcome(session, outcomes, learnt):
            why = f"{active.name if active else 'base'} was trained on all of them"
            raise InputError(
                f"There is no new preference: {why if learnt else 'nobody preferred an answer yet'}"
                ". Compare two answers on the Play page first; ties count only in forms that use "
                "them."
            )
        if kind is JobKind.MASK_SFT and not trajectories.has_refined(session):
            raise InputError(
                "No correct refined round is stored. Ask a question with a reference "
                "answer on the Play page, in refine mode, or make refinement data first."
            )
        if kind is JobKind.REWARD_MODEL and not ties_may_suffice:
            n = preferences.count_preferences(session, up_to=MIN_FOR_REWARD_MODEL)
            if n < MIN_FOR_REWARD_MODEL:
                raise InputError(
                    f"A reward model needs {MIN_FOR_REWARD_MODEL} preferences at least, and there "
                    f"{'is' if n == 1 else 'are'} {n}. Collect more votes."
                )


def _new_rows(context: AppContext, session: Session, learnt: int) -> np.ndarray:
    """Returns the votes after `learnt` (V, 4): see `read_weighed`."""
    rows = context.weighed.current(session)
    return rows[rows[:, 0] > learnt]


def _told(votes: np.ndarray) -> tuple[list[int], int]:
    """Returns how many votes say what, by `SAYS`, and how many chose the longer response."""
    return np.bincount(votes[:, 2], minlength=len(SAYS)).tolist(), int(votes[:, 3].sum())


def _settled(votes: np.ndarray) -> int:
    """Counts the pairs of which the most votes are for one side, as a training takes them."""
    different, which = np.unique(votes[:, 1], return_inverse=True)  # (P,), (V,)
    if not len(different):
        return 0
    tally = np.bincount(which * len(SAYS) + votes[:, 2], minlength=len(different) * len(SAYS))
    by_pair = tally.reshape(len(different), len(SAYS))  # (P, 4)
    alone = (by_pair == by_pair.max(axis=1, keepdims=True)).sum(axis=1) == 1  # (P,)
    sided = np.isin(by_pair.argmax(axis=1), [SAYS[side] for side in _DECIDED])
    return int((alone & sided).sum())
