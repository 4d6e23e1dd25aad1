"""What people preferred, as final answers: of each prompt the candidate that won most."""

from collections import Counter, defaultdict
from typing import NamedTuple

from db.labelling import preferences
from db.models import Outcome, Partition, RaterKind, Round, Vote
from db.storage.session import Session
from ptrapp.core.types import FinishReason


class Preferred(NamedTuple):
    """The winners in the order of their prompts, and prompts without one, by reason."""

    rounds: list[Round]
    dropped: Counter[str]


def preferred_candidates(session: Session) -> Preferred:
    """Read people's current votes. A win counts 1, a defeat −1; the winner must be above 0."""
    votes = preferences.current_votes(session, kinds=(RaterKind.HUMAN,))
    by_prompt: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_prompt[vote.comparison.prompt_id].append(vote)
    found, dropped = [], Counter[str]()
    for prompt_id in sorted(by_prompt):
        winner = _winner(by_prompt[prompt_id])
        if winner is None:
            dropped["no candidate was preferred"] += 1
        elif reason := _unusable(winner):
            dropped[reason] += 1
        else:
            found.append(winner)
    return Preferred(found, dropped)


def load_round(session: Session, round_id: int) -> Round:
    """The row of a round that was chosen before; rounds are never deleted."""
    return session.get_one(Round, round_id)


def _winner(votes: list[Vote]) -> Round | None:
    """The round with most wins less defeats; of equals the older one."""
    standing: Counter[int] = Counter()
    known: dict[int, Round] = {}
    for vote in votes:
        left, right = vote.comparison.left, vote.comparison.right
        known |= {left.id: left, right.id: right}
        if vote.outcome in (Outcome.LEFT, Outcome.RIGHT):
            sign = 1 if vote.outcome is Outcome.LEFT else -1
            standing[left.id] += sign
            standing[right.id] -= sign
    best = max(sorted(known), key=standing.__getitem__)
    return known[best] if standing[best] > 0 else None


def _unusable(round_: Round) -> str | None:
    if round_.prompt.partition is not Partition.TRAIN:
        return "held out for evaluation"
    if round_.prompt.system is not None:
        return "has a system message of its own"
    if round_.prompt.context:
        return "ends a conversation"
    if not round_.well_formed or round_.finish_reason != FinishReason.STOP:
        return "the preferred candidate is malformed or unfinished"
    return None
