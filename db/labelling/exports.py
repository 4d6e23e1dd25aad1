"""Reads votes, pairs and refinements for an export, in order and in pages, as of one moment.

The moment is the id of a row: the log is append-only, so its earlier state can be read at any time.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import Session, aliased, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from db.content.trajectories import is_refined
from db.labelling.adjudications import decides
from db.labelling.preferences import judged_by_job
from db.labelling.vote_log import LoggedVote, read_log
from db.models import (
    Aspect,
    CampaignItem,
    Comparison,
    Offer,
    Rater,
    RaterKind,
    Round,
    Run,
    Vote,
)

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class VoteFilter:
    """Which votes are read."""

    up_to: int
    """Id of the newest vote that is read."""
    campaign_id: int | None = None
    kinds: frozenset[RaterKind] | None = None
    """Of raters; None for all."""
    aspect: Aspect = Aspect.RESPONSE
    last_pair: int | None = None
    """Id of the last comparison that is read; None for all. A sample reads the first ones."""


AnyVote = TypeVar("AnyVote", Vote, LoggedVote)


class ShownVote(NamedTuple, Generic[AnyVote]):
    """A vote, and how its pair was shown on the screen."""

    vote: AnyVote
    flipped: bool | None
    """True when the comparison's right was shown on the left; None where nothing was shown."""
    supersedes: str | None
    """Key of the vote that it replaced; None in an export that does not hold that vote."""


class JudgedRow(NamedTuple):
    """A comparison and its current votes, oldest first."""

    comparison: Comparison
    votes: list[ShownVote[Vote]]


def all_votes(session: Session, wanted: VoteFilter) -> Iterator[list[ShownVote[LoggedVote]]]:
    """Yields the log in pages, oldest first: undone, repeated and practice votes too.

    What is hidden with its pair or its import is left out.
    """
    for page in read_log(session, lambda rows: _filtered(rows, wanted), _AT_ONCE):
        yield [ShownVote(one, one.flipped, one.supersedes) for one in page]


def judged_pairs(session: Session, wanted: VoteFilter) -> Iterator[list[JudgedRow]]:
    """Yields pages of comparisons with their current votes, the one voted on last at the end.

    Without a campaign, judges' votes on jobs' own samples are left out, as in a training.
    """
    is_current = _is_current(wanted)
    last_vote = func.max(Vote.id)
    ordered = _filtered(select(Vote.comparison_id), wanted).where(is_current)
    ids = session.scalars(ordered.group_by(Vote.comparison_id).order_by(last_vote)).all()
    for some in _parts(ids):
        rows = _filtered(select(Vote), wanted).where(is_current, Vote.comparison_id.in_(some))
        ordered_votes = rows.order_by(Vote.comparison_id, Vote.id).options(*_vote_loads())
        shown = _shown(session, session.scalars(ordered_votes).all())
        groups = groupby(shown, key=lambda one: one.vote.comparison_id)
        votes = {comparison_id: list(group) for comparison_id, group in groups}
        yield [
            JudgedRow(votes[comparison_id][0].vote.comparison, votes[comparison_id])
            for comparison_id in some
        ]
        session.expunge_all()


def refined_rounds(session: Session, up_to: int) -> Iterator[Sequence[Round]]:
    """Yields pages of rounds worth imitating, fit for it or not, oldest first, up to a round id."""
    worth = (
        select(Round)
        .join(Round.prompt)
        .join(Run, Run.id == Round.run_id)
        .where(is_refined(), Round.id <= up_to)
        .order_by(Round.id)
    )
    last = 0
    while rounds := session.scalars(
        worth.where(Round.id > last).limit(_AT_ONCE).options(*_round_loads())
    ).all():
        yield rounds
        last = rounds[-1].id
        session.expunge_all()


def count_votes(session: Session, wanted: VoteFilter) -> int:
    """Returns how many votes `all_votes` yields."""
    return session.scalar(_filtered(select(func.count(Vote.id)), wanted)) or 0


def sampled(session: Session, wanted: VoteFilter, n: int) -> VoteFilter:
    """Returns a filter of the first `n` comparisons with such votes: reading them is quick."""
    pairs = _filtered(select(Vote.comparison_id), wanted).distinct()
    some = session.scalars(pairs.order_by(Vote.comparison_id).limit(n)).all()
    return replace(wanted, last_pair=some[-1] if some else 0)


def count_pairs(session: Session, wanted: VoteFilter) -> int:
    """Returns how many comparisons `judged_pairs` yields."""
    judged = _filtered(select(Vote.id), wanted).where(_is_current(wanted))
    one = judged.where(Vote.comparison_id == Comparison.id).correlate(Comparison).exists()
    return session.scalar(select(func.count(Comparison.id)).where(one)) or 0


def count_refined(session: Session, up_to: int) -> int:
    """Returns how many rounds `refined_rounds` yields."""
    worth = select(func.count(Round.id)).join(Round.prompt).join(Run, Run.id == Round.run_id)
    return session.scalar(worth.where(is_refined(), Round.id <= up_to)) or 0


def rounds_by_id(session: Session, round_ids: Collection[int]) -> dict[int, Round]:
    """Returns these rounds by id, with prompt, run and all earlier rounds."""
    wanted = select(Round).where(Round.id.in_(round_ids)).options(*_round_loads())
    return {round_.id: round_ for round_ in session.scalars(wanted)}


def count_copies(session: Session, round_ids: Collection[int]) -> dict[int, int]:
    """Returns how many earlier rounds equal each of these in every way; 0 is left out."""
    earlier = aliased(Round)
    alike = (
        earlier.prompt_id == Round.prompt_id,
        earlier.id < Round.id,
        earlier.parent_id.is_not_distinct_from(Round.parent_id),
        earlier.adapter_id.is_not_distinct_from(Round.adapter_id),
        *(
            getattr(earlier, name) == getattr(Round, name)
            for name in ("raw", "response", "thought", "thinking", "author")
        ),
    )
    found: dict[int, int] = {}
    for some in _parts(list(round_ids)):
        counted = select(Round.id, func.count(earlier.id)).join(earlier, onclause=and_(*alike))
        rows = session.execute(counted.where(Round.id.in_(some)).group_by(Round.id))
        found.update(dict(rows.tuples().all()))
    return found


def highest_round_id(session: Session) -> int:
    return session.scalar(select(func.max(Round.id))) or 0


def _filtered(rows: Select[Any], wanted: VoteFilter) -> Select[Any]:
    rows = rows.where(Vote.id <= wanted.up_to, Vote.is_shown())
    if wanted.last_pair is not None:
        rows = rows.where(Vote.comparison_id <= wanted.last_pair)
    if wanted.kinds is not None:
        of_kind = exists().where(Rater.id == Vote.rater_id, Rater.kind.in_(wanted.kinds))
        rows = rows.where(of_kind.correlate(Vote))
    if wanted.campaign_id is not None:
        within = exists().where(
            CampaignItem.comparison_id == Vote.comparison_id,
            CampaignItem.campaign_id == wanted.campaign_id,
        )
        rows = rows.where(within.correlate(Vote))
    return rows


def _is_current(wanted: VoteFilter) -> ColumnElement[bool]:
    of_aspect = exists().where(
        Comparison.id == Vote.comparison_id, Comparison.aspect == wanted.aspect
    )
    is_current = Vote.is_current(wanted.up_to) & decides(wanted.up_to) & of_aspect.correlate(Vote)
    return is_current if wanted.campaign_id is not None else is_current & ~judged_by_job()


def _shown(session: Session, votes: Sequence[Vote]) -> list[ShownVote[Vote]]:
    keys = [vote.offer_key for vote in votes if vote.offer_key is not None]
    offered = session.execute(select(Offer.key, Offer.flipped).where(Offer.key.in_(keys)))
    flipped = dict(offered.tuples().all())
    return [ShownVote(vote, flipped.get(vote.offer_key or ""), None) for vote in votes]


def _parts(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _vote_loads() -> list[ORMOption]:
    comparison = selectinload(Vote.comparison)
    loads: list[ORMOption] = [
        selectinload(Vote.rater),
        comparison.selectinload(Comparison.prompt),
    ]
    for side in (Comparison.left, Comparison.right):
        loads += _round_loads(comparison.selectinload(side))
    return loads


def _round_loads(to: Any = None) -> list[ORMOption]:
    load = selectinload if to is None else to.selectinload
    return [
        load(Round.run),
        load(Round.prompt),
        load(Round.adapter),
        load(Round.parent, recursion_depth=-1),
    ]
