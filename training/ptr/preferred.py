"""Candidates that people preferred, as final answers: of each prompt the one that won most."""

from collections import Counter, defaultdict
from typing import NamedTuple

from db.labelling import preferences
from db.models import Outcome, RaterKind, Round, Vote
from db.storage.session import Session
from ptrapp.preferences.learnable import SAME_WORDS, why_not_compared, why_not_imitated


class Preferred(NamedTuple):
    """The winners in the order of their prompts, and prompts without one, by reason."""

    rounds: list[Round]
    dropped: Counter[str]


def preferred_candidates(session: Session, system: str | None = None) -> Preferred:
    """Reads people's current votes. A win counts 1, a defeat −1; the winner must be above 0.

    A prompt with another system message than `system` is left out: its answer was to that.
    """
    votes = preferences.current_votes(session, kinds=(RaterKind.HUMAN,))
    by_prompt: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_prompt[vote.comparison.prompt_id].append(vote)
    found, dropped = [], Counter[str]()
    for prompt_id in sorted(by_prompt):
        votes_on_prompt = by_prompt[prompt_id]
        learnable = [vote for vote in votes_on_prompt if _why_not_counted(vote) is None]
        winner = _winner(learnable)
        if not learnable:
            dropped[_why_not_counted(votes_on_prompt[0]) or ""] += 1
        elif winner is None:
            dropped["no candidate was preferred"] += 1
        elif reason := _why_unusable(winner, system):
            dropped[reason] += 1
        else:
            found.append(winner)
    return Preferred(found, dropped)


def load_round(session: Session, round_id: int) -> Round:
    """Returns the row of a round that was chosen before; rounds are never deleted."""
    return session.get_one(Round, round_id)


def _winner(votes: list[Vote]) -> Round | None:
    """Returns the round with most wins less defeats; of equals the older one."""
    wins: Counter[int] = Counter()
    known: dict[int, Round] = {}
    for vote in votes:
        left, right = vote.comparison.left, vote.comparison.right
        known |= {left.id: left, right.id: right}
        if vote.outcome in (Outcome.LEFT, Outcome.RIGHT):
            sign = 1 if vote.outcome is Outcome.LEFT else -1
            wins[left.id] += sign
            wins[right.id] -= sign
    best = max(sorted(known), key=wins.__getitem__, default=0)
    return known[best] if wins[best] > 0 else None


def _why_not_counted(vote: Vote) -> str | None:
    left, right = vote.comparison.left, vote.comparison.right
    return why_not_compared(left, right) or (SAME_WORDS if left.says_the_same(right) else None)


def _why_unusable(round_: Round, system: str | None) -> str | None:
    if round_.prompt.system != system:
        return (
            "has a system message of its own" if round_.prompt.system else "has no system message"
        )
    if round_.prompt.context:
        return "ends a conversation"
    return why_not_imitated(round_)
