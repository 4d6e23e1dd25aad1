"""A finished version is measured before it serves; worse, or hardly trained, it waits for a person."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db.models import Gate, GateState, Job, JobKind, JobStatus
from db.registry import adapters, gates, jobs
from db.registry.contents import weights_sha256
from ptrapp.core.errors import ConfigurationError, InputError
from ptrapp.services import gate, versions
from ptrapp.services.publisher import Publisher
from ptrapp.services.training.job import read_job, read_stamps

Folder = Callable[..., Path]
BETTER = (0.1, 0.04, 0.16)
NO_DIFFERENCE = (-0.01, -0.05, 0.03)
WORSE = (-0.1, -0.16, -0.04)


class Gated:
    """Finished versions, and the measurements a worker would make of them."""

    def __init__(self, world: Any, folder: Folder) -> None:
        self.world = world
        self.folder = folder
        world.open(gate_problems=40)

    def finished(self, name: str, n_examples: int = 40, n_learnt: int | None = None) -> int:
        """Registers a version that a DPO job has trained on so many of its frozen examples."""
        with self.world.database.write() as session:
            job = jobs.enqueue(session, JobKind.DPO, {}, name)
            job.status = JobStatus.DONE
            session.flush()
            frozen = adapters.save_snapshot(
                session, job_id=job.id, sha256=name.ljust(64, "0"), path=name,
                highest_vote_id=n_examples, n_rows=n_examples, manifest={},
            )  # fmt: skip
            active = adapters.active(session)
            trained = self.folder(name)
            row = adapters.register(
                session, name=name, parent_id=active.id if active else None, job_id=job.id,
                snapshot_id=frozen.id, base_model="scripted", path=str(trained),
                sha256=weights_sha256(trained),
                metrics={} if n_learnt is None else {"n_learnt": n_learnt},
            )  # fmt: skip
            return row.id

    def look(self) -> str:
        """The publisher looks once; returns what is served then."""
        Publisher(self.world.context).publish_ready()
        return versions.serving(self.world.context)

    def queued(self) -> list[dict[str, Any]]:
        """The settings of the evaluations that wait."""
        with self.world.database.read() as session:
            waiting = [job for job in jobs.queue(session, 20) if job.status is JobStatus.QUEUED]
            return [job.payload["settings"] for job in waiting if job.kind is JobKind.EVALUATE]

    def measured(self, version: str, against: str, difference: tuple[float, ...]) -> None:
        """The worker has measured it."""
        value, low, high = difference
        rows = [
            {"version": version, "against": against, "round": at, "task": "generated", "n": 40,
             "fixed": 1, "broken": 5, "difference": value * at / 3, "low": low, "high": high}
            for at in (1, 2, 3)
        ]  # fmt: skip
        self.end(JobStatus.DONE, {"differences": rows})

    def end(self, status: JobStatus, result: dict[str, Any], error: str | None = None) -> None:
        with self.world.database.write() as session:
            (job,) = (
                job
                for job in jobs.queue(session, 20)
                if job.kind is JobKind.EVALUATE and job.status is JobStatus.QUEUED
            )
            row = session.get_one(Job, job.id)
            row.status, row.result, row.error = status, result, error

    def gate(self, adapter_id: int) -> Gate:
        with self.world.database.read() as session:
            found = gates.of(session, adapter_id)
        assert found is not None
        return found


@pytest.fixture
def gated(world: Any, adapter_folder: Folder) -> Gated:
    return Gated(world, adapter_folder)


def test_a_finished_version_is_measured_beside_the_one_that_answers_before_it_serves(
    gated: Gated,
) -> None:
    gated.finished("v1")
    assert [gated.look() for _ in range(3)] == ["base"] * 3
    asked = {"versions": ["v1"], "tasks": ["auto"], "controls": False, "n": 40,
             "judge": "verifier", "most_minutes": 30.0, "known_answers": True}  # fmt: skip
    assert gated.queued() == [asked], "once"
    gated.measured("v1", "base", BETTER)
    assert gated.look() == "v1"

    gated.finished("v2")
    gated.look()
    assert gated.queued() == [asked | {"versions": ["v1", "v2"]}]
    gated.measured("v2", "v1", NO_DIFFERENCE)
    assert gated.look() == "v2", "not shown to be worse"


def test_a_worse_version_waits_until_a_person_says_why_it_serves(gated: Gated) -> None:
    worse = gated.finished("v1")
    gated.look()
    gated.measured("v1", "base", WORSE)
    assert gated.look() == "base"
    assert gated.gate(worse).verdict == (
        "worse than base: −10.0 points, 95 % −16.0 to −4.0, n = 40; round 3: 5 broken, 1 fixed"
    )
    with pytest.raises(InputError, match="not passed the gate: worse than base"):
        versions.serve(gated.world.context, "v1", by="Ada", reason="  ")
    assert gated.look() == "base"
    versions.serve(gated.world.context, "v1", by="Ada", reason="Its tone is better.")
    kept = gated.gate(worse)
    assert (kept.state, kept.overruled_by, kept.overruled_reason) == (
        GateState.OVERRULED, "Ada", "Its tone is better.",
    )  # fmt: skip
    versions.roll_back(gated.world.context)
    versions.serve(gated.world.context, "v1")  # it has served: no second reason


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (BETTER, "better than base: +10.0 points"),
        (WORSE, "worse than base: −10.0 points"),
        (NO_DIFFERENCE, "no clear difference from base"),
    ],
)
def test_from_one_vote_no_version_serves_by_itself(
    gated: Gated, measured: tuple[float, float, float], words: str
) -> None:
    version = gated.finished("v1", n_examples=1)
    gated.look()
    gated.measured("v1", "base", measured)
    assert gated.look() == "base"
    verdict = gated.gate(version).verdict
    assert verdict.startswith("learnt from 1 example; from fewer than 10 no version serves by")
    assert words in verdict, "what was measured is said beside it"


def test_examples_that_were_too_long_to_be_learnt_are_no_examples(gated: Gated) -> None:
    gated.world.open(gate_problems=0)
    gated.finished("five", 40, n_learnt=5)
    assert gated.look() == "base"
    gated.finished("ten", 40, n_learnt=10)
    assert gated.look() == "ten"


def test_from_one_vote_no_version_serves_unmeasured_either(gated: Gated) -> None:
    gated.world.open(gate_problems=0)
    gated.finished("v1", n_examples=1)
    assert gated.look() == "base"


def test_without_the_gate_it_serves_at_once(gated: Gated) -> None:
    gated.world.open(gate_problems=0, gate_min_examples=0)
    gated.finished("v1", n_examples=1)
    assert gated.look() == "v1"


def test_left_to_a_person_it_is_measured_and_waits_though_it_passed(gated: Gated) -> None:
    gated.world.open(gate_problems=40, auto_activate=False)
    version = gated.finished("v1")
    gated.look()
    with pytest.raises(InputError, match="it is not measured yet"):
        versions.serve(gated.world.context, "v1")
    gated.measured("v1", "base", BETTER)
    assert gated.look() == "base"
    assert gated.gate(version).state is GateState.PASSED
    versions.serve(gated.world.context, "v1")


def test_a_measurement_that_failed_makes_it_wait_and_is_made_again(gated: Gated) -> None:
    version = gated.finished("v1")
    gated.look()
    gated.end(JobStatus.FAILED, {}, "the disk is full")
    assert gated.look() == "base"
    assert "could not be measured" in gated.gate(version).verdict
    assert "the disk is full" in gated.gate(version).verdict
    gate.measure_again(gated.world.context, "v1")
    assert not gated.queued()[0]["known_answers"], "who asks for it again wants it anew"
    gated.measured("v1", "base", BETTER)
    assert gated.look() == "v1"


def test_a_version_is_measured_against_what_answers_by_then(gated: Gated) -> None:
    gated.finished("v1")
    gated.finished("v2")
    gated.look()
    assert [one["versions"] for one in gated.queued()] == [["v2"], ["v1"]]
    with gated.world.database.write() as session:
        for job in jobs.queue(session, 20):
            if job.status is JobStatus.QUEUED:
                name = job.payload["settings"]["versions"][0]
                row = session.get_one(Job, job.id)
                found = {"version": name, "against": "base", "round": 3, "n": 40, "fixed": 9,
                         "broken": 1, "difference": 0.2, "low": 0.1, "high": 0.3}  # fmt: skip
                row.status, row.result = JobStatus.DONE, {"differences": [found]}
    assert gated.look() == "v1", "v2 is no better than base alone"
    gated.look()
    assert [one["versions"] for one in gated.queued()] == [["v1", "v2"]]


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.DONE])
def test_a_measurement_beside_a_version_that_answers_no_more_is_stopped(
    gated: Gated, status: JobStatus
) -> None:
    gated.finished("v1")
    gated.look()
    with gated.world.database.write() as session:
        (first,) = (job for job in jobs.queue(session, 20) if job.kind is JobKind.EVALUATE)
        session.get_one(Job, first.id).status = status
    gated.finished("v0")
    versions.serve(gated.world.context, "v0", by="ada", reason="I know it")
    gated.look()
    assert [one["versions"] for one in gated.queued()] == [["v0", "v1"]]
    with gated.world.database.read() as session:
        row = session.get_one(Job, first.id)
    stopped = row.status is JobStatus.CANCELLED or row.cancel_requested
    assert stopped is (status is not JobStatus.DONE)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"gate_task": "hard ones"}, "--gate-task: tasks 'hard ones' is no file in"),
        ({"gate_judge": "lmm"}, "--gate-judge: 'lmm' names no judge"),
        ({"gate_judge": "llm"}, "--gate-judge: .* --judge-base-url"),
    ],
)
def test_a_gate_that_could_measure_nothing_ends_the_start(
    world: Any, settings: dict[str, Any], words: str
) -> None:
    world.open(**settings)
    with pytest.raises(ConfigurationError, match=words):
        Publisher(world.context)


@pytest.mark.parametrize(
    "settings",
    [
        {"gate_task": "generated", "gate_judge": "verifier"},
        {"gate_task": "hf:openai/gsm8k", "gate_judge": "owner/judge"},
        {"gate_judge": "python:mine:score"},
        {"gate_judge": "llm", "judge_base_url": "http://127.0.0.1:9/v1"},
    ],
)
def test_a_gate_that_can_be_is_taken(world: Any, settings: dict[str, Any]) -> None:
    world.open(**settings)
    Publisher(world.context)


def test_the_judge_may_decide_instead(gated: Gated) -> None:
    gated.world.open(gate_problems=40, gate_judge="owner/reward-model", gate_margin=0.05)
    version = gated.finished("v1")
    gated.look()
    assert gated.queued()[0]["judge"] == "owner/reward-model"
    lost = {"version": "v1", "against": "base", "round": 3, "against_round": 3, "n": 40,
            "win_rate": 0.3, "low": 0.2, "high": 0.4}  # fmt: skip
    first = lost | {"against_round": 1, "win_rate": 0.9, "low": 0.8, "high": 1.0}
    gated.end(JobStatus.DONE, {"win_rates": [lost, first]})
    assert gated.look() == "base"
    assert gated.gate(version).verdict.startswith("worse than base: −20.0 points")


def test_within_the_margin_it_serves_and_says_so(gated: Gated) -> None:
    gated.world.open(gate_problems=40, gate_margin=0.05)
    version = gated.finished("v1")
    gated.look()
    gated.measured("v1", "base", WORSE)
    assert gated.look() == "v1"
    assert gated.gate(version).verdict.startswith("a little worse than base: −10.0 points")


def test_the_page_of_the_job_that_made_it_follows_it_until_it_serves(gated: Gated) -> None:
    gated.finished("v1")
    context = gated.world.context
    with context.database.read() as session:
        trained = next(job.id for job in jobs.queue(session, 20) if job.kind is JobKind.DPO)
    before = read_stamps(context, trained)
    made = read_job(context, trained).made
    assert made is not None
    assert (made.gate, made.measurement, made.serving) == ("", None, "never")
    gated.look()
    made = read_job(context, trained).made
    assert made is not None
    assert made.measurement is not None
    assert (made.gate, made.against, made.measurement.status) == ("measuring", "base", "queued")
    assert read_stamps(context, trained) != before
    measured = read_job(context, made.measurement.job_id)
    assert measured.measures == ("v1", trained)
    gated.measured("v1", "base", BETTER)
    gated.look()
    made = read_job(context, trained).made
    assert made is not None
    assert (made.gate, made.serving, made.decided_at is not None) == ("passed", "now", True)
    assert made.verdict.startswith("better than base")
