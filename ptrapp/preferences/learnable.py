"""Decides what may be learnt from a comparison or a round: one rule for trainings and exports.

Each `why_not_…` returns the reason in words, as it is counted beside what was left out, or None::

                    whole completions are learnt          responses alone are learnt
    chosen          well-formed, with a response          well-formed, with a response
    rejected        anything that was not stopped         well-formed, with a response
    neither         of a held-out prompt, stopped while it was written, or the same words twice

People and judges compare responses. Where both are the same words, whoever says that one is better
says nothing that can be learnt, however the hidden thoughts differ: `is_preference` of
`db.labelling.preferences` counts by the same rule.

A rejected completion may be malformed (TPO, arXiv 2410.10630, section 2.1, rejects those): a vote
for an answer against none is a vote. Which part of a malformed completion is the response is
unknown, so responses are learnt from well-formed ones alone; a judge is shown no others either.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from db.models import POLICY, WEAK, Comparison, Outcome, Partition, Round, Vote
from ptrapp.core.types import FinishReason
from ptrapp.preferences.counting import Counted, Counting, count

SAME_WORDS = "the two responses are identical"


class Completions(StrEnum):
    """Which part of a completion is learnt or exported."""

    FULL = "full"
    """The whole completion with its thought, which preference optimisation learns."""
    RESPONSE = "response"
    """The part that was shown and judged."""


class LearnablePair(NamedTuple):
    """Two rounds of one prompt, and the votes by which the first one is better."""

    chosen: Round
    rejected: Round
    counted: Counted

    @property
    def are_siblings(self) -> bool:
        """Whether both answered the same messages, earlier rounds included."""
        return (
            self.chosen.parent_id == self.rejected.parent_id
            and self.chosen.thinking == self.rejected.thinking
        )


def learnable_pair(
    comparison: Comparison,
    votes: Sequence[Vote],
    counting: Counting,
    what: Completions,
    dropped: Counter[str],
) -> LearnablePair | None:
    """Returns the pair that the current votes on a comparison make, or counts why there is none.

    Where the votes are even neither side is rejected, so both have to be fit to be chosen.
    """
    left, right = comparison.left, comparison.right
    if reason := why_not_compared(left, right):
        dropped[reason] += 1
        return None
    counted = count(votes, counting, dropped)
    if counted is None:
        return None
    better, worse = (left, right) if counted.better is Outcome.LEFT else (right, left)
    reason = SAME_WORDS if left.says_the_same(right) else why_not_learnt(better, worse, what)
    if counted.is_even:
        reason = reason or why_not_learnt(worse, better, what)
    if reason:
        dropped[reason] += 1
        return None
    return LearnablePair(better, worse, counted)


def why_not_learnt(chosen: Round, rejected: Round, what: Completions) -> str | None:
    """Returns why it is not learnt that `chosen` is better than `rejected`."""
    return (
        why_not_compared(chosen, rejected)
        or why_not_chosen(chosen)
        or why_not_rejected(rejected, what)
        or _why_not_different(chosen, rejected)
    )


def why_not_compared(*rounds: Round) -> str | None:
    """Returns why nothing at all is learnt from a comparison of these rounds."""
    for round_ in rounds:
        if round_.prompt.partition is not Partition.TRAIN:
            return "prompt is held out for evaluation"
        if round_.finish_reason == FinishReason.CANCELLED:
            return "stopped while it was written"
    return None


def why_not_chosen(round_: Round) -> str | None:
    """Returns why a round that was not stopped is no example of a good completion."""
    if not round_.response.strip():
        return "empty response"
    return None if round_.well_formed else "malformed completion"


def why_not_rejected(round_: Round, what: Completions) -> str | None:
    """Returns why a round that was not stopped is no example of a worse completion."""
    return why_not_chosen(round_) if what is Completions.RESPONSE else None


def why_not_imitated(round_: Round) -> str | None:
    """Returns why a round is no target of imitation, which takes finished completions alone."""
    reason = why_not_compared(round_) or why_not_chosen(round_)
    if reason is None and round_.finish_reason != FinishReason.STOP:
        return "cut by the token limit"
    return reason


def why_not_refined(round_: Round, *, preferred: bool = False) -> str | None:
    """Returns why a later round is not taken for a refinement, however sound its text is.

    `preferred` says that it won against its parent or a sibling. Without that this is the rule of
    `db.content.trajectories.is_refined`, which finds such rounds among many.
    """
    n_attempts: int = round_.run.settings.get("n_attempts", 0)
    if round_.index < n_attempts or round_.author.startswith(WEAK):
        return "an attempt: read, not learnt"
    if not (preferred or round_.correct or round_.author != POLICY):
        return "neither correct nor preferred nor by a stronger model"
    return None


def _why_not_different(chosen: Round, rejected: Round) -> str | None:
    """Returns why two rounds teach no difference.

    A malformed completion is rejected for its form, which nobody was shown, whatever its words.
    """
    if rejected.well_formed and chosen.says_the_same(rejected):
        return SAME_WORDS
    return "the two completions are identical" if chosen.raw == rejected.raw else None
