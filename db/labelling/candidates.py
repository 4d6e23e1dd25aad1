"""Finds pairs of stored rounds that are worth comparing, by their origin."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, aliased

from db.content.pins import is_by_a_pin
from db.models import (
    IMPORTED,
    Aspect,
    Comparison,
    Import,
    Prompt,
    Rater,
    Round,
    Run,
    Score,
    words_of,
)

MAX_CONSIDERED = 500_000
"""Limit on the pairs from which some are drawn; the newest are used."""

T = TypeVar("T")


_left, _right = aliased(Round), aliased(Round)


class Pair(NamedTuple):
    """Two rounds of one prompt, in either order."""

    left: int
    right: int


def siblings(session: Session, aspect: Aspect) -> list[Pair]:
    """Returns pairs of candidates of one run with the same context: valid DPO pairs."""
    same = (
        _left.run_id == _right.run_id,
        _left.index == _right.index,
        _left.parent_id.is_not_distinct_from(_right.parent_id),
        _left.id < _right.id,
    )
    return _pairs(session, aspect, *same)


def adjacent(session: Session, aspect: Aspect) -> list[Pair]:
    """Returns pairs of a round and the one that refined it."""
    return _pairs(session, aspect, _right.parent_id == _left.id)


def between_versions(
    session: Session, aspect: Aspect, one: int | None, other: int | None
) -> list[Pair]:
    """Returns pairs of rounds of two versions (None is the base), of one prompt and index."""
    same = (
        _left.prompt_id == _right.prompt_id,
        _left.index == _right.index,
        _left.author == "policy",
        _right.author == "policy",
        _left.adapter_id.is_not_distinct_from(one),
        _right.adapter_id.is_not_distinct_from(other),
    )
    return _pairs(session, aspect, *same)


def any_two(session: Session, aspect: Aspect) -> list[Pair]:
    """Returns all pairs of rounds of one prompt."""
    return _pairs(session, aspect, _left.prompt_id == _right.prompt_id, _left.id < _right.id)


def imported(session: Session, aspect: Aspect, source: str) -> list[Pair]:
    """Returns the pairs that an import brought, and those on the prompts of this source.

    Of answers that were imported as attempts and what they became, each is paired with the one
    that it refines. A prompt that was there before keeps the source that it had. Pairs of the same
    words are left out: nothing can be learnt of them.
    """
    of_import = select(Import.id).where(Import.name == source.removeprefix(IMPORTED))
    brought = or_(Prompt.source == source, Comparison.import_id.in_(of_import))
    rows = (
        select(Comparison.left_round_id, Comparison.right_round_id)
        .join(Prompt, Prompt.id == Comparison.prompt_id)
        .join(_left, _left.id == Comparison.left_round_id)
        .join(_right, _right.id == Comparison.right_round_id)
        .where(brought, Comparison.aspect == aspect, Comparison.is_shown(), _differ(aspect))
        .order_by(Comparison.id.desc())
        .limit(MAX_CONSIDERED)
    )
    compared = [Pair(*row) for row in session.execute(rows)]
    runs = select(Run.id).where(Run.import_id.in_(of_import))
    refined = _pairs(session, aspect, _right.parent_id == _left.id, _left.run_id.in_(runs))
    known = {frozenset(pair) for pair in compared}
    return (compared + [pair for pair in refined if frozenset(pair) not in known])[:MAX_CONSIDERED]


def best_and_worst(session: Session, aspect: Aspect, judge: str) -> list[Pair]:
    """Returns, for each run, the candidate that this judge scored highest against its lowest.

    A judge that is asked twice may score the same words differently: such a pair is left out.
    """
    scored = (
        select(Round.run_id, Round.index, Round.id, Score.value)
        .join(Score, Score.round_id == Round.id)
        .join(Rater, Rater.id == Score.rater_id)
        .where(Rater.name == judge, Score.is_imported_or_own(), *_showable(Round, aspect))
        .order_by(Round.run_id.desc(), Round.index, Score.value, Round.id)
        .limit(MAX_CONSIDERED)
    )
    found = []
    for _, group in groupby(session.execute(scored).tuples(), key=lambda row: row[:2]):
        rising = [(value, round_id) for *_, round_id, value in group]
        (lowest, worst), (highest, best) = rising[0], rising[-1]
        if lowest < highest:
            found.append(Pair(best, worst))
    same = of_the_same_words(session, found, aspect)
    return [pair for pair in found if pair not in same]


def of_the_same_words(session: Session, pairs: Sequence[Pair], aspect: Aspect) -> set[Pair]:
    """Returns those pairs of one prompt whose compared texts are the same words: nothing can be
    learnt of them, so that no campaign is given one."""
    found: set[Pair] = set()
    for some in _in_chunks(pairs):
        # by each side alone: an index is not used for a list of pairs
        of_some = (
            _left.id.in_({pair.left for pair in some}),
            _right.id.in_({pair.right for pair in some}),
        )
        on_prompt = (_left.prompt_id == _right.prompt_id) & (_left.id != _right.id)
        rows = select(_left.id, _right.id).join_from(_left, _right, on_prompt)
        same = session.execute(rows.where(*of_some, ~_differ(aspect)))
        found |= {Pair(*row) for row in same} & set(some)
    return found


def scores_of(session: Session, judge: str, round_ids: Sequence[int]) -> dict[int, float]:
    """Returns a judge's scores of these rounds, by round id; rounds without one are missing."""
    found: dict[int, float] = {}
    for some in _in_chunks(round_ids):
        rows = (
            select(Score.round_id, Score.value)
            .join(Rater, Rater.id == Score.rater_id)
            .where(Rater.name == judge, Score.round_id.in_(some))
        )
        found |= dict(session.execute(rows).tuples().all())
    return found


def scoring_judges(session: Session) -> list[str]:
    """Returns the names of the judges that have scored rounds."""
    names = select(Rater.name).where(Rater.id.in_(select(Score.rater_id).distinct()))
    return list(session.scalars(names.order_by(Rater.name)))


def import_sources(session: Session) -> list[str]:
    """Returns the sources of imported prompts and pairs."""
    imported_here = (Prompt.source.startswith(IMPORTED), Prompt.is_shown())
    sources = set(session.scalars(select(Prompt.source).where(*imported_here).distinct()))
    has_pairs = exists().where(Comparison.import_id == Import.id, Comparison.is_shown())
    names = session.scalars(select(Import.name).where(has_pairs))
    return sorted(sources | {f"{IMPORTED}{name}" for name in names})


def _pairs(session: Session, aspect: Aspect, *same: ColumnElement[bool]) -> list[Pair]:
    """Returns pairs that meet `same`, whose compared texts differ and are not empty."""
    pairs = (
        select(_left.id, _right.id)
        .join_from(_left, _right, _left.prompt_id == _right.prompt_id)
        .where(
            *same,
            _differ(aspect),
            *_showable(_left, aspect),
            *_showable(_right, aspect),
        )
        .order_by(_left.id.desc(), _right.id.desc())
        .limit(MAX_CONSIDERED)
    )
    return [Pair(*row) for row in session.execute(pairs)]


def _differ(aspect: Aspect) -> ColumnElement[bool]:
    """Returns the condition for two rounds whose compared texts are not the same words."""
    shown = "thought" if aspect is Aspect.THOUGHT else "response"
    return words_of(getattr(_left, shown)) != words_of(getattr(_right, shown))


def _showable(side: Any, aspect: Aspect) -> tuple[ColumnElement[bool], ...]:
    written = (side.response != "", side.finish_reason != "cancelled")
    of_shown = exists().where(Run.id == side.run_id, Run.is_shown()).correlate(side)
    wanted = (*written, ~is_by_a_pin(side.run_id), of_shown)
    return (*wanted, side.thought != "") if aspect is Aspect.THOUGHT else wanted


def _in_chunks(ids: Sequence[T], size: int = 500) -> Iterable[Sequence[T]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
