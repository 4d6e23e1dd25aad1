"""A judge goes through the comparisons of a campaign that it has not voted on, batch by batch."""

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
from ptrapp.judges.base import ByNumbers, Judge, Verdict
from training.jobs.cancelling import cancellable_wait
from training.jobs.claim import Claim
from training.judging.numbers import Numbers
from training.judging.verdicts import Said, ask, reason_of

SILENT_BATCHES = 3
"""After so many batches without one verdict a judge that compares is taken to be down. One that
gives numbers is not: it says nothing of what it cannot read, or has no answer for."""
STORED_TOGETHER = 32
"""Verdicts of one transaction; nobody else writes for some 50 ms."""


@dataclass(frozen=True, slots=True)
class CampaignJudging:
    """A judge's turn in one campaign."""

    campaign_id: int
    judge: Judge
    rater_id: int
    numbers: Numbers
    chunk: int


def label(claim: Claim, turn: CampaignJudging) -> Counter[str]:
    """Ask for every verdict that is missing and store it at once; why some are missing still.

    A batch is asked for at once and stored when it is answered. Raises `StopRequested` within a
    moment of the signal, `TrainingError` for a judge that is down.
    """
    with claim.database.read() as session:
        pending = judging.unjudged(session, turn.campaign_id, turn.rater_id)
        n_all = judging.count_to_judge(session, turn.campaign_id)
    unscored: Counter[str] = Counter()
    n_silent, began = 0, time.monotonic()
    with cancellable_wait(claim) as patient:
        for start in range(0, len(pending), turn.chunk):
            batch, known = _read(claim, turn, pending[start : start + turn.chunk])
            said = patient.await_(partial(ask, turn.judge, batch, known))
            n_done = start + len(batch)
            n_left = len(pending) - n_done
            eta_s = (time.monotonic() - began) / n_done * n_left
            _store(claim, turn, batch, said, step=n_all - n_left, n_steps=n_all, eta_s=eta_s)
            errors = [each for each in said.verdicts if isinstance(each, JudgeError)]
            unscored.update(reason_of(error) for error in errors)
            n_silent = n_silent + 1 if len(errors) == len(batch) else 0
            if n_silent == SILENT_BATCHES and not isinstance(turn.judge, ByNumbers):
                raise TrainingError(_down(turn, errors[-1]))
    return unscored


def key_of(rater_id: int, comparison_id: int) -> str:
    """A judge has one verdict on a comparison: stored again it is the same row."""
    return f"judge:{rater_id}:{comparison_id}"


def _read(
    claim: Claim, turn: CampaignJudging, comparison_ids: Sequence[int]
) -> tuple[list[ToJudge], dict[int, float]]:
    """What is to be compared, and the numbers its rounds have already."""
    with claim.database.read() as session:
        batch = judging.read_pairs(session, comparison_ids)
        rounds = {side for each in batch for side in (each.left_id, each.right_id)}
        return batch, turn.numbers.of(session, rounds)


def _store(
    claim: Claim,
    turn: CampaignJudging,
    batch: Sequence[ToJudge],
    said: Said,
    *,
    step: int,
    n_steps: int,
    eta_s: float,
) -> None:
    """Store what was said, some of it in each transaction: people vote in between.

    Raises `Conflict` when fenced.
    """
    decided = list(zip(batch, said.verdicts, strict=True))
    for start in range(0, len(decided), STORED_TOGETHER):
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
                turn.numbers.keep(session, said.numbers)
            for each, verdict in decided[start : start + STORED_TOGETHER]:
                if isinstance(verdict, Verdict):
                    _vote(session, turn.rater_id, each.comparison_id, verdict)


def _vote(session: Session, rater_id: int, comparison_id: int, verdict: Verdict) -> None:
    votes.judge_vote(
        session,
        rater_id,
        comparison_id,
        Outcome(verdict.outcome),
        verdict.rationale,
        key_of(rater_id, comparison_id),
        agreed=verdict.agreed,
    )


def _down(turn: CampaignJudging, last: JudgeError) -> str:
    return (
        f"The judge {turn.judge.name} gave no verdict on {SILENT_BATCHES} batches one after "
        f"another. It last said: {last} What it did say is kept: resume the job when it answers "
        "again, or have another judge label the campaign."
    )
