"""Votes to preference pairs: the only place that knows what a comparison means.

Two rounds are a valid DPO pair only if both continue the same prompt. Siblings (one parent) do by
construction and keep their whole context. Rounds of different parents are compared on the bare
prompt: the rater saw two answers to one question, not two refinements of one attempt.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from db.labelling import preferences
from db.content import rounds
from db.models import Comparison, Outcome, Partition, Round, Vote
from db.storage.session import Session
from db.labelling.votes import highest_vote_id
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import FinishReason
from ptrapp.preferences.counting import Counted, Counting, count
from training.data.examples import Gathered, PairExample, in_filters, messages_of, target_of
from training.jobs.payload import Filters

MAJORITY = Counting()
"""What most raters said, ties left out."""


def gather_pairs(
    session: Session,
    fmt: ThoughtFormat,
    filters: Filters,
    *,
    after: int = 0,
    counting: Counting = MAJORITY,
) -> Gathered[PairExample]:
    """Read the current votes above `after` as pairs, oldest first."""
    dropped: Counter[str] = Counter()
    pairs: list[PairExample] = []
    votes = preferences.current_votes(session, after=after, kinds=filters.rater_kinds)
    for comparison, given in by_comparison(votes):
        if not wanted((comparison.left, comparison.right), filters, dropped):
            continue
        counted = count(given, counting, dropped)
        if counted is None:
            continue
        better, worse = sides_of(comparison, counted)
        if _learnable(better, worse, dropped):
            pairs.append(_pair(session, fmt, better, worse, counted))
    pairs.sort(key=lambda pair: pair.vote_ids[-1])
    if filters.max_examples is not None and len(pairs) > filters.max_examples:
        dropped["over the limit on examples"] = len(pairs) - filters.max_examples
        pairs = pairs[-filters.max_examples :]
    return Gathered(tuple(pairs), dropped, highest_vote_id(session))


def by_comparison(votes: Iterable[Vote]) -> Iterable[tuple[Comparison, list[Vote]]]:
    """Comparisons with the votes that stand on them, oldest vote first."""
    standing = (vote for vote in votes if vote.outcome is not Outcome.WITHDRAWN)
    ordered = sorted(standing, key=lambda vote: (vote.comparison_id, vote.id))
    for _, group in groupby(ordered, key=lambda vote: vote.comparison_id):
        given = list(group)
        yield given[0].comparison, given


def sides_of(comparison: Comparison, counted: Counted) -> tuple[Round, Round]:
    """The better round, then the other."""
    sides = comparison.left, comparison.right
    return sides if counted.better is Outcome.LEFT else sides[::-1]


def wanted(shown: Sequence[Round], filters: Filters, dropped: Counter[str]) -> bool:
    """Whether these rounds of one prompt may be learnt from; why not is counted."""
    if shown[0].prompt.partition is not Partition.TRAIN:
        dropped["prompt is held out for evaluation"] += 1
        return False
    if not all(in_filters(round_, filters) for round_ in shown):
        dropped["of a run that was not asked for"] += 1
        return False
    return True


def _learnable(chosen: Round, rejected: Round, dropped: Counter[str]) -> bool:
    reason = None
    if FinishReason.CANCELLED in (chosen.finish_reason, rejected.finish_reason):
        reason = "stopped while it was written"
    elif not chosen.response.strip() or not rejected.response.strip():
        reason = "empty response"
    elif not chosen.well_formed:
        reason = "the better completion is malformed"
    elif (chosen.thinking, chosen.raw) == (rejected.thinking, rejected.raw):
        reason = "the two completions are identical"
    if reason:
        dropped[reason] += 1
    return reason is None


def _pair(
    session: Session, fmt: ThoughtFormat, chosen: Round, rejected: Round, counted: Counted
) -> PairExample:
    """Put two rounds on common messages.

    When one of them thought and the other answered directly there is no common prompt that both
    were written for. The pair then stands on the bare prompt in the mode of the chosen one, and the
    rejected is put into that mode: its response alone, or its response after an empty thought.
    """
    siblings = chosen.parent_id == rejected.parent_id and chosen.thinking == rejected.thinking
    history = rounds.lineage(session, chosen) if siblings else ()
    return PairExample(
        messages=messages_of(fmt, chosen, history),
        thinking=chosen.thinking,
        chosen=target_of(fmt, chosen, chosen.thinking),
        rejected=target_of(fmt, rejected, chosen.thinking),
        vote_ids=counted.vote_ids,
        outcomes=counted.outcomes,
        strength=counted.strength,
    )
