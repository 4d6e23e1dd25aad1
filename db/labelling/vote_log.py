"""Reads the whole vote log for an export, in pages of plain values.

They have the names of the models' attributes. Objects that the session keeps track of cost four
times as much, and a log is read from end to end.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, cast, select
from sqlalchemy.orm import Session, aliased

from db.models import (
    Adapter,
    Aspect,
    Comparison,
    Offer,
    Outcome,
    Partition,
    Prompt,
    Purpose,
    Rater,
    RaterKind,
    Round,
    Run,
    Vote,
)

_PARTS = 5_000
"""Ids in one query: SQLite takes 32,766 values."""


class LoggedRater(NamedTuple):
    name: str
    kind: RaterKind


class LoggedPrompt(NamedTuple):
    id: int
    text: str
    system: str | None
    context: list[dict[str, str]]
    reference_answer: str | None
    task: str | None
    source: str
    partition: Partition


class LoggedRun(NamedTuple):
    settings: dict[str, Any]


class LoggedAdapter(NamedTuple):
    name: str


@dataclass(slots=True)
class LoggedRound:
    """A round with all earlier ones."""

    id: int
    parent_id: int | None
    author: str
    thinking: bool
    thought: str
    response: str
    raw: str
    well_formed: bool
    sampling: dict[str, Any]
    n_thought_tokens: int
    n_response_tokens: int
    finish_reason: str
    correct: bool | None
    thought_end: str | None
    asked_again: bool
    run: LoggedRun
    adapter: LoggedAdapter | None
    earlier: tuple["LoggedRound", ...] = ()
    """Oldest first."""


class LoggedComparison(NamedTuple):
    id: int
    aspect: Aspect
    prompt: LoggedPrompt
    left: LoggedRound
    right: LoggedRound


class LoggedVote(NamedTuple):
    id: int
    key: str
    rater_id: int
    outcome: Outcome
    strength: int
    purpose: Purpose
    blind: bool
    rationale: str | None
    agreed: bool | None
    decided_ms: int | None
    client: str
    created_at: Any
    rater: LoggedRater
    comparison: LoggedComparison
    flipped: bool | None
    """True when the comparison's right was shown on the left; None where nothing was shown."""
    supersedes: str | None
    """Key of the vote that it replaced."""


_OWN = LoggedVote._fields[:12]
_PROMPT = tuple(getattr(Prompt, name) for name in LoggedPrompt._fields)
_PLAIN = tuple(each.name for each in fields(LoggedRound))[:-3]
"""In the order of the fields, so that a row is a round without a name being looked up."""
_SAMPLING = _PLAIN.index("sampling")
_ROUND = (
    select(
        # most settings are alike: a text that was parsed before is not parsed again
        *(
            cast(Round.sampling, Text) if name == "sampling" else getattr(Round, name)
            for name in _PLAIN
        ),
        cast(Run.settings, Text),
        Adapter.name,
    )
    .join(Run, Run.id == Round.run_id)
    .outerjoin(Adapter, Adapter.id == Round.adapter_id)
)


def read_log(
    session: Session, narrowed: Callable[[Select[Any]], Select[Any]], at_once: int
) -> Iterator[list[LoggedVote]]:
    """Yields votes in pages of at most `at_once`, oldest first; `narrowed` leaves out others."""
    replaced = aliased(Vote)
    page = (
        select(
            *(getattr(Vote, name) for name in _OWN),
            Rater.name,
            Rater.kind,
            Offer.flipped,
            replaced.key,
            Comparison.id,
            Comparison.aspect,
            Comparison.prompt_id,
            Comparison.left_round_id,
            Comparison.right_round_id,
        )
        .join(Rater, Rater.id == Vote.rater_id)
        .join(Comparison, Comparison.id == Vote.comparison_id)
        .outerjoin(Offer, Offer.key == Vote.offer_key)
        .outerjoin(replaced, replaced.id == Vote.supersedes_id)
        .order_by(Vote.id)
        .limit(at_once)
    )
    page = narrowed(page)
    last = 0
    while True:
        rows = [tuple(row) for row in session.execute(page.where(Vote.id > last))]
        yield list(_votes(session, rows))
        if len(rows) < at_once:
            return
        last = rows[-1][0]


def _votes(session: Session, rows: list[tuple[Any, ...]]) -> Iterator[LoggedVote]:
    prompts = _prompts(session, {row[-3] for row in rows})
    rounds = _rounds(session, {id_ for row in rows for id_ in row[-2:]})
    for row in rows:
        name, kind, flipped, replaced, pair, aspect, prompt, left, right = row[len(_OWN) :]
        comparison = LoggedComparison(pair, aspect, prompts[prompt], rounds[left], rounds[right])
        rater = LoggedRater(name, kind)
        own = row[: len(_OWN)]
        yield LoggedVote._make((*own, rater, comparison, flipped, replaced))


def _prompts(session: Session, ids: Collection[int]) -> dict[int, LoggedPrompt]:
    rows = session.execute(select(*_PROMPT).where(Prompt.id.in_(ids)))
    return {row[0]: LoggedPrompt(*row) for row in rows}


def _rounds(session: Session, ids: Collection[int]) -> dict[int, LoggedRound]:
    """Returns these rounds with all earlier ones, a query for each generation."""
    found: dict[int, LoggedRound] = {}
    missing = set(ids)
    while missing:
        for some in _parts(missing):
            for row in session.execute(_ROUND.where(Round.id.in_(some))):
                found[row[0]] = _round(tuple(row))
        parents = {one.parent_id for one in found.values() if one.parent_id is not None}
        missing = parents - found.keys()
    for one in found.values():
        one.earlier = tuple(_lineage(one, found))[::-1]
    return found


def _round(row: tuple[Any, ...]) -> LoggedRound:
    *values, settings, adapter = row
    values[_SAMPLING] = _parsed(values[_SAMPLING])
    values += (LoggedRun(_parsed(settings)), None if adapter is None else LoggedAdapter(adapter))
    return LoggedRound(*values)


def _lineage(one: LoggedRound, found: dict[int, LoggedRound]) -> Iterator[LoggedRound]:
    parent_id = one.parent_id
    while parent_id is not None:
        yield found[parent_id]
        parent_id = found[parent_id].parent_id


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    given = sorted(ids)
    for start in range(0, len(given), _PARTS):
        yield given[start : start + _PARTS]


@lru_cache(maxsize=4096)
def _parsed(text: str) -> dict[str, Any]:
    """Returns a JSON text's value, which nobody may change."""
    value: dict[str, Any] = json.loads(text)
    return value
