"""Reads what jobs sampled for themselves: the prompts they used, their runs, votes on them."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from db.models import (
    Comparison,
    Job,
    JobKind,
    Partition,
    Prompt,
    Rater,
    RaterKind,
    Round,
    Run,
    Vote,
)


def sampled_by(session: Session, kind: JobKind) -> set[int]:
    """Returns the ids of the prompts that any job of this kind has ever sampled."""
    chosen = select(Run.prompt_id).join(Job, Job.id == Run.job_id).where(Job.kind == kind)
    return set(session.scalars(chosen.distinct()))


def train_prompts(session: Session) -> list[Prompt]:
    """Returns the stored prompts that may be learnt from, oldest first."""
    learnable = select(Prompt).where(Prompt.partition == Partition.TRAIN, Prompt.is_shown())
    return list(session.scalars(learnable.order_by(Prompt.id)))


def prompts_by_id(session: Session, prompt_ids: Collection[int]) -> dict[int, Prompt]:
    """Returns these prompts by their ids."""
    named = select(Prompt).where(Prompt.id.in_(prompt_ids))
    return {prompt.id: prompt for prompt in session.scalars(named)}


def runs_of_job(session: Session, job_id: int) -> list[Run]:
    """Returns a job's runs in the order it chose them, with prompt and rounds loaded."""
    own = select(Run).where(Run.job_id == job_id).order_by(Run.id)
    return list(session.scalars(own.options(selectinload(Run.rounds).joinedload(Round.prompt))))


def votes_on_job(session: Session, job_id: int, kind: RaterKind) -> list[Vote]:
    """Returns the current votes on comparisons of two of a job's own rounds, oldest first."""
    left, right, left_run, right_run = aliased(Round), aliased(Round), aliased(Run), aliased(Run)
    of_job = (
        select(Vote)
        .join(Comparison, Comparison.id == Vote.comparison_id)
        .join(left, left.id == Comparison.left_round_id)
        .join(left_run, left_run.id == left.run_id)
        .join(right, right.id == Comparison.right_round_id)
        .join(right_run, right_run.id == right.run_id)
        .join(Rater, Rater.id == Vote.rater_id)
        .where(
            left_run.job_id == job_id,
            right_run.job_id == job_id,
            Rater.kind == kind,
            Vote.is_current(),
        )
        .order_by(Vote.id)
        .options(joinedload(Vote.comparison), joinedload(Vote.rater))
    )
    return list(session.scalars(of_job))
