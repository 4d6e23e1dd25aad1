"""Reads prompts and scored rounds for an export, in order and in pages, up to an id."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from db.models import Prompt, PromptTag, Rater, RaterKind, Round, Run, Score

_AT_ONCE = 500


class ScoredRound(NamedTuple):
    """A round and what one rater made of it."""

    round: Round
    rater: Rater
    value: float


def prompts(session: Session, up_to: int) -> Iterator[Sequence[Prompt]]:
    """Yields pages of prompts, held-out ones too, oldest first; hidden ones are left out."""
    shown = select(Prompt).where(Prompt.is_shown(), Prompt.id <= up_to).order_by(Prompt.id)
    last = 0
    while page := session.scalars(shown.where(Prompt.id > last).limit(_AT_ONCE)).all():
        yield page
        last = page[-1].id
        session.expunge_all()


def tags_of(session: Session, prompt_ids: Collection[int]) -> dict[int, list[str]]:
    """Returns the tags of these prompts in alphabetical order; prompts without one are missing."""
    rows = select(PromptTag.prompt_id, PromptTag.tag).where(PromptTag.prompt_id.in_(prompt_ids))
    found: dict[int, list[str]] = {}
    for prompt_id, tag in session.execute(rows.order_by(PromptTag.tag)):
        found.setdefault(prompt_id, []).append(tag)
    return found


def scores(
    session: Session, up_to: int, kinds: Collection[RaterKind] | None
) -> Iterator[Sequence[ScoredRound]]:
    """Yields pages of scores up to a round id, by round and rater, of raters of these kinds.

    Scores of hidden prompts and runs are left out.
    """
    ids = _scored(select(Score.round_id), up_to, kinds).distinct().order_by(Score.round_id)
    last = 0
    while some := session.scalars(ids.where(Score.round_id > last).limit(_AT_ONCE)).all():
        loads = (selectinload(Round.run), selectinload(Round.prompt), selectinload(Round.adapter))
        rows = _scored(select(Round, Rater, Score.value), up_to, kinds).options(*loads)
        ordered = rows.where(Score.round_id.in_(some)).order_by(Score.round_id, Score.rater_id)
        yield [ScoredRound(*row) for row in session.execute(ordered)]
        last = some[-1]
        session.expunge_all()


def count_prompts(session: Session, up_to: int) -> int:
    """Returns how many prompts `prompts` yields."""
    shown = select(func.count(Prompt.id)).where(Prompt.is_shown(), Prompt.id <= up_to)
    return session.scalar(shown) or 0


def count_scores(session: Session, up_to: int, kinds: Collection[RaterKind] | None) -> int:
    """Returns how many scores `scores` yields."""
    return session.scalar(_scored(select(func.count(Score.round_id)), up_to, kinds)) or 0


def highest_prompt_id(session: Session) -> int:
    return session.scalar(select(func.max(Prompt.id))) or 0


def _scored(rows: Select[*tuple[Any, ...]], up_to: int, kinds: Collection[RaterKind] | None) -> Any:
    rows = (
        rows.join_from(Score, Round, Round.id == Score.round_id)
        .join(Rater, Rater.id == Score.rater_id)
        .join(Prompt, Prompt.id == Round.prompt_id)
        .join(Run, Run.id == Round.run_id)
        .where(
            Score.is_imported_or_own(), Prompt.is_shown(), Run.is_shown(), Score.round_id <= up_to
        )
    )
    return rows if kinds is None else rows.where(Rater.kind.in_(kinds))
