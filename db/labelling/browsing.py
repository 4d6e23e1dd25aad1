"""Finds stored prompts, runs, pairs and votes by what they say, a page at a time."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.models import (
    Adapter,
    Comparison,
    DataChange,
    DataKind,
    Outcome,
    Prompt,
    PromptTag,
    Rater,
    Round,
    Run,
    Vote,
)

_CUT = 160
"""Characters of a text in a list."""
_MOST = 10_000
"""Found rows are counted up to here: people read no further, and the count stays quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFilter:
    """What is looked for; what is left out restricts nothing."""

    kind: DataKind = DataKind.PROMPT
    text: str = ""
    """In the prompt's text."""
    source: str = ""
    tag: str = ""
    """Of the prompt."""
    prompt_id: int | None = None
    rater: str = ""
    """Of votes: who gave them."""
    outcome: Outcome | None = None
    """Of votes."""
    deleted: bool = False
    """What was deleted by hand, instead of what is shown."""


class Found(NamedTuple):
    """A page of rows, the newest first, and how many there are in all."""

    rows: list[tuple[Any, ...]]
    """An id first, and then what `COLUMNS` says."""
    n: int
    more: bool
    """Whether there are more than were counted."""


COLUMNS = {
    DataKind.PROMPT: ("Prompt", "Reference answer", "Source", "Set", "Asked on"),
    DataKind.RUN: ("Prompt", "Kind", "Version", "State", "Rounds", "Made on"),
    DataKind.PAIR: ("Prompt", "One response", "The other", "About", "Votes", "Made on"),
    DataKind.VOTE: ("Prompt", "Who", "Says", "Strength", "As", "Given on"),
}


def find_rows(session: Session, wanted: DataFilter, *, start: int, n: int) -> Found:
    """Returns `n` rows from `start` on."""
    ids, joined = _ids(wanted)
    counted = joined.with_only_columns(ids).order_by(None).limit(_MOST + 1).subquery()
    n_found = session.scalar(select(func.count()).select_from(counted)) or 0
    page = joined.with_only_columns(ids).order_by(ids.desc()).offset(start).limit(n)
    some = list(session.scalars(page))
    rows = {row[0]: tuple(row) for row in session.execute(_SHOWN[wanted.kind](some))}
    return Found([rows[one] for one in some if one in rows], min(n_found, _MOST), n_found > _MOST)


def tags(session: Session) -> list[str]:
    """Returns the words that prompts are tagged with."""
    return list(session.scalars(select(PromptTag.tag).distinct().order_by(PromptTag.tag)))


def tags_of(session: Session, prompt_id: int) -> list[str]:
    own = select(PromptTag.tag).where(PromptTag.prompt_id == prompt_id)
    return list(session.scalars(own.order_by(PromptTag.tag)))


def sources(session: Session) -> list[str]:
    """Returns where the stored prompts come from, at most a hundred sources."""
    return list(
        session.scalars(select(Prompt.source).distinct().order_by(Prompt.source).limit(100))
    )


def changes(session: Session, kind: DataKind, row_id: int) -> list[DataChange]:
    """Returns what was changed of a row by hand, newest first."""
    own = (DataChange.about == kind, DataChange.row_id == row_id)
    return list(session.scalars(select(DataChange).where(*own).order_by(DataChange.id.desc())))


def _ids(wanted: DataFilter) -> tuple[Any, Select[Any]]:
    """Returns the column of ids and a query of the rows that are wanted."""
    of_prompt = _of_prompt(wanted)
    if wanted.kind is DataKind.PROMPT:
        which = [_shown_or_deleted(Prompt, wanted), *of_prompt]
        return Prompt.id, select(Prompt.id).where(*which)
    table: Any = {DataKind.RUN: Run, DataKind.PAIR: Comparison, DataKind.VOTE: Vote}[wanted.kind]
    rows = select(table.id)
    if table is not Vote:
        rows = rows.where(_shown_or_deleted(table, wanted))
        if of_prompt:
            rows = rows.join(Prompt, Prompt.id == table.prompt_id).where(*of_prompt)
        return table.id, rows
    rows = rows.where(Vote.outcome != Outcome.WITHDRAWN)
    rows = rows.where(Vote.is_superseded() if wanted.deleted else Vote.is_current())
    if wanted.outcome is not None:
        rows = rows.where(Vote.outcome == wanted.outcome)
    if wanted.rater:
        of_rater = select(Rater.id).where(Rater.name.icontains(wanted.rater, autoescape=True))
        rows = rows.where(Vote.rater_id.in_(of_rater))
    if of_prompt:
        # the prompts first: few of them have many votes, and none has none
        pairs = select(Comparison.id).join(Prompt, Prompt.id == Comparison.prompt_id)
        rows = rows.where(Vote.comparison_id.in_(pairs.where(*of_prompt)))
    return Vote.id, rows


def _shown_or_deleted(table: Any, wanted: DataFilter) -> ColumnElement[bool]:
    if wanted.deleted:
        return and_(table.hidden_at.is_not(None), table.is_imported_or_own())
    shown: ColumnElement[bool] = table.is_shown()
    return shown


def _of_prompt(wanted: DataFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.text:
        found.append(Prompt.text.icontains(wanted.text, autoescape=True))
    if wanted.source:
        found.append(Prompt.source == wanted.source)
    if wanted.prompt_id is not None:
        found.append(Prompt.id == wanted.prompt_id)
    if wanted.tag:
        tagged = exists().where(PromptTag.prompt_id == Prompt.id, PromptTag.tag == wanted.tag)
        found.append(tagged.correlate(Prompt))
    return found


def _cut(text: Any) -> ColumnElement[str]:
    cut: ColumnElement[str] = func.substr(text, 1, _CUT)
    return cut


def _prompts(ids: list[int]) -> Any:
    return select(
        Prompt.id, _cut(Prompt.text), _cut(Prompt.reference_answer), Prompt.source,
        Prompt.partition, Prompt.created_at,
    ).where(Prompt.id.in_(ids))  # fmt: skip


def _runs(ids: list[int]) -> Any:
    n_rounds = select(func.count(Round.id)).where(Round.run_id == Run.id).scalar_subquery()
    rows = select(
        Run.id, _cut(Prompt.text), Run.mode, Adapter.name, Run.state, n_rounds, Run.created_at
    )
    rows = rows.join(Prompt, Prompt.id == Run.prompt_id)
    return rows.outerjoin(Adapter, Adapter.id == Run.adapter_id).where(Run.id.in_(ids))


def _pairs(ids: list[int]) -> Any:
    left, right = aliased(Round), aliased(Round)
    given = (Vote.comparison_id == Comparison.id, Vote.is_current())
    n_votes = select(func.count(Vote.id)).where(*given).correlate(Comparison).scalar_subquery()
    rows = select(
        Comparison.id, _cut(Prompt.text), _cut(left.response), _cut(right.response),
        Comparison.aspect, n_votes, Comparison.created_at,
    ).join(Prompt, Prompt.id == Comparison.prompt_id)  # fmt: skip
    rows = rows.join(left, left.id == Comparison.left_round_id)
    return rows.join(right, right.id == Comparison.right_round_id).where(Comparison.id.in_(ids))


def _votes(ids: list[int]) -> Any:
    rows = select(
        Vote.id, _cut(Prompt.text), Rater.name, Vote.outcome, Vote.strength, Vote.purpose,
        Vote.created_at,
    ).join(Comparison, Comparison.id == Vote.comparison_id)  # fmt: skip
    rows = rows.join(Prompt, Prompt.id == Comparison.prompt_id)
    return rows.join(Rater, Rater.id == Vote.rater_id).where(Vote.id.in_(ids))


_SHOWN = {
    DataKind.PROMPT: _prompts,
    DataKind.RUN: _runs,
    DataKind.PAIR: _pairs,
    DataKind.VOTE: _votes,
}
