"""The evaluation as a job: what it stores, and what a stop or a kill does to it."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training_world import Programs, finished, job, order, wait_until

from db.content import prompts
from db.models import Adapter, AdapterStatus, Evaluation, Job, JobKind, JobStatus
from db.registry import adapters, evaluations, jobs
from db.storage.session import Database
from ptrapp.core.errors import ConfigurationError, InputError
from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.core.thoughts import TINY
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.base import Verdict
from ptrapp.judges.verifier import Verifier
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Payload
from training.jobs.ranks import Ranks
from training.recipes import evaluate

SETTINGS: dict[str, Any] = {"n": 4, "seeds": [0, 1], "controls": True, "judge": "verifier"}


def answer(request: Request) -> str:
    return "<T> I guess.<R> The answer is 3." if request.thinking else "<R> The answer is 2."


class EvaluationJobs:
    """Runs evaluation jobs in this process, on scripted engines."""

    def __init__(self, database: Database, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.folder = folder
        self.engines: list[ScriptedEngine] = []
        self.script: Callable[[Request], str] = answer
        self.thought_format = TINY
        patch.setattr(evaluate, "open_engine", self._open)

    def _open(self, settings: Settings) -> ScriptedEngine:
        self.engines.append(ScriptedEngine(self.script, thought_format=self.thought_format))
        return self.engines[-1]

    def claim(self, settings: dict[str, Any], parent_id: int | None = None) -> Claim:
        with self.database.write() as session:
            row = jobs.enqueue(session, JobKind.EVALUATE, {}, f"evaluate:{len(self.engines)}")
            claimed = jobs.claim(session, 60.0)
        assert claimed is not None
        assert claimed.claim_token is not None
        assert claimed.id == row.id
        return Claim(
            self.database,
            Settings(data_dir=self.folder),
            row.id,
            claimed.claim_token,
            JobKind.EVALUATE,
            Payload(parent_id, settings),
        )

    def run(self, claim: Claim) -> None:
        evaluate.run(claim, Ranks.join(cpu=True))

    def job(self, claim: Claim) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, claim.job_id)

    def rows(self) -> list[Evaluation]:
        with self.database.read() as session:
            return evaluations.listing(session)


@pytest.fixture
def evaluation_jobs(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EvaluationJobs:
    return EvaluationJobs(database, tmp_path, monkeypatch)


def register(database: Database, folder: Path, name: str, base_model: str = "scripted") -> int:
    """A version in the registry, with a folder a scripted engine takes."""
    (folder / name).mkdir()
    (folder / name / "adapter_config.json").write_text("{}", encoding="utf-8")
    with database.write() as session:
        return adapters.register(
            session,
            name=name,
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model=base_model,
            path=str(folder / name),
            sha256=name,
            metrics={},
        ).id


def test_the_job_ends_with_one_table_and_the_same_rows(evaluation_jobs: EvaluationJobs) -> None:
    version = register(evaluation_jobs.database, evaluation_jobs.folder, "dpo-000001")
    claim = evaluation_jobs.claim(SETTINGS, version)

    evaluation_jobs.run(claim)

    done = evaluation_jobs.job(claim)
    assert done.status is JobStatus.DONE
    plain = [row for row in done.result["table"] if row["setting"] == "refine"]
    assert [(row["version"], row["round"]) for row in plain] == [
        ("base", 1),
        ("base", 2),
        ("base", 3),
        ("dpo-000001", 1),
        ("dpo-000001", 2),
        ("dpo-000001", 3),
    ]
    assert all(row["n"] == 8 for row in plain)
    assert {row["setting"] for row in done.result["table"]} == {
        "refine",
        "swapped",
        "thought removed",
        "majority",
    }
    assert done.result["win_rates"][0]["judge"] == "verifier"
    assert done.result["seconds"] >= 0
    stored = evaluation_jobs.rows()
    assert len(stored) == 2 * (3 + 3 + 2 + 2 + 3), "a row for each seed and written round"
    assert {row.adapter_id for row in stored} == {None, version}
    by_table = sum(row["n_correct"] for row in done.result["table"])
    assert sum(row.n_correct for row in stored) == by_table
    assert stored[0].setting == f"greedy, thinking later, seed 0, refine, job {claim.job_id}"


@pytest.mark.parametrize("stop_at", [3, 40, 100])
def test_a_stopped_job_resumes_where_it_was(evaluation_jobs: EvaluationJobs, stop_at: int) -> None:
    version = register(evaluation_jobs.database, evaluation_jobs.folder, "dpo-000001")
    calm = evaluation_jobs.claim(SETTINGS, version)
    evaluation_jobs.run(calm)
    n_whole, n_rows = len(evaluation_jobs.engines[0].requests), len(evaluation_jobs.rows())
    stopped = evaluation_jobs.claim(SETTINGS, version)

    def stop(request: Request) -> str:
        if len(evaluation_jobs.engines[-1].requests) >= stop_at:
            stopped.stop.set()
        return answer(request)

    evaluation_jobs.script = stop
    with pytest.raises(StopRequested):
        evaluation_jobs.run(stopped)
    evaluation_jobs.script = answer
    again = replace(stopped, stop=calm.stop)
    evaluation_jobs.run(again)

    first, second = evaluation_jobs.job(calm).result, evaluation_jobs.job(again).result
    assert first["table"] == second["table"]
    assert first["win_rates"] == second["win_rates"]
    assert len(evaluation_jobs.rows()) == 2 * n_rows, "each measurement of the second job once"
    asked = [len(engine.requests) for engine in evaluation_jobs.engines]
    assert asked[2] <= n_whole, "what was finished is not asked again"
    assert asked[1] + asked[2] < n_whole + 4 * 3 * 3, "at most a cell and its swaps are repeated"


def test_a_finished_match_is_not_judged_again(
    evaluation_jobs: EvaluationJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the last of the matches is played: those before it are kept."""
    version = register(evaluation_jobs.database, evaluation_jobs.folder, "dpo-000001")
    claim = evaluation_jobs.claim({"n": 4, "judge": "verifier", "controls": False}, version)
    asked: list[str] = []

    class Counting(Verifier):
        def compare(self, question: str, *sides: Any) -> Verdict:
            asked.append(question)
            if len(asked) == 13:
                claim.stop.set()
            return super().compare(question, *sides)

    monkeypatch.setattr(evaluate, "open_judge", lambda _: Counting())
    with pytest.raises(StopRequested):
        evaluation_jobs.run(claim)
    claim.stop.clear()
    evaluation_jobs.run(claim)

    assert len(evaluation_jobs.job(claim).result["win_rates"]) == 4
    assert len(asked) == 4 * 4 + 4, "the last match of four problems was played twice"


def test_a_row_that_a_kill_kept_from_the_table_is_stored_later(
    evaluation_jobs: EvaluationJobs,
) -> None:
    """The file is written before the rows: a kill in between leaves a file without rows."""
    claim = evaluation_jobs.claim({"n": 4, "rounds": 1})
    evaluation_jobs.run(claim)
    with evaluation_jobs.database.write() as session:
        for row in evaluations.listing(session):
            session.delete(row)
        row = session.get_one(Job, claim.job_id)
        row.status, row.claim_token = JobStatus.RUNNING, claim.token

    evaluation_jobs.run(claim)

    assert len(evaluation_jobs.rows()) == 1
    assert not evaluation_jobs.engines[1].requests


GATE: dict[str, Any] = {
    "n": 6,
    "rounds": 2,
    "controls": False,
    "known_answers": True,
    "max_tokens": 64,
}


def test_what_was_measured_in_the_same_way_is_not_measured_again(
    evaluation_jobs: EvaluationJobs,
) -> None:
    """The second gate asks the new version alone; base and the first version are known."""
    evaluation_jobs.script = lambda request: f"<R> The answer is {len(request.messages)}."
    found = []
    for name in ("dpo-000001", "dpo-000002"):
        version = register(evaluation_jobs.database, evaluation_jobs.folder, name)
        names = ["dpo-000001", name] if found else [name]
        claim = evaluation_jobs.claim(GATE | {"versions": names}, version)
        evaluation_jobs.run(claim)
        found.append(evaluation_jobs.job(claim))

    asked = [[one.policy.adapter for one in each.requests] for each in evaluation_jobs.engines]
    assert set(asked[0]) == {None, "dpo-000001"}
    assert set(asked[1]) == {"dpo-000002"}
    assert len(asked[1]) == 6 * 2
    first, second = (job.result["table"] for job in found)
    assert {row["version"] for row in second} == {"base", "dpo-000001", "dpo-000002"}
    known = [row for row in second if row["version"] != "dpo-000002"]
    assert known == first
    assert [note["text"] for note in found[1].notes] == [
        "Answers that were measured in the same way before are taken: "
        f"base in job {found[0].id}, dpo-000001 in job {found[0].id}."
    ]
    rows = [row for row in evaluation_jobs.rows() if f"job {found[1].id}" in row.setting]
    assert len(rows) == 3 * 2, "those of known answers stand with this job, too"


@pytest.mark.parametrize(
    "changes",
    [
        {"known_answers": False},
        {"max_tokens": 65},
        {"rounds": 1},
        {"system": "Be exact."},
        {"seeds": [1]},
        {"tasks": ["held_out"]},
    ],
    ids=str,
)
def test_what_was_measured_otherwise_is_measured_again(
    evaluation_jobs: EvaluationJobs, changes: dict[str, Any]
) -> None:
    for settings in (GATE, GATE | changes):
        evaluation_jobs.run(evaluation_jobs.claim(settings))
    n_rounds = changes.get("rounds", 2)
    assert len(evaluation_jobs.engines[1].requests) == 6 * n_rounds


def test_other_reference_answers_are_other_problems(evaluation_jobs: EvaluationJobs) -> None:
    file = evaluation_jobs.folder / "school.jsonl"
    rates = []
    for answer_ in (2, 7):
        file.write_text(
            "".join(f'{{"question": "{n} + 1?", "answer": "{answer_}"}}\n' for n in range(5)),
            encoding="utf-8",
        )
        claim = evaluation_jobs.claim(GATE | {"tasks": [str(file)], "rounds": 1})
        evaluation_jobs.run(claim)
        rates.append(evaluation_jobs.job(claim).result["table"][0]["rate"])
    assert rates == [1.0, 0.0]


def test_a_broken_file_of_an_earlier_job_is_measured_again(evaluation_jobs: EvaluationJobs) -> None:
    claims = [evaluation_jobs.claim(GATE)]
    evaluation_jobs.run(claims[0])
    for file in (claims[0].folder / "cells").glob("*.json"):
        file.write_text("{", encoding="utf-8")
    claims.append(evaluation_jobs.claim(GATE))
    evaluation_jobs.run(claims[1])
    assert len(evaluation_jobs.engines[1].requests) == 6 * 2


def test_what_there_is_no_time_for_is_left_out_and_said(
    evaluation_jobs: EvaluationJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def slow(request: Request) -> str:
        nonlocal now
        now += 10.0
        return answer(request)

    monkeypatch.setattr(time, "monotonic", lambda: now)
    evaluation_jobs.script = slow
    claim = evaluation_jobs.claim({"n": 9, "rounds": 1, "chunk": 3, "most_minutes": 1})
    evaluation_jobs.run(claim)

    done = evaluation_jobs.job(claim)
    assert done.result["table"][0]["n"] == 6
    assert done.result["n_left_out"] == 3
    assert done.notes == [
        {"level": "warning", "text": "3 problems are left out: the 1 minutes were over."}
    ]


def test_problems_that_training_may_use_are_noted(evaluation_jobs: EvaluationJobs) -> None:
    file = evaluation_jobs.folder / "school.jsonl"
    file.write_text(
        "".join(f'{{"question": "{n} + 1?", "answer": "{n + 1}"}}\n' for n in range(5)),
        encoding="utf-8",
    )
    with evaluation_jobs.database.write() as session:
        prompts.ensure_prompt(session, "2 + 1?", source="play")
    claim = evaluation_jobs.claim({"n": 5, "rounds": 1, "tasks": [str(file), "generated"]})

    evaluation_jobs.run(claim)

    (note,) = evaluation_jobs.job(claim).notes
    assert note["level"] == "warning"
    assert "1 of the 5 problems of school" in note["text"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"versions": ["dpo-9"]}, "no version dpo-9"),
        ({"versions": ["other-1"]}, "trained on another/model"),
        ({"versions": ["whole-1"]}, "is a whole model"),
        ({"versions": ["bad-1"]}, "was rejected"),
        ({"judge": "llm"}, "--judge-base-url"),
        ({"judge": "nobody"}, "'nobody'"),
        ({"rounds": 0, "n": 1}, "rounds: .*\n.*|n: .*"),
        ({"tasks": ["nowhere.jsonl"]}, "no task"),
        ({"round": 3}, "round: "),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(
    evaluation_jobs: EvaluationJobs, settings: dict[str, Any], said: str
) -> None:
    register(evaluation_jobs.database, evaluation_jobs.folder, "other-1", "another/model")
    register(evaluation_jobs.database, evaluation_jobs.folder, "whole-1")
    (evaluation_jobs.folder / "whole-1" / "config.json").write_text("{}", encoding="utf-8")
    bad = register(evaluation_jobs.database, evaluation_jobs.folder, "bad-1")
    with evaluation_jobs.database.write() as session:
        session.get_one(Adapter, bad).status = AdapterStatus.REJECTED

    with pytest.raises((ConfigurationError, InputError), match=said):
        evaluation_jobs.run(evaluation_jobs.claim(settings))


@pytest.mark.worker
def test_a_real_job_killed_in_the_middle_ends_with_every_cell_once(
    database: Database, tmp_path: Path
) -> None:
    """A worker, a process of its own, the bundled model and a fresh LoRA (which changes nothing)."""
    version = _register_fresh_lora(database, tmp_path)
    programs = Programs(database, tmp_path, BUNDLED_MODEL, OMP_NUM_THREADS="1")
    settings = {"n": 6, "tasks": ["generated", "held_out"], "max_tokens": 40, "controls": False}
    job_id = order(database, JobKind.EVALUATE, settings, parent_id=version)
    worker = programs.start_worker()
    cells = tmp_path / "jobs" / str(job_id) / "cells"
    wait_until(lambda: any(cells.glob("*.json")), "the first cell")
    child = wait_until(lambda: programs.child_of(worker), "the job's process")
    os.kill(child, signal.SIGKILL)

    done = finished(database, job_id)
    programs.close()

    assert (done.status, done.error) == (JobStatus.DONE, None)
    assert len(list(cells.glob("*.json"))) == 4
    n_correct = {
        (row["task"], row["version"], row["round"]): row["n_correct"]
        for row in done.result["table"]
    }
    assert len(n_correct) == 12
    for task in ("generated", "held_out"):
        for at in (1, 2, 3):
            assert n_correct[task, "base", at] == n_correct[task, "fresh-1", at]
    with database.read() as session:
        assert len(evaluations.listing(session)) == 12
    stored_cell = json.loads((cells / "00000.json").read_text(encoding="utf-8"))
    assert len(stored_cell["prompts"]) == len(stored_cell["chains"]) == 6
    assert job(database, job_id).result["decoding"] == "greedy, thinking later"


def _register_fresh_lora(database: Database, folder: Path) -> int:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(BUNDLED_MODEL)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    get_peft_model(model, lora).save_pretrained(str(folder / "fresh"))
    with database.write() as session:
        return adapters.register(
            session,
            name="fresh-1",
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model=str(BUNDLED_MODEL),
            path=str(folder / "fresh"),
            sha256="fresh",
            metrics={},
        ).id


@pytest.mark.parametrize(
    ("followed", "said", "decoding"),
    [
        (False, None, "greedy, thinking never"),
        (None, None, "greedy, thinking later"),
        (False, "later", "greedy, thinking later"),
    ],
)
def test_a_model_that_does_not_follow_its_format_is_measured_without_thoughts_unless_asked(
    evaluation_jobs: EvaluationJobs, followed: bool | None, said: str | None, decoding: str
) -> None:
    evaluation_jobs.thought_format = replace(TINY, followed=followed)
    claim = evaluation_jobs.claim({"n": 2, "controls": False, "thinking": said})
    evaluation_jobs.run(claim)
    assert evaluation_jobs.job(claim).result["decoding"] == decoding
    assert {row.setting.partition(", seed")[0] for row in evaluation_jobs.rows()} == {decoding}
