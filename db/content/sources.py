"""Counts prompts by their source, with the rounds, comparisons and votes that belong to them.

Rows are only ever added, so that a count may begin after a row: what was counted up to there stays,
until something is hidden or shown.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import Session

from db.content.trajectories import is_imitable, is_refined
from db.models import Campaign, Comparison, Prompt, Rater, RaterKind, Round, Run, Vote

Counted = Counter[tuple[str, RaterKind | None]]
"""Numbers of rows by source and kind of rater; the source of a hidden prompt is "", and the kind is
None of rows that are not votes."""
_SOURCE = case((Prompt.is_shown(), Prompt.source), else_="")


class SourceCounts(NamedTuple):
    """Numbers of the rows up to an id, and of those above it."""

    final: Counted
    later: Counted


class SourceCount(NamedTuple):
    """How many prompts, rounds, comparisons and votes come from one source."""

    source: str
    n_prompts: int
    n_rounds: int
    n_comparisons: int
    n_votes: int


class PromptCount(NamedTuple):
    """How many prompts of one source are shown, and how many are hidden."""

    n_shown: int
    n_hidden: int


def count_prompts(session: Session) -> dict[str, PromptCount]:
    """Returns the sources of all stored prompts."""
    n_shown = func.sum(case((Prompt.is_shown(), 1), else_=0))
    rows = select(Prompt.source, n_shown, func.count() - n_shown).group_by(Prompt.source)
    return {source: PromptCount(int(n), int(hidden)) for source, n, hidden in session.execute(rows)}


def count_rounds(session: Session, after: int, final: int) -> SourceCounts:
    """Counts the rounds above `after` of runs that are shown, without those of pinned prompts."""
    is_final = (Round.id <= final).label("is_final")
    # rounds by run come from an index alone, and there are fewer runs to look up
    in_run = select(Round.run_id, is_final, func.count().label("n"))
    if after:
        in_run = in_run.where(Round.id > after)
    n_of = in_run.group_by(Round.run_id, is_final).subquery()
    rows = select(_SOURCE, literal(None), n_of.c.is_final, func.sum(n_of.c.n))
    rows = rows.join(Run, Run.prompt_id == Prompt.id).join(n_of, n_of.c.run_id == Run.id)
    return _counts(session, rows.where(Run.pin_id.is_(None), Run.is_shown()))


def count_refined(session: Session, after: int, final: int) -> SourceCounts:
    """Counts the rounds above `after` that are worth imitating and fit for it."""
    rows = select(_SOURCE, literal(None), Round.id <= final, func.count()).select_from(Round)
    rows = rows.join(Round.prompt).join(Run, Run.id == Round.run_id)
    rows = rows.where(is_refined(), is_imitable())
    return _counts(session, rows.where(Round.id > after) if after else rows)


def count_comparisons(session: Session, after: int, final: int) -> SourceCounts:
    """Counts the comparisons above `after` that are shown."""
    rows = select(_SOURCE, literal(None), Comparison.id <= final, func.count())
    rows = rows.join(Comparison, Comparison.prompt_id == Prompt.id).where(Comparison.is_shown())
    return _counts(session, rows.where(Comparison.id > after) if after else rows)


def count_votes(session: Session, after: int, final: int) -> SourceCounts:
    """Counts the rows of the vote log above `after`, undone and repeated ones too."""
    rows = select(_SOURCE, Rater.kind, Vote.id <= final, func.count()).select_from(Vote)
    rows = rows.join(Rater, Rater.id == Vote.rater_id)
    rows = rows.join(Comparison, Comparison.id == Vote.comparison_id)
    rows = rows.join(Prompt, Prompt.id == Comparison.prompt_id)
    rows = rows.where(Vote.is_imported_or_own(), Comparison.is_shown())
    return _counts(session, rows.where(Vote.id > after) if after else rows)


def by_source(
    prompts: Mapping[str, PromptCount], rounds: Counted, comparisons: Counted, votes: Counted
) -> list[SourceCount]:
    """Returns the sources of shown prompts, the one with most prompts first."""
    others = []
    for counted in (rounds, comparisons, votes):
        others.append(sums := Counter[str]())
        for (source, _), n in counted.items():
            sums[source] += n
    found = [
        SourceCount(source, n.n_shown, *(sums[source] for sums in others))
        for source, n in prompts.items()
        if n.n_shown
    ]
    return sorted(found, key=lambda row: (-row.n_prompts, row.source))


def by_kind(votes: Counted) -> dict[str, int]:
    """Returns the number of votes by kind of rater."""
    sums = Counter[str]()
    for (_, kind), n in votes.items():
        if kind is not None:
            sums[kind.value] += n
    return dict(sorted(sums.items()))


def campaign_names(session: Session) -> list[str]:
    """Returns the names of all campaigns, newest first."""
    return list(session.scalars(select(Campaign.name).order_by(Campaign.id.desc())))


def _counts(session: Session, rows: Select[Any, Any, Any, Any]) -> SourceCounts:
    """Groups rows by source, kind and being final, and adds up their last column."""
    counts = SourceCounts(Counter(), Counter())
    which = list(rows.selected_columns)[:3]
    for source, kind, is_final, n in session.execute(rows.group_by(*which)):
        (counts.final if is_final else counts.later)[source, kind] = int(n)
    return counts
