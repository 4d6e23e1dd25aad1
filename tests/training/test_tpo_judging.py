"""How samples are scored: stored under the judge's name, asked once, people's votes beside it."""

from collections.abc import Sequence
from typing import Any

import pytest
from tpo_world import TpoJobs, malformed, right, tpo_jobs, wrong
from training_world import vote

from db.content import samples
from db.labelling import preferences
from db.models import JobKind, Outcome, Rater, RaterKind, Run, Score, Vote
from ptrapp.core.errors import JudgeError, TrainingError
from ptrapp.core.types import Choice
from ptrapp.engines.base import Request
from ptrapp.judges.base import Verdict
from ptrapp.judges.verifier import Verifier
from ptrapp.recipes.reading import read
from ptrapp.recipes.tpo import TpoConfig
from training.generation.serving import serving
from training.jobs.claim import Claim
from training.tpo.judging import Judged, judge_samples
from training.tpo.prompts import choose
from training.tpo.sampling import sample

__all__ = ["tpo_jobs"]


class Longest:
    """Compares by length, in both orders, and records what it was shown."""

    name = "longest"

    def __init__(self, *, fails: int = 0) -> None:
        self.shown: list[tuple[str, str]] = []
        self._fails = fails

    def compare(self, question: str, reference: str | None, left: str, right: str) -> Verdict:
        self.shown.append((left, right))
        if len(self.shown) <= self._fails:
            raise JudgeError("It is down.")
        better = Choice.LEFT if len(left) > len(right) else Choice.RIGHT
        return Verdict(better, "Longer is better.", agreed=True)


class Brevity:
    """Scores by minus the length; fails at its first calls."""

    name = "brevity"

    def __init__(self, *, fails: int = 0) -> None:
        self.shown: list[str] = []
        self._fails = fails

    def score(self, question: str, reference: str | None, responses: Sequence[str]) -> list[float]:
        self._fails -= 1
        if self._fails >= 0:
            raise JudgeError("It is down.")
        self.shown += responses
        return [-float(len(response)) for response in responses]

    def compare(self, *_: Any) -> Verdict:
        raise AssertionError("it is asked for numbers")


def four_lengths(request: Request) -> str:
    n_words = request.sampling.seed % 4 + 1
    return f"<T> secret thought<R>{' word' * n_words}"


def sampled(tpo_jobs: TpoJobs, **settings: Any) -> tuple[Claim, TpoConfig, list[Run]]:
    """Returns a job whose samples wait for the judge."""
    claim = tpo_jobs.claim(n_prompts=2, n_selection=0, **settings)
    config = read(TpoConfig, claim.payload.settings, "settings")
    runs = choose(claim, config, None)
    with serving(claim, None) as (engine, policy):
        sample(claim, config, engine, policy, runs)
    with tpo_jobs.database.read() as session:
        return claim, config, samples.runs_of_job(session, claim.job_id)


def by_response(judged: Judged, run: Run) -> list[float]:
    return [judged.values[each.id] for each in run.rounds]


def test_a_score_is_stored_under_the_judges_name(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs)

    judged = judge_samples(claim, config, Brevity(), runs)

    with tpo_jobs.database.read() as session:
        (rater,) = session.query(Rater).filter(Rater.name == "judge:brevity").all()
        stored = {score.round_id: score.value for score in session.query(Score).all()}
    assert rater.kind is RaterKind.JUDGE
    assert stored == judged.pointwise == judged.values
    assert by_response(judged, runs[0]) == [-4.0, -9.0, -14.0, -19.0]


def test_a_judge_that_gives_scores_is_asked_for_missing_ones_alone(tpo_jobs: TpoJobs) -> None:
    """Down for the first prompt (asked at once, then one by one), then up."""
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs)

    first = judge_samples(claim, config, Brevity(fails=5), runs)
    again = Brevity()
    second = judge_samples(claim, config, again, runs)

    assert first.n_unscored == 4
    assert len(again.shown) == 4
    assert second.n_unscored == 0
    assert len(second.values) == 8


def test_the_judge_never_sees_a_thought_nor_a_malformed_completion(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = lambda r: malformed(r) if r.sampling.seed % 4 == 3 else four_lengths(r)
    claim, config, runs = sampled(tpo_jobs)
    judge = Longest()

    judged = judge_samples(claim, config, judge, runs)

    assert {text for pair in judge.shown for text in pair} == {
        "word",
        "word word",
        "word word word",
    }
    assert len(judged.values) == 6


def test_verdicts_are_votes_of_the_judge_and_make_scores(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs)

    judged = judge_samples(claim, config, Longest(), runs)

    with tpo_jobs.database.read() as session:
        votes = samples.votes_on_job(session, claim.job_id, RaterKind.JUDGE)
    assert len(votes) == 2 * 6
    assert {vote.outcome for vote in votes} == {Outcome.RIGHT}  # candidate 3 is the longest
    assert {(vote.rater.name, vote.agreed) for vote in votes} == {("judge:longest", True)}
    assert judged.tally.agreement == 1.0
    assert by_response(judged, runs[0]) == sorted(by_response(judged, runs[0]))
    assert not judged.pointwise


def test_verdicts_are_not_asked_for_again(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs)

    first = judge_samples(claim, config, Longest(fails=2), runs)
    again = Longest()
    second = judge_samples(claim, config, again, runs)

    assert first.tally.n_unscored == 2
    assert len(again.shown) == 2
    assert second.tally.n_unscored == 0
    assert second.tally.agreement == 1.0


def test_the_pivot_costs_a_comparison_less_than_there_are_candidates(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs, pairwise="pivot")
    judge = Longest()

    judge_samples(claim, config, judge, runs)

    assert len(judge.shown) == 2 * 3


def test_a_judge_that_is_down_ends_the_job_in_words(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs)

    with pytest.raises(TrainingError, match=r"longest left 8 of 8 .* It last said: It is down\."):
        judge_samples(claim, config, Longest(fails=99), runs)


@pytest.mark.parametrize(("weight", "preferred"), [(0.0, "right"), (0.5, "right"), (5.0, "wrong")])
def test_peoples_votes_count_beside_the_judges_by_their_weight(
    tpo_jobs: TpoJobs, weight: float, preferred: str
) -> None:
    """The verifier prefers the right one; a person voted for a wrong one."""
    tpo_jobs.script = lambda r: right(r) if r.sampling.seed % 4 == 0 else wrong(r)
    claim, config, runs = sampled(tpo_jobs, human_weight=weight)
    good, bad, *_ = runs[0].rounds
    with tpo_jobs.database.write() as session:
        vote(session, bad.id, good.id)

    judged = judge_samples(claim, config, Verifier(), runs)

    better = "right" if judged.values[good.id] > judged.values[bad.id] else "wrong"
    assert better == preferred
    assert judged.pointwise[good.id] == 1.0


def test_what_a_judge_said_of_a_jobs_samples_is_no_waiting_preference(tpo_jobs: TpoJobs) -> None:
    tpo_jobs.script = four_lengths
    claim, config, runs = sampled(tpo_jobs)
    judge_samples(claim, config, Longest(), runs)

    with tpo_jobs.database.read() as session:
        assert session.query(Vote).count() == 12
        assert preferences.current_votes(session) == []
        assert samples.sampled_by(session, JobKind.TPO) == {run.prompt_id for run in runs}
