"""A judge learns from votes what raters prefer, reports how well, and survives being stopped."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import torch
from fresh_database import fresh_database
from training_world import Programs, add_round, finished, job, order, start_run, vote

from db.labelling import comparisons, raters, votes
from db.models import Job, JobKind, JobStatus, Outcome, Partition, Rater, RaterKind
from db.registry import curves, jobs
from db.storage.errors import Conflict
from db.storage.session import Database
from ptrapp.core.errors import ConfigurationError, NothingToLearn
from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.core.types import Choice
from ptrapp.judges.opening import open_judge
from ptrapp.judges.reward_model import RewardModel
from ptrapp.judges.verifier import Verifier
from ptrapp.preferences.scoring import score_candidates
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Filters, Payload
from training.jobs.ranks import Ranks
from training.recipes import reward_model
from training.rewarding.labels import gather_labels

SHORT = {"epochs": 1, "batch_size": 8, "eval_share": 0.0}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny matrices: a second thread only waits
    yield
    torch.set_num_threads(n_threads)


def fill_by_verifier(database: Database, n: int, *, first: int = 0, fair: bool = True) -> None:
    """n prompts of two candidates that the verifier decides between; unfair, a coin does.

    The better one answers, the other says two numbers and so nothing.
    """
    with database.write() as session:
        who = raters.ensure_rater(session, RaterKind.JUDGE, "judge:verifier")
        for number in range(first, first + n):
            question = f"Ada has {number} pens and buys {number % 7}. How many now?"
            run = start_run(session, question)
            right = number + number % 7
            said = [f"The answer is {right}.", f"It may be {right} or {right + 1}, who knows?"]
            if number % 2:
                said.reverse()
            left, other = (
                add_round(session, run, f"<T> xylophone {at}.<R> {text}", candidate=at)
                for at, text in enumerate(said)
            )
            verdict = Verifier().compare(question, str(right), *said)
            outcome = Outcome(verdict.outcome.value)
            if not fair:
                drawn = hashlib.sha256(question.encode()).digest()[0] % 2
                outcome = Outcome.LEFT if drawn else Outcome.RIGHT
            comparison = comparisons.ensure_comparison(session, left, other)
            votes.judge_vote(session, who.id, comparison.id, outcome, None, uuid4().hex)


class RewardJobs:
    """Runs reward-model jobs in this process."""

    def __init__(self, database: Database, folder: Path, model: Path) -> None:
        self.database = database
        self.settings = Settings(data_dir=folder, model=str(model), device="cpu")

    def claim(self, settings: dict[str, Any], filters: Filters = Filters()) -> Claim:
        """A fresh job, claimed."""
        with self.database.write() as session:
            jobs.enqueue(session, JobKind.REWARD_MODEL, {}, dedup=uuid4().hex)
            claimed = jobs.claim(session, 600)
        assert claimed is not None
        assert claimed.claim_token is not None
        return Claim(
            self.database,
            self.settings,
            claimed.id,
            claimed.claim_token,
            JobKind.REWARD_MODEL,
            Payload(None, settings, filters),
        )

    def train(self, settings: dict[str, Any], filters: Filters = Filters()) -> Job:
        claim = self.claim(settings, filters)
        reward_model.run(claim, Ranks.join(cpu=True))
        return job(self.database, claim.job_id)

    def folder(self, done: Job) -> Path:
        return self.settings.judges_dir / f"reward-{done.id:06d}"


@pytest.fixture
def reward_jobs(database: Database, tmp_path: Path, random_model_dir: Path) -> RewardJobs:
    return RewardJobs(database, tmp_path, random_model_dir)


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def notes(done: Job) -> str:
    return " ".join(note["text"] for note in done.notes)


@pytest.mark.training
def test_on_the_bundled_model_a_judge_learns_what_the_verifier_says_and_is_then_asked(
    database: Database, tmp_path: Path
) -> None:
    reward_jobs = RewardJobs(database, tmp_path, BUNDLED_MODEL)
    fill_by_verifier(database, 120)
    done = reward_jobs.train({"epochs": 2, "eval_share": 0.25})

    assert done.status is JobStatus.DONE
    found = done.result
    assert found["accuracy"] >= 0.8
    assert found["accuracy_low"] > 0.5
    assert found["n_pairs"] == 120
    assert 20 <= found["n_held_out"] <= 45
    assert found["longer_is_better"] == 0  # and so length alone would do as well, which is said
    assert "length alone is right in 100%" in notes(done)
    assert f"{found['accuracy']:.0%} (95% interval {found['accuracy_low']:.0%}" in notes(done)
    with database.read() as session:
        rater = session.query(Rater).where(Rater.name == f"judge:{found['judge']}").one()
        measured = curves.of_job(session, done.id)
    assert rater.kind is RaterKind.JUDGE
    expected = {name: found[name] for name in ("path", "base", "accuracy", "n_pairs")}
    assert rater.config == expected | {"job": done.id}
    assert measured["loss"][0][1] > measured["loss"][-1][1]
    assert [step for step, _ in measured["eval_rewards/accuracies"]][-1] == found["n_steps"]

    judge = open_judge(reward_jobs.settings.model_copy(update={"judge": found["judge"]}))
    assert judge.name == "reward-000001"
    said = ["It may be 70 or 71, who knows?", "The answer is 71."]
    question = "Tom has 66 cups and buys 5. How many now?"
    assert judge.compare(question, None, *said).outcome is Choice.RIGHT
    low, high = score_candidates(judge, question, None, said).values
    assert low is not None
    assert high is not None
    assert low < high


def test_votes_by_a_coin_teach_nothing_and_that_is_said(reward_jobs: RewardJobs) -> None:
    fill_by_verifier(reward_jobs.database, 120, fair=False)
    done = reward_jobs.train({"epochs": 1, "eval_share": 0.25})

    assert done.result["accuracy_low"] <= 0.5
    assert "do not rely on this judge" in notes(done)


def test_with_nothing_held_out_nobody_knows_how_good_it_is(reward_jobs: RewardJobs) -> None:
    fill_by_verifier(reward_jobs.database, 20)
    done = reward_jobs.train(SHORT)

    assert done.result["accuracy"] is None
    assert (done.result["n_pairs"], done.result["n_held_out"]) == (20, 0)
    assert "nobody knows how good" in notes(done)


def test_too_few_votes_are_refused_in_words(reward_jobs: RewardJobs) -> None:
    fill_by_verifier(reward_jobs.database, 19)
    with reward_jobs.database.write() as session:
        run = start_run(session, "Say something.")
        sides = [add_round(session, run, f"<T> a.<R> {at}", candidate=at) for at in range(2)]
        vote(session, *sides, Outcome.TIE)

    with pytest.raises(NothingToLearn, match=r"There are 19 preferences and .* needs 20.* 1 × tie"):
        reward_jobs.train(SHORT)


def test_a_setting_that_means_nothing_is_refused_in_words(reward_jobs: RewardJobs) -> None:
    with pytest.raises(ConfigurationError, match="form"):
        reward_jobs.train({"form": "guess"})
    fill_by_verifier(reward_jobs.database, 20)
    with pytest.raises(ConfigurationError, match="'nowhere' names no"):
        reward_jobs.train(SHORT | {"base": "nowhere"})


def test_no_thought_is_learnt_from_nor_kept(reward_jobs: RewardJobs) -> None:
    fill_by_verifier(reward_jobs.database, 20)
    claim = reward_jobs.claim(SHORT)
    reward_model.run(claim, Ranks.join(cpu=True))

    frozen = (claim.folder / "labels.json").read_text(encoding="utf-8")
    assert "The answer is" in frozen
    assert "xylophone" not in frozen


def test_doubts_equal_responses_and_held_out_prompts_are_left_out(database: Database) -> None:
    said = [("a", "b"), ("a", "a"), ("a", ""), ("a", "b"), ("a", "b")]
    with database.write() as session:
        who = raters.ensure_rater(session, RaterKind.JUDGE, "judge:llm")
        for number, texts in enumerate(said):
            partition = Partition.EVAL if number == 3 else Partition.TRAIN
            run = start_run(session, f"Say {number}.", partition=partition)
            left, right = (
                add_round(session, run, f"<T> {at}.<R> {text}", candidate=at)
                for at, text in enumerate(texts)
            )
            pair = comparisons.ensure_comparison(session, left, right)
            outcome, agreed = (Outcome.TIE, False) if number == 4 else (Outcome.LEFT, True)
            votes.judge_vote(session, who.id, pair.id, outcome, None, uuid4().hex, agreed=agreed)
    with database.read() as session:
        counting = reward_model.Counting(ties=True)
        everybody = gather_labels(session, Filters(), counting)
        people = gather_labels(session, Filters(rater_kinds=(RaterKind.HUMAN,)), counting)

    assert [label.question for label in everybody.examples] == ["Say 0."]
    assert everybody.dropped == {
        "the two responses are identical": 1,
        "empty response": 1,
        "prompt is held out for evaluation": 1,
        "the judge contradicted itself": 1,
    }
    assert people.examples == ()


def test_ties_are_learnt_where_the_form_knows_them(reward_jobs: RewardJobs) -> None:
    fill_by_verifier(reward_jobs.database, 15)
    with reward_jobs.database.write() as session:
        for number in range(6):
            run = start_run(session, f"Say {number}.")
            sides = [add_round(session, run, f"<T> a.<R> {at}", candidate=at) for at in range(2)]
            vote(session, *sides, Outcome.TIE)
    done = reward_jobs.train(SHORT | {"form": "rao_kupper", "strength": "margin"})

    assert done.result["n_pairs"] == 21


@pytest.mark.parametrize(("how", "goes_on_at"), [("stopped", 6), ("killed", 4)])
def test_interrupted_it_ends_with_the_weights_of_an_undisturbed_one(
    reward_jobs: RewardJobs, how: str, goes_on_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_by_verifier(reward_jobs.database, 24)
    settings = SHORT | {"epochs": 3}  # nine steps
    undisturbed = reward_jobs.folder(reward_jobs.train(settings))
    claim = reward_jobs.claim(settings)
    report = Claim.report

    def interrupt(self: Claim, phase: str, step: int, *rest: Any) -> bool:
        if step == 5:
            if how == "killed":
                raise KeyboardInterrupt
            claim.stop.set()
        return report(self, phase, step, *rest)

    monkeypatch.setattr("training.rewarding.learn.REPORT_EVERY_S", 0.0)
    monkeypatch.setattr(Claim, "report", interrupt)
    with pytest.raises((StopRequested, KeyboardInterrupt)):
        reward_model.run(claim, Ranks.join(cpu=True))
    fill_by_verifier(reward_jobs.database, 5, first=100)  # votes that came later are not this job's
    claim.stop.clear()
    again: list[int] = []

    def remember(self: Claim, phase: str, step: int, *rest: Any) -> bool:
        again.append(step)
        return report(self, phase, step, *rest)

    monkeypatch.setattr(Claim, "report", remember)
    reward_model.run(claim, Ranks.join(cpu=True))

    assert [step for step in again if step] == list(range(goes_on_at, 10))
    resumed = job(reward_jobs.database, claim.job_id)
    assert resumed.result["n_pairs"] == 24
    assert weights(reward_jobs.folder(resumed)) == weights(undisturbed)


def test_how_many_tokens_fit_at_once_changes_nothing(reward_jobs: RewardJobs) -> None:
    fill_by_verifier(reward_jobs.database, 24)
    folders = [
        reward_jobs.folder(reward_jobs.train(SHORT | {"token_budget": budget}))
        for budget in (64, 100_000)
    ]

    scored = [RewardModel(str(folder), "r").score("q", None, ["a", "b c"]) for folder in folders]
    assert scored[0] == pytest.approx(scored[1], abs=1e-4)


def test_a_lora_is_merged_before_it_is_saved_and_can_be_trained_further(
    reward_jobs: RewardJobs,
) -> None:
    fill_by_verifier(reward_jobs.database, 24)
    first = reward_jobs.train(SHORT | {"tune": "lora", "learning_rate": 0.01})
    folder = reward_jobs.folder(first)

    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".jinja"}
    assert not list(folder.glob("adapter*"))
    one, other = RewardModel(str(folder), "r").score("q", None, ["a", "b"])
    assert one != other
    manifest = json.loads((folder / "thrice.json").read_bytes())
    assert (manifest["name"], manifest["job"]) == (folder.name, first.id)
    again = reward_jobs.train(SHORT | {"base": folder.name})
    assert again.result["base"] == str(folder.resolve())


def test_a_process_that_lost_its_job_leaves_neither_rater_nor_folder(
    reward_jobs: RewardJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is taken away at the last moment: the judge is written and being evaluated."""
    fill_by_verifier(reward_jobs.database, 20)
    claim = reward_jobs.claim(SHORT)

    def lose_the_job(judge: RewardModel, unseen: Any) -> dict[str, Any]:
        assert len(list(reward_jobs.settings.judges_dir.iterdir())) == 1
        with reward_jobs.database.write() as session:
            jobs.fail(session, claim.job_id, claim.token, "taken away")
        return real(judge, unseen)

    real = reward_model.held_out_accuracy
    monkeypatch.setattr(reward_model, "held_out_accuracy", lose_the_job)

    with pytest.raises(Conflict):
        reward_model.run(claim, Ranks.join(cpu=True))
    with reward_jobs.database.read() as session:
        names = [rater.name for rater in session.query(Rater)]
    assert names == ["judge:verifier"]
    assert not list(reward_jobs.settings.judges_dir.iterdir())


@pytest.mark.worker
def test_the_queue_carries_it_out(
    tmp_path: Path, random_model_dir: Path, request: pytest.FixtureRequest
) -> None:
    database = fresh_database(tmp_path)
    request.addfinalizer(database.dispose)
    fill_by_verifier(database, 20)
    programs = Programs(database, tmp_path, random_model_dir)
    request.addfinalizer(programs.close)
    job_id = order(database, JobKind.REWARD_MODEL, SHORT)
    programs.start_worker()
    done = finished(database, job_id)

    assert (done.status, done.error) == (JobStatus.DONE, None)
    assert done.result["judge"] == f"reward-{job_id:06d}"
    assert (tmp_path / "judges" / done.result["judge"] / "model.safetensors").is_file()
