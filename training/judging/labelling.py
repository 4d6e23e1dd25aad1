"""Has a judge label the comparisons of a campaign that it has not voted on, batch by batch."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from db.labelling import judging, votes
from db.labelling.judging import ToJudge
from db.models import Outcome
from db.registry import jobs
from db.storage.session import Session
from ptrapp.core.errors import JudgeError, TrainingError
from ptrapp.judges.base import Judge, ScoreBasedJudge, Verdict
from training.jobs.cancelling import cancellable_wait
from training.jobs.claim import Claim
from training.judging.pointwise_scores import PointwiseScores
from training.judging.verdicts import JudgedBatch, ask, kind_of, reason_of

MAX_FAILED_BATCHES = 3
"""After so many batches without one verdict a judge that compares is taken to be down. A judge that
gives scores is not: it leaves out what it cannot read, or has no answer for."""
VERDICTS_PER_TRANSACTION = 32
"""Verdicts stored in one transaction, which blocks other writers for some 50 ms."""


@dataclass(frozen=True, slots=True)
class CampaignJudging:
    """A judge and the campaign it labels."""

    campaign_id: int
    judge: Judge
    rater_id: int
    scores: PointwiseScores
    chunk: int


def label(claim: Claim, task: CampaignJudging) -> Counter[str]:
    """Asks for every missing verdict; returns why comparisons stay without one, by reason.

    Reasons that differ in numbers and quotations are counted under the first of them.

    A batch is asked for at once and stored when it is answered. Raises `StopRequested` within a
    moment of the signal, `TrainingError` for a judge that is down.
    """
    with claim.database.read() as session:
        pending = judging.unjudged(session, task.campaign_id, task.rater_id)
        n_all = judging.count_to_judge(session, task.campaign_id)
    unscored: Counter[str] = Counter()
    said: dict[str, str] = {}
    n_failed, began = 0, time.monotonic()
    with cancellable_wait(claim) as waiter:
        for start in range(0, len(pending), task.chunk):
            batch, known = _read(claim, task, pending[start : start + task.chunk])
            judged = waiter.run(partial(ask, task.judge, batch, known))
            n_done = start + len(batch)
            n_left = len(pending) - n_done
            eta_s = (time.monotonic() - began) / n_done * n_left
            _store(claim, task, batch, judged, step=n_all - n_left, n_steps=n_all, eta_s=eta_s)
            errors = [each for each in judged.verdicts if isinstance(each, JudgeError)]
            unscored.update(said.setdefault(kind_of(error), reason_of(error)) for error in errors)
            n_failed = n_failed + 1 if len(errors) == len(batch) else 0
            if n_failed == MAX_FAILED_BATCHES and not isinstance(task.judge, ScoreBasedJudge):
                raise TrainingError(_down(task, errors[-1]))
    return unscored


def vote_key(rater_id: int, comparison_id: int) -> str:
    """Returns the key of a judge's vote on a comparison; storing it twice adds no row."""
    return f"judge:{rater_id}:{comparison_id}"


def _read(
    claim: Claim, task: CampaignJudging, comparison_ids: Sequence[int]
) -> tuple[list[ToJudge], dict[int, float]]:
    """Returns what is to be compared, and the scores its rounds have already."""
    with claim.database.read() as session:
        batch = judging.read_pairs(session, comparison_ids)
        rounds = {side for each in batch for side in (each.left_id, each.right_id)}
        return batch, task.scores.of(session, rounds)


def _store(
    claim: Claim,
    task: CampaignJudging,
    batch: Sequence[ToJudge],
    judged: JudgedBatch,
    *,
    step: int,
    n_steps: int,
    eta_s: float,
) -> None:
    """Stores the verdicts of a batch in several transactions, so that people can vote in between.

    Raises `Conflict` when fenced.
    """
    decided = list(zip(batch, judged.verdicts, strict=True))
    for start in range(0, len(decided), VERDICTS_PER_TRANSACTION):
        with claim.database.write() as session:
            jobs.progress(
                session,
                claim.job_id,
                claim.token,
                phase="judging",
                step=step,
                n_steps=n_steps,
                eta_s=eta_s,
            )
            if start == 0:
                task.scores.save(session, judged.scores)
            for each, verdict in decided[start : start + VERDICTS_PER_TRANSACTION]:
                if isinstance(verdict, Verdict):
                    _vote(session, task.rater_id, each.comparison_id, verdict)


def _vote(session: Session, rater_id: int, comparison_id: int, verdict: Verdict) -> None:
    votes.judge_vote(
        session,
        rater_id,
        comparison_id,
        Outcome(verdict.outcome),
        verdict.rationale,
        vote_key(rater_id, comparison_id),
        agreed=verdict.agreed,
    )


def _down(task: CampaignJudging, last: JudgeError) -> str:
    return (
        f"The judge {task.judge.name} gave no verdict on {MAX_FAILED_BATCHES} batches one after "
        f"another. It last said: {last} What it did say is kept: resume the job when it answers "
        "again, or have another judge label the campaign."
    )
