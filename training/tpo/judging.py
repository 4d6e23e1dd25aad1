"""Scores every well-formed candidate: the judge reads **responses** only, and is asked once.

Scores are stored in `scores`, verdicts in `votes`, under the judge's own name as a rater. A
candidate that the judge could not score takes no part; a resumed job asks for those alone.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from db.content import samples, scores
from db.labelling import comparisons, raters, votes
from db.models import Outcome, RaterKind, Round, Run, Vote
from db.registry import jobs
from db.storage.session import Session
from ptrapp.core.dialogue import conversation_text
from ptrapp.core.errors import EngineError, JudgeError, TrainingError
from ptrapp.core.types import Choice
from ptrapp.judges.base import Judge, PointwiseJudge, Verdict, rater_name
from ptrapp.preferences.scoring import (
    Compared,
    ComparisonTally,
    Preferred,
    Scores,
    score_candidates,
)
from ptrapp.recipes.tpo import TpoConfig
from training.jobs.cancelling import cancellable_wait
from training.jobs.claim import Claim
from training.tpo.cached_judgements import CachedScores, CachedVerdicts

MAX_UNSCORED_SHARE = 0.5
"""Share of candidates without a score beyond which the judge is taken to be down."""


@dataclass(slots=True)
class Judged:
    """The judge's scores of a job's samples."""

    judge: str
    values: dict[int, float] = field(default_factory=dict)
    """Scores by round id, comparable within a prompt: the judge's own where it gives scores, but
    Bradley–Terry scores where it compares or people voted."""
    pointwise: dict[int, float] = field(default_factory=dict)
    """Scores that the judge itself gave, by round id."""
    tally: ComparisonTally = field(default_factory=ComparisonTally)
    n_unscored: int = 0


def judge_samples(claim: Claim, config: TpoConfig, judge: Judge, runs: Sequence[Run]) -> Judged:
    """Scores every prompt's well-formed candidates; each prompt is stored in one transaction.

    Raises `StopRequested`, and `TrainingError` once more than half of all are unscored.
    """
    judged = Judged(judge.name)
    asked = [(run, [each for each in run.rounds if each.well_formed]) for run in runs]
    asked = [(run, candidates) for run, candidates in asked if candidates]
    n_all = sum(len(candidates) for _, candidates in asked)
    with claim.database.write() as session:
        rater_id = raters.ensure_rater(session, RaterKind.JUDGE, rater_name(judge.name)).id
    with claim.database.read() as session:
        ids = [each.id for _, candidates in asked for each in candidates]
        judged.pointwise = scores.of_rounds(session, rater_id, ids)
        own = samples.votes_on_job(session, claim.job_id, RaterKind.JUDGE)
        of_people = samples.votes_on_job(session, claim.job_id, RaterKind.HUMAN)
    judge_votes = _by_prompt([vote for vote in own if vote.rater_id == rater_id])
    human_votes = _by_prompt(of_people if config.human_weight else ())
    began = time.monotonic()
    with cancellable_wait(claim) as waiter:
        for n_done, (run, candidates) in enumerate(asked, start=1):
            found = waiter.run(
                partial(
                    _scored,
                    judge,
                    config,
                    run,
                    candidates,
                    {c.id: judged.pointwise[c.id] for c in candidates if c.id in judged.pointwise},
                    judge_votes.get(run.prompt_id, ()),
                    human_votes.get(run.prompt_id, ()),
                )
            )
            with claim.database.write() as session:
                jobs.progress(
                    session,
                    claim.job_id,
                    claim.token,
                    phase="judging",
                    step=n_done,
                    n_steps=len(asked),
                    eta_s=(time.monotonic() - began) / n_done * (len(asked) - n_done),
                )
                scores.record(session, rater_id, found.pointwise)
                _store(session, claim.job_id, rater_id, candidates, found.scores.verdicts)
            judged.pointwise |= found.pointwise
            judged.tally += found.scores.tally
            for candidate, value in zip(candidates, found.scores.values, strict=True):
                if value is not None:
                    judged.values[candidate.id] = value
                else:
                    judged.n_unscored += 1
            if judged.n_unscored > MAX_UNSCORED_SHARE * n_all:
                raise TrainingError(_down(judge, judged.n_unscored, n_all, found.scores))
    return judged


@dataclass(frozen=True, slots=True)
class _PromptScores:
    scores: Scores
    pointwise: dict[int, float]
    """New scores that the judge itself gave, by round id."""


def _scored(
    judge: Judge,
    config: TpoConfig,
    run: Run,
    candidates: Sequence[Round],
    known: dict[int, float],
    judge_votes: Sequence[Vote],
    human_votes: Sequence[Vote],
) -> _PromptScores:
    """Asks for what is not known yet; the only function that calls the judge, with no database."""
    question = conversation_text(run.prompt.text, run.prompt.context)
    reference = run.prompt.reference_answer
    responses = [candidate.response for candidate in candidates]
    extra = _decided(candidates, human_votes, config.human_weight)
    try:
        if not isinstance(judge, PointwiseJudge):
            cached = CachedVerdicts(judge, _verdicts(candidates, judge_votes))
            found = score_candidates(
                cached, question, reference, responses, pairwise=config.pairwise, extra=extra
            )
            return _PromptScores(found, {})
        missing = [candidate for candidate in candidates if candidate.id not in known]
        new, errors = _new_scores(judge, question, reference, missing)
        by_response = {c.response: (known | new)[c.id] for c in candidates if c.id in known | new}
        found = score_candidates(
            CachedScores(judge.name, by_response), question, reference, responses, extra=extra
        )
        return _PromptScores(Scores(found.values, errors=errors), new)
    except (JudgeError, EngineError) as error:
        failed = error if isinstance(error, JudgeError) else JudgeError(str(error))
        return _PromptScores(Scores((None,) * len(candidates), errors=(failed,)), {})


def _new_scores(
    judge: PointwiseJudge, question: str, reference: str | None, missing: Sequence[Round]
) -> tuple[dict[int, float], tuple[JudgeError, ...]]:
    if not missing:
        return {}, ()
    asked = score_candidates(judge, question, reference, [each.response for each in missing])
    given = zip(missing, asked.values, strict=True)
    return {each.id: value for each, value in given if value is not None}, asked.errors


def _store(
    session: Session,
    job_id: int,
    rater_id: int,
    candidates: Sequence[Round],
    verdicts: Sequence[Compared],
) -> None:
    """Stores each verdict on two different responses as the judge's vote, once."""
    for each in verdicts:
        left, right = candidates[each.left], candidates[each.right]
        if isinstance(each.verdict, JudgeError) or left.response == right.response:
            continue
        comparison = comparisons.ensure_comparison(session, left.id, right.id)
        outcome = Outcome(each.verdict.outcome)
        if comparison.left_round_id != left.id:
            outcome = outcome.mirrored()
        votes.judge_vote(
            session,
            rater_id,
            comparison.id,
            outcome,
            each.verdict.rationale,
            f"job-{job_id}-{rater_id}-{comparison.id}",
            agreed=each.verdict.agreed,
        )


def _verdicts(
    candidates: Sequence[Round], judge_votes: Sequence[Vote]
) -> dict[tuple[str, str], Verdict]:
    """Returns the judge's stored verdicts by the two responses."""
    responses = {candidate.id: candidate.response for candidate in candidates}
    return {
        (
            responses[vote.comparison.left_round_id],
            responses[vote.comparison.right_round_id],
        ): Verdict(Choice(vote.outcome), vote.rationale or "", vote.agreed)
        for vote in judge_votes
    }


def _decided(
    candidates: Sequence[Round], human_votes: Sequence[Vote], weight: float
) -> tuple[Preferred, ...]:
    """Returns people's votes on these candidates, by the candidates' indices."""
    index_of = {candidate.id: index for index, candidate in enumerate(candidates)}
    return tuple(
        Preferred(index_of[left], index_of[right], Choice(vote.outcome), weight)
        for vote in human_votes
        if (left := vote.comparison.left_round_id) in index_of
        and (right := vote.comparison.right_round_id) in index_of
    )


def _by_prompt(votes: Sequence[Vote]) -> dict[int, list[Vote]]:
    found: dict[int, list[Vote]] = {}
    for vote in votes:
        found.setdefault(vote.comparison.prompt_id, []).append(vote)
    return found


def _down(judge: Judge, n_unscored: int, n_all: int, last: Scores) -> str:
    reason = f" It last said: {last.errors[-1]}" if last.errors else ""
    return (
        f"The judge {judge.name} left {n_unscored} of {n_all} candidates unscored, more than half."
        f"{reason} What it did say is kept: resume the job when it answers again, or give it "
        "another judge."
    )
