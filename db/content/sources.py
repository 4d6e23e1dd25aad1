"""Counts prompts by their source, with the rounds, comparisons and votes that belong to them."""

from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.models import Campaign, Comparison, Prompt, Rater, Round, Run, Vote


class SourceCount(NamedTuple):
    """How many prompts, rounds, comparisons and votes come from one source."""

    source: str
    n_prompts: int
    n_rounds: int
    n_comparisons: int
    n_votes: int


def sources(session: Session) -> list[SourceCount]:
    """Returns the sources of the stored prompts, the one with most prompts first."""
    of_prompt = select(Prompt.source, func.count()).where(Prompt.is_shown()).group_by(Prompt.source)
    # rounds by run come from an index alone, and there are fewer runs to look up
    in_run = select(Round.run_id, func.count().label("n")).group_by(Round.run_id).subquery()
    of_round = select(Prompt.source, func.sum(in_run.c.n)).where(Prompt.is_shown())
    of_round = of_round.join(Run, Run.prompt_id == Prompt.id).group_by(Prompt.source)
    of_round = of_round.join(in_run, in_run.c.run_id == Run.id)
    of_round = of_round.where(Run.pin_id.is_(None), Run.is_shown())
    of_pair = of_prompt.join(Comparison, Comparison.prompt_id == Prompt.id)
    of_pair = of_pair.where(Comparison.is_shown())
    of_vote = of_pair.join(Vote, Vote.comparison_id == Comparison.id)
    of_vote = of_vote.where(Vote.is_imported_or_own())
    n_prompts, *others = (
        _counted(session, rows) for rows in (of_prompt, of_round, of_pair, of_vote)
    )
    found = [
        SourceCount(source, n, *(counts.get(source, 0) for counts in others))
        for source, n in n_prompts.items()
    ]
    return sorted(found, key=lambda row: (-row.n_prompts, row.source))


def votes_by_kind(session: Session) -> dict[str, int]:
    """Returns the number of rows in the vote log by kind of rater, without hidden ones."""
    of_kind = select(Rater.kind, func.count()).join(Vote, Vote.rater_id == Rater.id)
    counted = _counted(session, of_kind.where(Vote.is_shown()).group_by(Rater.kind))
    return {kind.value: n for kind, n in counted.items()}


def campaign_names(session: Session) -> list[str]:
    """Returns the names of all campaigns, newest first."""
    return list(session.scalars(select(Campaign.name).order_by(Campaign.id.desc())))


def _counted(session: Session, rows: Select[Any, int]) -> dict[Any, int]:
    return {row[0]: int(row[1]) for row in session.execute(rows)}
