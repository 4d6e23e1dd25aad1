"""Stores trajectories: a run for each question of the job, also for one that gave nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from db.content import prompts, rounds
from db.content.samples import runs_of_job
from db.models import Run, RunMode, RunState
from db.registry import jobs
from db.storage.session import Session
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.refinement.options import RefineOptions
from training.jobs.claim import Claim
from training.ptr.generators import Generators
from training.ptr.trajectories import Dropped, Outcome, Trajectory


def store(
    claim: Claim, generators: Generators, config: PtrDataConfig, outcomes: Sequence[Outcome]
) -> None:
    """Stores a chunk in one transaction, with the share of it that gave something (metric `kept`).

    Raises `Conflict` when the claim is lost.
    """
    with claim.database.write() as session:
        kept_share = sum(isinstance(outcome, Trajectory) for outcome in outcomes) / len(outcomes)
        step = outcomes[-1].index + 1
        jobs.record_metrics(session, claim.job_id, claim.token, step, {"kept": kept_share})
        for outcome in outcomes:
            _store_one(session, claim.job_id, generators, config, outcome)


def stored_indices(runs: Sequence[Run]) -> set[int]:
    """Returns the indices of the job's questions that are finished."""
    return {run.settings["query"] for run in runs}


def trajectories_of(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs of the questions that gave a trajectory, in order."""
    return [run for run in runs if run.state is RunState.DONE]


def dropped_of(runs: Sequence[Run]) -> Counter[str]:
    """Returns how many questions gave nothing, by reason."""
    return Counter(run.message or "" for run in runs if run.state is RunState.FAILED)


def runs_so_far(claim: Claim) -> list[Run]:
    """Returns the runs of this job, stored now or before it was interrupted."""
    with claim.database.read() as session:
        return runs_of_job(session, claim.job_id)


def _store_one(
    session: Session, job_id: int, generators: Generators, config: PtrDataConfig, outcome: Outcome
) -> None:
    query = outcome.query
    prompt = prompts.ensure_prompt(
        session,
        query.prompt,
        source=query.source,
        reference_answer=query.reference_answer,
        task=query.task,
        system=config.system,
        by=f"job {job_id}",
    )
    run = rounds.start_run(
        session,
        prompt.id,
        RunMode.JOB,
        _settings(config, config.options(generators.attempts.policy), outcome),
        adapter_id=generators.attempts.adapter_id,
        job_id=job_id,
    )
    if isinstance(outcome, Dropped):
        rounds.finish_run(session, run.id, RunState.FAILED, outcome.reason)
        return
    parent_id: int | None = None
    for row in outcome.rounds:
        parent_id = rounds.add_round(session, run.id, replace(row, parent_id=parent_id)).id
    rounds.finish_run(session, run.id, RunState.DONE)


def _settings(config: PtrDataConfig, options: RefineOptions, outcome: Outcome) -> dict[str, Any]:
    """Returns the settings of a run: what repeats it, and how training shows its rounds again."""
    n_attempts = outcome.n_attempts if isinstance(outcome, Trajectory) else None
    return {
        "query": outcome.index,
        "n": config.rounds,
        "n_attempts": n_attempts or config.n_attempts,
        **options.as_settings(),
        **options.history.as_settings(),
        "independent": config.independent,
        "consistency": outcome.consistency,
    }
