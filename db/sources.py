"""Where the stored prompts came from, and how much hangs on them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db.models import Campaign, Comparison, Prompt, Rater, Round, Vote

Joined = Callable[[Select[Any]], Select[Any]]


class SourceCount(NamedTuple):
    """How many prompts came from one place, and what hangs on them."""

    source: str
    n_prompts: int
    n_rounds: int
    n_comparisons: int
    n_votes: int


def sources(session: Session) -> list[SourceCount]:
    """Where the stored prompts came from, most of them first."""

    def per_source(table: type[Any], joined: Joined) -> dict[str, int]:
        counted = select(Prompt.source, func.count(table.id))
        rows = session.execute(joined(counted).group_by(Prompt.source))
        return dict(rows.tuples().all())

    n_prompts = per_source(Prompt, lambda rows: rows)
    n_rounds = per_source(Round, lambda rows: rows.join(Round, Round.prompt_id == Prompt.id))
    n_pairs = per_source(
        Comparison, lambda rows: rows.join(Comparison, Comparison.prompt_id == Prompt.id)
    )
    n_votes = per_source(
        Vote,
        lambda rows: rows.join(Comparison, Comparison.prompt_id == Prompt.id).join(
            Vote, Vote.comparison_id == Comparison.id
        ),
    )
    found = [
        SourceCount(
            source, n, n_rounds.get(source, 0), n_pairs.get(source, 0), n_votes.get(source, 0)
        )
        for source, n in n_prompts.items()
    ]
    return sorted(found, key=lambda row: (-row.n_prompts, row.source))


def votes_by_kind(session: Session) -> dict[str, int]:
    """Rows of the vote log by kind of rater."""
    counted = select(Rater.kind, func.count(Vote.id)).join(Vote, Vote.rater_id == Rater.id)
    rows = session.execute(counted.group_by(Rater.kind))
    return {kind.value: n for kind, n in rows.tuples()}


def campaign_names(session: Session) -> list[str]:
    """Of all campaigns, the newest first."""
    return list(session.scalars(select(Campaign.name).order_by(Campaign.id.desc())))
