"""Refinement data as a job: what is stored, what it notes, and what a stop does to it."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fresh_database import fresh_database
from training_world import adapter_of, add_round, start_run, vote

from db.content.samples import runs_of_job
from db.models import Job, JobKind, JobStatus, Partition, Run, RunState
from db.registry import adapters, jobs
from db.storage.session import Database
from ptrapp.core.dialogue import HistoryMode, HistoryOptions, build_messages
from ptrapp.core.errors import ConfigurationError, EngineUnavailable, NothingToLearn
from ptrapp.core.settings import Settings
from ptrapp.core.thoughts import GENERIC, TINY
from ptrapp.core.types import MessageRole, Turn
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.reading import read
from ptrapp.services.kept_counts import KeptRefined
from ptrapp.tasks.check import check
from ptrapp.tasks.families import HELD_OUT
from training.data.examples import TrajectoryKind
from training.data.trajectories import gather_trajectories
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Filters, Payload
from training.jobs.ranks import Ranks
from training.ptr.preferred import preferred_candidates
from training.ptr.queries import choose_once
from training.recipes import mask_sft, ptr_data

SMALL = {"n_queries": 6, "chunk_size": 2}


def wrong(request: Request) -> str:
    """An attempt that depends on its seed alone, and is never right."""
    work = f"<T> seed {request.sampling.seed}.<R>" if request.thinking else "<R>"
    return f"{work} The answer is -{1 + request.sampling.seed % 1000}."


class World:
    """A queue, a scripted policy, and claims as a worker would hand them out."""

    def __init__(self, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.folder = folder
        self.engine = ScriptedEngine(wrong)
        self.strong = ScriptedEngine(wrong)
        monkeypatch.setattr("training.ptr.generators.open_engine", lambda settings: self.engine)
        monkeypatch.setattr(
            "training.ptr.generators.open_strong_engine", lambda settings: self.strong
        )

    def claim(self, settings: dict[str, Any], **options: Any) -> Claim:
        with self.database.write() as session:
            jobs.enqueue(session, JobKind.PTR_DATA, {}, dedup=uuid4().hex)
        return self.claim_again(SMALL | settings, **options)

    def version(self, name: str) -> int:
        """Register a version that the scripted engine can publish."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
        with self.database.write() as session:
            row = adapters.register(
                session,
                name=name,
                parent_id=None,
                job_id=None,
                snapshot_id=None,
                base_model="scripted",
                path=str(folder),
                sha256=name,
                metrics={},
            )
            return row.id

    def claim_again(
        self, settings: dict[str, Any], *, parent: int | None = None, **options: Any
    ) -> Claim:
        with self.database.write() as session:
            taken = jobs.claim(session, 600)
        assert taken is not None
        assert taken.claim_token is not None
        chosen = Settings(data_dir=self.folder, device="cpu", **options)
        payload = Payload(parent, settings, Filters())
        return Claim(self.database, chosen, taken.id, taken.claim_token, JobKind.PTR_DATA, payload)

    def make(self, settings: dict[str, Any], **options: Any) -> Job:
        claim = self.claim(settings, **options)
        try:
            ptr_data.run(claim, Ranks.join(cpu=True))
        except Exception as error:
            with self.database.write() as session:
                jobs.fail(session, claim.job_id, claim.token, str(error))
            raise
        return self.job(claim.job_id)

    def job(self, job_id: int) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job_id)

    def runs(self, job_id: int) -> list[Run]:
        with self.database.read() as session:
            return runs_of_job(session, job_id)

    def texts(self, job_id: int) -> list[Any]:
        """What the job stored, without the ids that count on."""
        return [
            (run.prompt.text, run.state, run.settings, run.message) for run in self.runs(job_id)
        ] + [
            (r.index, r.author, r.raw, r.correct, r.seed)
            for run in self.runs(job_id)
            for r in run.rounds
        ]


@pytest.fixture
def world(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(database, tmp_path, monkeypatch)


def questions(folder: Path, *rows: dict[str, str], name: str = "asked.jsonl") -> str:
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


SUMS = [{"question": f"What is {n} plus {n}, please?", "answer": str(2 * n)} for n in range(1, 7)]


def test_the_solver_goes_on_from_the_policys_own_attempt(world: World) -> None:
    job = world.make({})

    assert job.status is JobStatus.DONE
    assert job.result["n_trajectories"] == 6
    for run in world.runs(job.id):
        attempt, first, last = run.rounds
        assert [r.author for r in run.rounds] == ["policy", "solver", "solver"]
        assert [r.correct for r in run.rounds] == [False, True, True]
        assert [r.parent_id for r in run.rounds] == [None, attempt.id, first.id]
        assert last.well_formed
        assert run.prompt.task not in HELD_OUT
        assert run.prompt.partition is Partition.TRAIN
    (found,) = job.result["superiority"]
    assert (found["n_better"], found["n_worse"], found["effect"]) == (6, 0, 1.0)
    assert found["p"] < 0.05
    assert {note["level"] for note in job.notes} == {"info"}


def test_the_result_says_which_thoughts_the_model_ended_itself(world: World) -> None:
    def script(request: Request) -> str:
        later = len(request.messages) > 1
        if later and request.sampling.seed % 2:
            return "<T> seed and seed"  # never ends its thought
        return wrong(request)

    world.engine = ScriptedEngine(script)
    asked = {"final": "strong", "rounds": 3, "min_chars": 1, "thinking": "always"}
    job = world.make(asked | {"queries": questions(world.folder, *SUMS)})

    rounds = [r for run in world.runs(job.id) for r in run.rounds]
    assert {r.thought_end for r in rounds} == {"model", None}, "what is cut is not kept"
    assert job.result["ended_itself_share"] == 1.0
    n = job.result["n_trajectories"]
    assert 0 < n < 6
    assert job.result["thoughts"] == [
        {"round": at, "n": n, "ended_itself_share": 1.0} for at in (1, 2)
    ]


def test_every_round_says_the_seed_it_was_drawn_from(world: World) -> None:
    asked = {"queries": questions(world.folder, *SUMS), "final": "strong", "rounds": 3, "seed": 7}
    job = world.make(asked)

    runs = world.runs(job.id)
    attempts = {request.sampling.seed for request in world.engine.requests}
    assert attempts == {r.seed for run in runs for r in run.rounds[:2]}
    assert len(attempts) == 12
    finals = [request.sampling.seed for request in world.strong.requests]
    assert finals == [run.rounds[2].seed for run in runs]
    assert len(set(finals)) == 6


def test_no_question_is_generated_twice(world: World) -> None:
    first = world.make({})
    world.engine = ScriptedEngine(wrong)
    second = world.make({})

    asked = [{run.prompt.text for run in world.runs(job.id)} for job in (first, second)]
    assert not asked[0] & asked[1]
    assert len(asked[1]) == 6
    assert second.result["cleaning"] == [{"reason": "asked before", "n": 6}]


def topic_of(request: Request) -> str:
    """Returns the words of a request backwards: about its topic, and repeating nothing."""
    asked = request.messages[0].content.partition(".")[0].casefold().replace(",", "")
    return " ".join(reversed(asked.strip("?").split()))


def test_instructions_are_asked_once_and_answered_by_the_best_of_n(world: World) -> None:
    said = "rain falls on green hills while seven grey cats sleep near our warm old stove"

    def script(request: Request) -> str:
        work, text = "<T> hm<R>" if request.thinking else "<R>", f"{topic_of(request)} {said}"
        return f"{work} {text if len(request.messages) > 3 else text.upper() + ','}"

    world.engine = ScriptedEngine(script)
    settings = {"queries": "instructions", "final": "best_of_n"}
    first = world.make(settings | {"n_queries": 40})
    world.engine = ScriptedEngine(script)
    second = world.make(settings | {"n_queries": 10})

    runs = world.runs(first.id)
    assert {run.prompt.task for run in runs} == {"instructions"}
    assert not {run.prompt.text for run in runs} & {r.prompt.text for r in world.runs(second.id)}
    kept = [run for run in runs if run.state is RunState.DONE]
    assert {run.message for run in runs if run not in kept} == {"no final is right"}
    shares = {
        check(run.rounds[-1].response, run.prompt.reference_answer or "").score for run in kept
    }
    assert shares == {0.5, 1}, "a part is better than nothing"
    (found,) = first.result["superiority"]
    assert found["judge"] == "verifier"
    assert found["mean_final"] > found["mean_attempt"] + 0.1


def test_the_solver_mends_an_instructions_own_attempt_step_by_step(world: World) -> None:
    """Each round keeps more of what was asked, in the attempt's words, and says what it found."""

    def script(request: Request) -> str:
        asked = request.messages[-1].content.casefold()
        return f"<R> {asked} Cold, dark Water runs by. Seven grey cats sleep on my old, warm stove."

    world.engine = ScriptedEngine(script)
    job = world.make({"queries": "instructions", "n_queries": 60, "final": "solver", "rounds": 3})

    runs = world.runs(job.id)
    done = [run for run in runs if run.state is RunState.DONE]
    assert done
    assert {run.message for run in runs if run not in done} == {
        "attempt that only a writer could mend"
    }
    found = set()
    for run in done:
        reference = run.prompt.reference_answer or ""
        assert [each.author for each in run.rounds] == ["policy", "solver", "solver"]
        scores = [check(each.response, reference).score for each in run.rounds]
        found.add(tuple(scores))
        assert scores == sorted(scores)
        assert scores[-1] == 1
        assert [each.correct for each in run.rounds] == [score == 1 for score in scores]
        for before, after in pairwise(run.rounds):
            mended = before.response != after.response
            assert ("All of it is kept" in after.thought) is not mended
    assert {(1, 1, 1), (0, 1, 1), (0, 0.5, 1)} <= found


def test_finals_that_are_no_better_are_a_warning_and_no_error(world: World) -> None:
    world.folder.mkdir(exist_ok=True)
    job = world.make({"queries": questions(world.folder, *SUMS), "final": "strong", "rounds": 2})

    assert job.status is JobStatus.DONE
    assert job.result["superiority"][0]["p"] == 1.0
    (warning,) = [note for note in job.notes if note["level"] == "warning"]
    assert "no clear gain" in warning["text"]


def test_the_strong_model_sees_the_attempt_and_the_instruction_unless_independent(
    world: World,
) -> None:
    asked = {"queries": questions(world.folder, *SUMS), "final": "strong", "rounds": 2}
    world.make({**asked, "refine_instruction": "Once more."})
    assert [m.content for m in world.strong.requests[0].messages][1:] == [
        "<R> The answer is -1.", "Once more.",
    ]  # fmt: skip
    world.engine, world.strong = ScriptedEngine(wrong), ScriptedEngine(wrong)
    world.make({**asked, "independent": True})
    assert {len(request.messages) for request in world.strong.requests} == {1}
    assert all(request.thinking for request in world.strong.requests)


def test_another_models_words_are_stored_in_the_policys_marks(world: World) -> None:
    world.strong = ScriptedEngine(
        ["Here is my thought process: Six.\nHere is my response: The answer is 6."],
        thought_format=GENERIC,
    )
    row = {"question": "What is 3 plus 3, please?", "answer": "6"}
    job = world.make({"queries": questions(world.folder, row), "final": "strong", "rounds": 2})

    (run,) = world.runs(job.id)
    final = run.rounds[-1]
    assert final.raw == "<T> Six.<R> The answer is 6."
    assert final.completion_ids is None
    assert final.correct
    assert final.author == "strong:scripted"


def test_a_strong_model_without_a_thought_has_answered(world: World) -> None:
    world.strong = ScriptedEngine(["The answer is 6."], thought_format=GENERIC)
    row = {"question": "What is 3 plus 3, please?", "answer": "6"}
    job = world.make({"queries": questions(world.folder, row), "final": "strong", "rounds": 2})

    (run,) = world.runs(job.id)
    assert (run.rounds[-1].raw, run.rounds[-1].thinking) == ("<R> The answer is 6.", False)


def test_the_best_of_n_is_one_that_the_judge_finds_right(world: World) -> None:
    def sometimes(request: Request) -> str:
        n = int(request.messages[0].content.split()[2])
        right = request.thinking and request.sampling.seed % 4 == 1 and n != 2
        return f"<T> so.<R> The answer is {2 * n if right else -1}."

    world.engine = ScriptedEngine(sometimes)
    asked = {"queries": questions(world.folder, *SUMS[:3]), "rounds": 2}
    job = world.make({**asked, "n_samples": 4})

    assert job.result["n_trajectories"] == 2
    assert job.result["dropped"] == [{"reason": "no final is right", "n": 1}]
    stored = [run for run in world.runs(job.id) if run.state is RunState.DONE]
    assert all(run.rounds[-1].correct for run in stored)
    assert {run.rounds[-1].author for run in stored} == {"best-of-4"}
    assert all(run.rounds[-1].completion_ids for run in stored)


def test_versions_write_under_their_names_and_the_parent_is_the_policy(world: World) -> None:
    parent, _ = world.version("dpo-000001"), world.version("dpo-000002")
    asked = {"queries": questions(world.folder, *SUMS[:2]), "rounds": 2}

    own = world.make({**asked, "final": "version:dpo-000002"}, parent=parent)
    attempts, finals = world.engine.requests[:2], world.engine.requests[2:]
    assert {request.policy.adapter for request in attempts} == {"dpo-000001"}
    assert {request.policy.adapter for request in finals} == {"dpo-000002"}
    for run in world.runs(own.id):
        assert [r.author for r in run.rounds] == ["policy", "dpo-000002"]
        assert [r.adapter_id for r in run.rounds] == [parent, None]

    world.engine = ScriptedEngine(wrong)
    foreign = world.make({**asked, "attempts": "base", "final": "version:base"}, parent=parent)
    assert {request.policy.adapter for request in world.engine.requests} == {None}
    for run in world.runs(foreign.id):
        assert [r.author for r in run.rounds] == ["weak:base", "base"]


def test_questions_of_a_data_set_are_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(world.folder / "cache"))
    rows = [{"ask": row["question"], "gold": row["answer"]} for row in SUMS]
    file = questions(world.folder, *rows)
    columns = {"question_column": "ask", "answer_column": "gold"}
    job = world.make({"queries": f"hf:{file}", **columns, "final": "strong", "rounds": 2})

    assert {run.prompt.text for run in world.runs(job.id)} == {row["question"] for row in SUMS}
    assert {run.prompt.reference_answer for run in world.runs(job.id)} == set("2468") | {"10", "12"}


def test_people_write_the_final_answer_by_their_votes(world: World) -> None:
    with world.database.write() as session:
        liked, tied = (start_run(session, f"Which is better, {name}?") for name in ("a", "b"))
        better, worse = (
            add_round(session, liked, f"<T> t.<R> Answer {n}", candidate=n, ids=[5, n])
            for n in range(2)
        )
        vote(session, better, worse)
        add_round(session, tied, "<T> t.<R> Same", candidate=0)

    job = world.make({"final": "human", "rounds": 3})

    (run,) = world.runs(job.id)
    assert [r.author for r in run.rounds] == ["policy", "policy", "human"]
    assert run.rounds[-1].response == "Answer 0"
    assert run.rounds[-1].completion_ids == [5, 0]
    assert job.result["superiority"] == []
    assert "next_job_id" not in job.result, "a training after it is queued where it is asked for"


def test_the_fine_tuning_that_learns_the_data_is_queued_with_them_in_the_name_of_the_same_person(
    world: World,
) -> None:
    claim = world.claim({"learn": True, "learn_epochs": 2, "learn_preset": "paper"})
    asked = replace(claim.payload, base_model="scripted", started_by="Ada", started_by_id="ada-1")
    ptr_data.run(replace(claim, payload=asked), Ranks.join(cpu=True))

    done = world.job(claim.job_id)
    assert done.status is JobStatus.DONE
    following = world.job(done.result["next_job_id"])
    assert (following.kind, following.status) == (JobKind.MASK_SFT, JobStatus.QUEUED)
    assert following.payload == {
        "parent_adapter_id": None, "settings": {"preset": "paper", "epochs": 2},
        "filters": {"runs": None, "rater_kinds": None, "max_examples": None},
        "base_model": "scripted", "started_by": "Ada", "started_by_id": "ada-1",
    }  # fmt: skip
    read(mask_sft.MaskSftConfig, following.payload["settings"], "settings")


def test_inconsistent_finals_drop_their_question_and_the_rate_is_noted(
    world: World, random_model_dir: Path
) -> None:
    def unsteady(request: Request) -> str:
        steady = "1 plus 1" in request.messages[0].content
        words = "Six" if steady or request.sampling.seed % 2 else "no and never so what else"
        return f"<T> t.<R> {words} dollars"

    world.strong = ScriptedEngine(unsteady)
    asked = {"queries": questions(world.folder, *SUMS[:3]), "final": "strong", "rounds": 2}
    job = world.make(
        {**asked, "n_samples": 4, "consistency": 0.999},
        model=str(random_model_dir),
    )

    (agreed,) = job.result["consistency"]
    assert agreed["n_removed"] == 2
    assert agreed["removal_rate"] == pytest.approx(2 / 3)
    assert job.result["dropped"] == [{"reason": "final answers disagree", "n": 2}]
    stored = [run.prompt.text for run in world.runs(job.id) if run.state is RunState.DONE]
    assert stored == ["What is 1 plus 1, please?"]


def test_cleaning_is_counted_in_the_result_and_noted(world: World) -> None:
    with world.database.write() as session:
        start_run(session, SUMS[0]["question"], partition=Partition.EVAL)
    rows = [*SUMS, SUMS[2], {"question": "<p>Is this a page?</p>"}, {"question": "Why?"}]
    settings = {
        "queries": questions(world.folder, *rows),
        "exclude": questions(world.folder, SUMS[1], name="test.jsonl"),
        "final": "strong",
        "n_queries": 3,
    }
    job = world.make(settings)

    assert (job.result["n_read"], job.result["n_queries"]) == (9, 3)
    assert {row["reason"]: row["n"] for row in job.result["cleaning"]} == {
        "HTML": 1,
        "duplicate": 1,
        "held out for evaluation": 1,
        "in the excluded file": 1,
        "over n_queries": 1,
        "too short": 1,
    }
    assert "1 × held out for evaluation" in job.notes[0]["text"]


def test_a_stopped_job_goes_on_where_it_was_and_ends_like_an_undisturbed_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = World(database, tmp_path / "one", monkeypatch)
    settings = {"queries": questions(tmp_path, *SUMS), "final": "best_of_n", "rounds": 3}
    right = {"n_samples": 3, "temperature": 0.5, "chunk_size": 2, "n_queries": 6}

    def counting(request: Request) -> str:
        n = int(request.messages[0].content.split()[2])
        return f"<T> seed {request.sampling.seed}.<R> The answer is {2 * n}."

    undisturbed.engine = ScriptedEngine(counting)
    whole = undisturbed.make(settings | right)

    other = fresh_database(tmp_path / "other")
    world = World(other, tmp_path / "two", monkeypatch)
    claim = world.claim(settings | right)

    def stopping(request: Request) -> str:
        if "4 plus 4" in request.messages[0].content and request.thinking:
            claim.stop.set()
        return counting(request)

    world.engine = ScriptedEngine(stopping)
    with pytest.raises(StopRequested):
        ptr_data.run(claim, Ranks.join(cpu=True))
    assert len(world.runs(claim.job_id)) == 2
    with other.write() as session:
        jobs.release(session, claim.job_id, claim.token)

    world.engine = ScriptedEngine(counting)
    again = world.claim_again(settings | right)
    ptr_data.run(again, Ranks.join(cpu=True))

    assert again.job_id == claim.job_id
    assert world.texts(claim.job_id) == undisturbed.texts(whole.id)
    asked = {request.messages[0].content for request in world.engine.requests}
    assert asked == {row["question"] for row in SUMS[2:]}
    assert world.job(claim.job_id).result == whole.result
    other.dispose()


def test_questions_stay_those_that_were_chosen_first(world: World) -> None:
    claim, config = world.claim({}), PtrDataConfig(queries="generated", n_queries=4)
    first = choose_once(claim, config)
    with world.database.write() as session:
        for query in first.queries:
            start_run(session, query.prompt)

    assert choose_once(claim, config) == first
    assert all(query.problem is not None and query.problem.steps for query in first.queries)


def test_an_engine_that_is_down_fails_the_job_and_blames_no_question(world: World) -> None:
    world.engine = ScriptedEngine(wrong, failures={3: EngineUnavailable("The server is gone.")})
    claim = world.claim({})

    with pytest.raises(EngineUnavailable, match="gone"):
        ptr_data.run(claim, Ranks.join(cpu=True))
    assert len(world.runs(claim.job_id)) == 2


def test_what_gives_nothing_is_refused_in_words(world: World) -> None:
    world.engine = ScriptedEngine(["<R> Hm"])
    with pytest.raises(NothingToLearn, match="attempt too short"):
        world.make({})
    with pytest.raises(NothingToLearn, match="too short"):
        world.make({"queries": questions(world.folder, {"question": "Why?"}), "final": "strong"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"final": "nobody"}, "'nobody' is unknown"),
        ({"final": "version:"}, "is unknown"),
        ({"queries": "some.jsonl", "final": "solver"}, "generated questions and instructions only"),
        ({"final": "best_of_n", "temperature": 0}, "different samples"),
        ({"consistency": 0.5}, "samples none"),
        ({"attempts": "dpo-000099"}, "no version 'dpo-000099'"),
        ({"rounds": 6}, "5 or less"),
        ({"typo": 1}, "typo"),
        ({"system": " "}, "system: String should have at least 1 character"),
        ({"refine_instruction": "a\0"}, "refine_instruction"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    world: World, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        world.make(settings)


def test_training_reads_the_attempts_and_learns_the_finals_as_they_were_asked(
    world: World,
) -> None:
    settings = {"rounds": 4, "history_mode": "last", "refine_instruction": "Once more."}
    job = world.make(settings)
    runs = world.runs(job.id)
    with world.database.read() as session:
        gathered = gather_trajectories(
            session, TINY, Filters(), parent_adapter_id=None, replay_share=0.25, seed=0
        )
        assert KeptRefined().current(session) == 12

    refined = [e for e in gathered.examples if e.kind is TrajectoryKind.REFINED]
    assert len(refined) == 12
    assert gathered.dropped["an attempt: read, not learnt"] == 6
    first = runs[0]
    turns = [Turn(r.thought, r.response, r.raw) for r in first.rounds]
    for example, index in zip(refined[:2], (2, 3), strict=True):
        assert example.target.raw == first.rounds[index].raw
        assert example.messages == build_messages(
            first.prompt.text,
            turns[:index],
            TINY,
            True,
            shown=HistoryOptions("Once more.", history_mode=HistoryMode.LAST),
        )
        assert [m.role for m in example.messages] == [
            MessageRole.USER,
            MessageRole.ASSISTANT,
            MessageRole.USER,
        ]


@pytest.mark.parametrize("final", ["solver", "strong", "best_of_n"])
def test_the_jobs_system_message_is_sent_stored_and_learnt(world: World, final: str) -> None:
    world.engine = ScriptedEngine(
        lambda request: "<T> sure.<R> The answer is 2." if request.thinking else wrong(request)
    )
    source = {} if final == "solver" else {"queries": questions(world.folder, *SUMS[:1])}
    job = world.make({"final": final, "system": "  Answer like a pirate. ", **source})

    asked = [*world.engine.requests, *world.strong.requests]
    assert {request.messages[0].content for request in asked} == {"Answer like a pirate."}
    assert {request.messages[0].role for request in asked} == {MessageRole.SYSTEM}
    assert {run.prompt.system for run in world.runs(job.id)} == {"Answer like a pirate."}
    with world.database.read() as session:
        gathered = gather_trajectories(
            session, TINY, Filters(), parent_adapter_id=None, replay_share=0.5, seed=0
        )
    assert gathered.examples
    for example in gathered.examples:
        assert example.messages[0].content == "Answer like a pirate."


@pytest.mark.parametrize(("own", "system"), [(None, "Be brief."), ("Be brief.", None)])
def test_people_preferred_an_answer_to_another_system_message(
    world: World, own: str | None, system: str | None
) -> None:
    with world.database.write() as session:
        run = start_run(session, "Which is it?", system=own or "")
        left, right = (
            add_round(session, run, text, thinking=False, candidate=at)
            for at, text in enumerate(("This one.", "That one."))
        )
        vote(session, left, right)
    with world.database.read() as session:
        assert [r.id for r in preferred_candidates(session, own).rounds] == [left]
        other = preferred_candidates(session, system)
    assert other.rounds == []
    assert "system message" in next(iter(other.dropped))


@pytest.mark.parametrize(
    ("followed", "said", "found"),
    [
        (False, None, "never"),
        (True, None, "later"),
        (None, None, "later"),
        (False, "later", "later"),
    ],
)
def test_a_model_that_does_not_follow_its_format_refines_without_thoughts_unless_asked(
    world: World, followed: bool | None, said: str | None, found: str
) -> None:
    fmt = replace(TINY, followed=followed)
    world.engine = ScriptedEngine(wrong, thought_format=fmt)
    job = world.make({"thinking": said, "rounds": 3})
    assert {run.settings["thinking"] for run in world.runs(job.id)} == {found}
    thought = [r.thinking for run in world.runs(job.id) for r in run.rounds if r.index]
    assert set(thought) == {found == "later"}


def test_weak_attempts_are_no_examples_of_anything(world: World) -> None:
    with world.database.write() as session:
        run = start_run(session, "Weak and strong?")
        weak = add_round(session, run, "Weak.", thinking=False, author="weak:x")
        also = add_round(
            session, run, "Also.", thinking=False, author="weak:x", parent_id=weak, index=1
        )
        add_round(
            session, run, "Strong.", thinking=False, author="strong:x", parent_id=also, index=2
        )
    with world.database.read() as session:
        gathered = gather_trajectories(
            session, TINY, Filters(), parent_adapter_id=None, replay_share=0.5, seed=0
        )
    (example,) = gathered.examples
    assert example.target.raw == "<R> Strong."
    assert [m.content for m in example.messages[1::2]] == ["<R> Weak.", "<R> Also."]


def test_a_training_after_it_learns_from_its_rounds(
    world: World, random_model_dir: Path, order_training: Callable[..., Claim]
) -> None:
    made = world.make({"n_queries": 8})
    claim = order_training({"epochs": 1, "batch_size": 4}, random_model_dir)

    name = mask_sft.run(claim, Ranks.join(cpu=True))

    version = adapter_of(world.database, claim.job_id)
    assert version.name == name
    assert version.metrics["counts"]["refined"] == 2 * made.result["n_trajectories"] == 16


@pytest.fixture
def order_training(world: World) -> Callable[..., Claim]:
    def order(settings: dict[str, Any], model: Path) -> Claim:
        with world.database.write() as session:
            jobs.enqueue(session, JobKind.MASK_SFT, {}, dedup=uuid4().hex)
            taken = jobs.claim(session, 600)
        assert taken is not None
        assert taken.claim_token is not None
        chosen = Settings(data_dir=world.folder, device="cpu", model=str(model))
        payload = Payload(None, settings, Filters())
        return Claim(world.database, chosen, taken.id, taken.claim_token, JobKind.MASK_SFT, payload)

    return order


def test_progressive_rounds_each_keep_more_than_the_one_before(world: World) -> None:
    def script(request: Request) -> str:
        """Mends one more thing for each step of the seed."""
        mended = request.sampling.seed % 4
        said = f"{topic_of(request)} on green hills seven grey cats sleep near our warm, old stove"
        said = said if mended > 0 else said.upper()
        said = said.replace(",", "") if mended > 1 else said
        said = f"{said} for 3 weeks?" if mended > 2 else said
        return f"<T> hm<R> {said}" if request.thinking else f"<R> {said}"

    world.engine = ScriptedEngine(script)
    settings = {"queries": "instructions", "n_queries": 100, "rounds": 3, "progressive": True}
    job = world.make(settings)

    runs = world.runs(job.id)
    kept = [run for run in runs if run.state is RunState.DONE]
    assert {run.message for run in runs if run not in kept} == {"no answer is better than another"}
    assert {run.rounds[0].thinking for run in kept} == {False}
    found = set()
    for run in kept:
        reference = run.prompt.reference_answer or ""
        scores = [check(each.response, reference).score for each in run.rounds]
        n_attempts = run.settings["n_attempts"]
        assert scores[:n_attempts] == scores[:1] * n_attempts
        rising = scores[n_attempts - 1 :]
        assert rising == sorted(set(rising)), "each is better than the one before"
        assert [each.author for each in run.rounds[:n_attempts]] == ["policy"] * n_attempts
        assert {each.author for each in run.rounds[n_attempts:]} == {"best-of-8"}
        assert len({each.response for each in run.rounds}) == len(run.rounds)
        found.add(tuple(scores))
    assert {len(set(scores)) for scores in found} >= {2, 3}
    assert all(len(request.messages) == 1 for request in world.engine.requests)
    (test,) = job.result["superiority"]
    assert test["n_worse"] == 0
    assert test["mean_final"] > test["mean_attempt"]


def test_progressive_data_takes_the_best_of_its_own_answers(world: World) -> None:
    world.engine = ScriptedEngine(wrong)
    asked = {"queries": questions(world.folder, *SUMS), "progressive": True, "final": "strong"}
    with pytest.raises(ConfigurationError, match="set final to best_of_n"):
        world.make(asked)
