"""Turns votes into preference pairs: what may be learnt is decided in `preferences.learnable`.

Two rounds are a valid DPO pair only if both continue the same prompt. Siblings (one parent) do by
construction and keep their whole context. Rounds of different parents are compared on the bare
prompt: the rater saw two answers to one question, not two refinements of one attempt.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby

from db.content import rounds
from db.labelling import preferences
from db.labelling.votes import highest_vote_id
from db.models import Comparison, Vote
from db.storage.session import Session
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.preferences.counting import MAJORITY, Counting
from ptrapp.preferences.learnable import Completions, LearnablePair, learnable_pair
from training.data.examples import E, Gathered, PairExample, in_filters, messages_of, target_of
from training.jobs.payload import Filters


def gather_pairs(
    session: Session,
    fmt: ThoughtFormat,
    filters: Filters,
    *,
    after: int = 0,
    counting: Counting = MAJORITY,
) -> Gathered[PairExample]:
    """Reads the current votes above `after` as pairs of completions, oldest first."""
    example = partial(_example, session, fmt)
    return gather(session, filters, Completions.FULL, counting, example, after=after)


def gather(
    session: Session,
    filters: Filters,
    what: Completions,
    counting: Counting,
    example: Callable[[LearnablePair], E],
    *,
    after: int = 0,
) -> Gathered[E]:
    """Reads the current votes above `after` as examples of what they teach, oldest first."""
    dropped: Counter[str] = Counter()
    pairs: list[LearnablePair] = []
    votes = preferences.current_votes(session, after=after, kinds=filters.rater_kinds)
    for comparison, given in by_comparison(votes):
        if not all(in_filters(side, filters) for side in (comparison.left, comparison.right)):
            dropped["of a run that was not asked for"] += 1
        elif pair := learnable_pair(comparison, given, counting, what, dropped):
            pairs.append(pair)
    pairs.sort(key=lambda pair: pair.counted.vote_ids[-1])
    if filters.max_examples is not None and len(pairs) > filters.max_examples:
        dropped["over the limit on examples"] = len(pairs) - filters.max_examples
        pairs = pairs[-filters.max_examples :]
    return Gathered(tuple(example(pair) for pair in pairs), dropped, highest_vote_id(session))


def by_comparison(votes: Iterable[Vote]) -> Iterable[tuple[Comparison, list[Vote]]]:
    """Yields comparisons with their current votes, oldest vote first."""
    ordered = sorted(votes, key=lambda vote: (vote.comparison_id, vote.id))
    for _, group in groupby(ordered, key=lambda vote: vote.comparison_id):
        given = list(group)
        yield given[0].comparison, given


def _example(session: Session, fmt: ThoughtFormat, pair: LearnablePair) -> PairExample:
    """Puts two rounds on common messages.

    When one of them thought and the other answered directly there is no common prompt that both
    were generated from. The pair then has the bare prompt in the mode of the chosen one, and the
    rejected is put into that mode: its response alone, or its response after an empty thought.
    """
    chosen, rejected, counted = pair
    history = rounds.lineage(session, chosen) if pair.are_siblings else ()
    return PairExample(
        messages=messages_of(fmt, chosen, history),
        thinking=chosen.thinking,
        chosen=target_of(fmt, chosen, chosen.thinking),
        rejected=target_of(fmt, rejected, chosen.thinking),
        vote_ids=counted.vote_ids,
        outcomes=counted.outcomes,
        strength=counted.strength,
        n_context=len(chosen.prompt.context),
    )
