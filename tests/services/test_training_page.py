"""What the Train page says of jobs: time by measured speed, stages, the list, what is missing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.content import prompts
from db.models import Job, JobKind, JobMetric, JobStatus
from db.registry import jobs, phases
from ptrapp.core.errors import InputError, NotFound
from ptrapp.services import jobs as services_jobs
from ptrapp.services.outlook import read_outlook
from ptrapp.services.training import log, speed
from ptrapp.services.training.cards import read_cards, read_choices
from ptrapp.services.training.job import estimate, going, read_job, read_stamps
from ptrapp.services.training.stages import Stage, durations
from ptrapp.services.training.table import PAGE_ROWS, read_table

BEGAN = 1_700_000_000.0
TPO_PHASES = (
    ("starting", 0), ("choosing prompts", 2), ("sampling", 4), ("judging", 14),
    ("freezing the pairs", 16), ("loading the model", 17), ("training", 20),
    ("selecting the checkpoint", 60), ("publishing", 66),
)  # fmt: skip
Finished = Callable[..., int]


@pytest.fixture
def finished(world: Any) -> Finished:
    """A finished job whose phases began after so many seconds, and that took `took_s` in all."""

    def make(
        kind: JobKind = JobKind.TPO, settings: dict[str, Any] | None = None,
        began: Any = TPO_PHASES, took_s: float = 67.0, interrupted_s: float = 0.0,
        result: dict[str, Any] | None = None,
    ) -> int:  # fmt: skip
        with world.database.write() as session:
            payload = {"settings": settings or {}, "base_model": world.context.base_model}
            number = session.query(Job).count()
            row = jobs.enqueue(session, kind, payload, f"finished {number}")
            row.status, row.result = JobStatus.DONE, result or {}
            start = datetime.fromtimestamp(BEGAN, UTC)
            row.started_at = start - timedelta(seconds=interrupted_s)
            row.finished_at = start + timedelta(seconds=took_s)
            for name, at in began:
                point = JobMetric(job_id=row.id, step=0, name=f"phase/{name}", value=BEGAN + at)
                session.add(point)
            return row.id

    return make


def claimed(world: Any, kind: JobKind, settings: dict[str, Any]) -> tuple[int, str]:
    job_id = jobs_start(world, kind, settings)
    with world.database.write() as session:
        job = jobs.claim(session, 60.0)
        assert job is not None
        assert job.id == job_id
        return job.id, str(job.claim_token)


def jobs_start(world: Any, kind: JobKind, settings: dict[str, Any]) -> int:
    from_base = {"parent": "base", "by": "Ada"}
    return services_jobs.start(world.context, kind, settings, **from_base)


def test_loading_after_judging_is_part_of_learning() -> None:
    spent, reached = durations(JobKind.TPO, list(TPO_PHASES), 67.0)
    assert spent == {
        Stage.LOAD: 4, Stage.SAMPLE: 10, Stage.JUDGE: 3, Stage.LEARN: 43, Stage.SELECT: 6,
        Stage.CHECK: 1,
    }  # fmt: skip
    assert reached is Stage.CHECK


def test_an_evaluation_answers_and_then_compares() -> None:
    began = [("starting", 0.0), ("loading the model", 1.0), ("base on generated, seed 0, refine", 3.0),
             ("verifier compares base round 3 with demo round 3 on g", 9.0)]  # fmt: skip
    spent, _ = durations(JobKind.EVALUATE, began, 10.0)
    assert spent == {Stage.LOAD: 3, Stage.SAMPLE: 6, Stage.JUDGE: 1}


def test_time_is_by_the_work_of_earlier_jobs_and_by_the_middle_of_them(
    world: Any, finished: Finished
) -> None:
    assert estimate(world.context, JobKind.TPO, {}, None) == (None, 0)
    finished(settings={"n_prompts": 100})
    seconds, n = estimate(world.context, JobKind.TPO, {"n_prompts": 200}, None)
    assert (seconds, n) == (4 + 2 * 10 + 2 * 3 + 2 * 43 + 6 + 1, 1)
    seconds, _ = estimate(world.context, JobKind.TPO, {"n_prompts": 200, "iterations": 3}, None)
    assert seconds == 3 * 123
    slow = [(name, 10 * at) for name, at in TPO_PHASES]
    finished(began=slow, took_s=670)
    finished(began=slow, took_s=670)
    assert estimate(world.context, JobKind.TPO, {}, None) == (670, 3)
    assert estimate(world.context, JobKind.TPO, {"n_prompts": "many"}, None)[0] == 670
    assert estimate(world.context, JobKind.DPO, {}, 10) == (None, 0)


def test_an_evaluation_that_took_answers_from_earlier_ones_is_a_measure_of_the_others(
    world: Any, finished: Finished
) -> None:
    began = (("starting", 0), ("base on generated, seed 0, refine", 3))
    asked: dict[str, Any] = {"n": 100, "rounds": 3, "controls": False}
    finished(JobKind.EVALUATE, asked, began, took_s=13, result={"share_done": 0.25})
    assert estimate(world.context, JobKind.EVALUATE, asked, None) == (3 + 4 * 10, 1)
    finished(JobKind.EVALUATE, asked, began, took_s=4, result={"share_done": 0.01})
    assert estimate(world.context, JobKind.EVALUATE, asked, None) == (3 + 4 * 10, 1)


def test_an_interrupted_job_and_another_base_model_are_no_measure(
    world: Any, finished: Finished
) -> None:
    finished(interrupted_s=100)
    assert estimate(world.context, JobKind.TPO, {}, None) == (None, 0)
    with world.database.read() as session:
        assert speed.read_earlier(session, JobKind.TPO, "another") == []


def test_a_job_that_waits_to_be_taken_up_again_spends_no_time(world: Any) -> None:
    job_id, token = claimed(world, JobKind.TPO, {"n_prompts": 100})
    with world.database.write() as session:
        jobs.request_cancel(session, job_id)
        jobs.mark_cancelled(session, job_id, token)
        jobs.resume(session, job_id)
    waiting = read_job(world.context, job_id)
    assert waiting.job.status == "queued"
    assert waiting.progress.spent_s == 0.0


def test_a_running_job_says_its_time_left_from_the_first_second(
    world: Any, finished: Finished
) -> None:
    finished()
    held = claimed(world, JobKind.TPO, {"n_prompts": 100})
    page = read_job(world.context, held[0])
    assert page.started_by == "Ada"
    assert [one.state for one in page.progress.stages] == ["now", *["waits"] * 5]
    assert page.progress.left_s == pytest.approx(67, abs=5)
    with world.database.write() as session:
        jobs.progress(session, *held, phase="sampling", step=30, n_steps=100, eta_s=7.5)
    page = read_job(world.context, held[0])
    states = {one.stage: (one.state, one.share) for one in page.progress.stages}
    assert states[Stage.LOAD] == ("done", 1.0)
    assert states[Stage.SAMPLE] == ("now", 0.3)
    assert page.progress.left_s == 7.5 + 3 + 43 + 6 + 1
    assert page.progress.share is not None


def test_what_a_process_that_is_gone_said_of_the_time_left_is_not_told(world: Any) -> None:
    job_id = jobs_start(world, JobKind.EVALUATE, {})
    for _ in range(2):
        with world.database.write() as session:
            held = jobs.claim(session, -1.0)  # a lease that has run out, as when the app was off
            assert held is not None
            assert (held.phase, held.step, held.n_steps, held.eta_s) == ("", 0, 0, None)
            token = str(held.claim_token)
            jobs.progress(session, job_id, token, phase="base on g", step=3, n_steps=9, eta_s=4380)
        progress = read_job(world.context, job_id).progress
        assert (progress.left_s, progress.lost) == (None, True)


def test_an_evaluations_own_figure_is_of_all_that_is_left(world: Any, finished: Finished) -> None:
    compared = (("starting", 0), ("base on g", 2), ("verifier compares base round 3 with v1", 12))
    finished(JobKind.EVALUATE, {"judge": "verifier"}, compared, took_s=3612)
    held = claimed(world, JobKind.EVALUATE, {"judge": "verifier"})
    with world.database.write() as session:
        jobs.progress(session, *held, phase="base on g", step=3, n_steps=9, eta_s=60)
    assert read_job(world.context, held[0]).progress.left_s == 60
    seconds, _ = estimate(world.context, JobKind.EVALUATE, {}, None)
    assert seconds == 12, "without a judge nothing is compared"


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.FAILED, JobStatus.DISCARDED])
def test_a_job_that_was_stopped_says_how_far_it_came_and_awaits_nothing(
    world: Any, finished: Finished, status: JobStatus
) -> None:
    finished(JobKind.TPO)
    job_id = finished(JobKind.TPO, began=TPO_PHASES[:7], took_s=40)
    with world.database.write() as session:
        row = session.get_one(Job, job_id)
        row.status, row.phase, row.step, row.n_steps = status, "training", 16, 200
    stages = {one.stage: one for one in read_job(world.context, job_id).progress.stages}
    learning = stages[Stage.LEARN]
    assert (learning.state, learning.share) == ("stopped", 0.08)
    assert stages[Stage.SELECT].state == "waits"
    assert not any(one.expected_s for one in stages.values())


def test_a_job_that_was_interrupted_has_a_pause(world: Any, finished: Finished) -> None:
    steady, interrupted = finished(), finished(interrupted_s=7200)
    rows = {row.id: row for row in read_table(world.context).rows}
    for job_id, paused in ((steady, False), (interrupted, True)):
        assert rows[job_id].paused is paused
        assert read_job(world.context, job_id).progress.paused is paused


def test_without_an_earlier_job_nothing_is_made_up(world: Any) -> None:
    job_id, _ = claimed(world, JobKind.TPO, {})
    progress = read_job(world.context, job_id).progress
    assert (progress.left_s, progress.share, progress.n_earlier) == (None, None, 0)


def test_what_is_left_of_a_stage_is_not_told_as_what_is_left_of_the_job(world: Any) -> None:
    job_id, token = claimed(world, JobKind.TPO, {})
    with world.database.write() as session:
        jobs.progress(session, job_id, token, phase="sampling", step=3, n_steps=10, eta_s=30)
    progress = read_job(world.context, job_id).progress
    assert (progress.left_s, progress.share, progress.stage_left_s) == (None, None, 30)

    job_id, token = claimed(world, JobKind.DPO, {})
    with world.database.write() as session:
        jobs.progress(session, job_id, token, phase="training", step=3, n_steps=10, eta_s=30)
    progress = read_job(world.context, job_id).progress
    assert (progress.left_s, progress.stage_left_s) == (30, None)


def test_curves_are_laid_over_the_last_comparable_job(world: Any, finished: Finished) -> None:
    first = finished()
    finished(JobKind.EVALUATE, began=())
    held = claimed(world, JobKind.TPO, {})
    with world.database.write() as session:
        session.add(JobMetric(job_id=first, step=1, name="loss", value=0.7))
        jobs.record_metrics(session, *held, 1, {"loss": 0.69, "logps/chosen": -3.0})
    page = read_job(world.context, held[0])
    assert page.curves == {"loss": [(1, 0.69)], "logps/chosen": [(1, -3.0)]}
    assert page.compared is not None
    assert (page.compared.name, page.compared.curves) == (f"job {first}", {"loss": [(1, 0.7)]})
    assert read_job(world.context, first).compared is None


def test_samples_are_what_the_selection_stored(world: Any, finished: Finished) -> None:
    job_id = finished()
    assert read_job(world.context, job_id).samples is None
    folder = world.context.settings.jobs_dir / str(job_id)
    folder.mkdir(parents=True)
    with world.database.write() as session:
        ids = [prompts.ensure_prompt(session, f"What is {n}?", source="x").id for n in range(6)]
    answers = {"parent": ["1", "22"] * 3, "20": ["4"] * 6, "10": [""] * 6}
    measured = {"by_version": {name: {"responses": said} for name, said in answers.items()}}
    (folder / "selection_prompts.json").write_text(json.dumps(ids), encoding="utf-8")
    (folder / "selection.json").write_text(json.dumps(measured), encoding="utf-8")
    found = read_job(world.context, job_id).samples
    assert found is not None
    assert (found.n_prompts, len(found.prompts)) == (6, 4)
    assert found.versions == ("parent", "step 10", "step 20")
    assert found.responses[1] == ("22", "", "4")
    assert found.mean_characters == ((0, 1.5), (10, 0), (20, 1))


def test_the_end_of_a_log_is_whole_lines(world: Any, finished: Finished) -> None:
    job_id = finished()
    assert log.tail(world.context, job_id) == ""
    with pytest.raises(NotFound, match="has no log"):
        log.path_of(world.context, job_id)
    folder = world.context.settings.jobs_dir / str(job_id)
    folder.mkdir(parents=True)
    lines = [f"line {number} é" for number in range(2000)]
    (folder / "log.txt").write_text("\n".join(lines), encoding="utf-8")
    tail = log.tail(world.context, job_id).split("\n")
    assert tail == lines[-len(tail) :]
    assert 100 < len(tail) < 2000


def test_the_list_says_what_came_of_each_job(world: Any, finished: Finished) -> None:
    table = {"setting": "refine", "version": "base", "n": 200}
    finished(JobKind.EVALUATE, began=(), result={"table": [table]})
    finished(JobKind.PTR_DATA, {"final": "human", "learn": True}, (), result={"n_trajectories": 7})
    job_id = jobs_start(world, JobKind.TPO, {})
    with world.database.write() as session:
        row = session.get_one(Job, job_id)
        row.status, row.error = JobStatus.FAILED, "It cannot be used:\nbeta: too small"
    found = read_table(world.context)
    assert [row.method for row in found.rows] == ["TPO", "Mask-SFT from votes", "Evaluate"]
    said = [row.outcome.text for row in found.rows]
    assert said == ["beta: too small", "7 trajectories", "base; n = 200"]
    assert [row.took_s for row in found.rows] == [None, 67, 67]
    assert read_table(world.context, kind="tpo", state="failed").n_jobs == 1
    with pytest.raises(InputError, match="choose one of the list"):
        read_table(world.context, kind="nonsense")


def test_five_hundred_jobs_are_read_a_page_at_a_time(world: Any) -> None:
    with world.database.write() as session:
        for number in range(500):
            row = jobs.enqueue(session, JobKind.DPO, {"settings": {}}, f"{number}")
            row.status = JobStatus.DONE
    found = read_table(world.context, page=2)
    assert (found.n_jobs, found.n_pages, len(found.rows)) == (500, 20, PAGE_ROWS)
    assert [row.id for row in found.rows][:2] == [475, 474]
    assert read_table(world.context, page=99).page == 20


def test_a_card_says_what_is_missing_and_the_way_to_it(world: Any) -> None:
    def card(key: str) -> Any:
        (found,) = read_cards(world.context, read_outlook(world.context), [key])
        return found

    empty = card("dpo")
    assert empty.needs.missing == "Nobody has preferred an answer yet."
    assert empty.needs.way.href == "./"
    assert card("reward_model").needs.missing == "20 votes missing."
    assert card("mask_sft").needs.way.href == "train?method=ptr_data"
    assert card("judge").needs.missing == "No campaign is open."
    assert (card("tpo").needs.missing, card("tpo").last, card("tpo").waits_for) == ("", None, None)
    world.vote()
    some = card("dpo")
    assert (some.needs.missing, some.needs.share, some.button) == ("", 0.1, "Train on 1 pair")
    assert some.needs.way.label == "Compare 9 more"
    job_id = jobs_start(world, JobKind.TPO, {})
    assert card("dpo").waits_for == job_id
    assert read_choices(world.context) == (["base"], [])


def test_a_stamp_changes_with_what_it_stands_for(world: Any) -> None:
    nothing = read_stamps(world.context, None)
    assert read_stamps(world.context, None) == nothing
    assert going(world.context) is None
    job_id = jobs_start(world, JobKind.TPO, {})
    queued = read_stamps(world.context, None)
    assert queued[0] != nothing[0]
    assert going(world.context) == job_id
    with world.database.write() as session:
        job = jobs.claim(session, 60.0)
        assert job is not None
        held = job.id, str(job.claim_token)
    running = read_stamps(world.context, None)
    with world.database.write() as session:
        jobs.progress(session, *held, phase="sampling", step=1, n_steps=2)
    further = read_stamps(world.context, None)
    assert running[0] == further[0] != queued[0]
    assert running[1] != further[1]
    with world.database.read() as session:
        assert phases.of_jobs(session, [job_id])[job_id][0][0] == phases.STARTING
