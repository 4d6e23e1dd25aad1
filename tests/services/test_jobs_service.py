"""A job is queued once, when there is something to learn, and can be stopped and taken up."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from db.models import JobKind
from db.registry import jobs as queue
from db.registry import workers
from db.storage.errors import AlreadyQueued, Conflict, DiskFull
from ptrapp.core.errors import ConfigurationError, InputError, NotFound, StorageError
from ptrapp.core.people import Role
from ptrapp.services import compare, jobs
from ptrapp.services.jobs import Note
from ptrapp.services.outlook import _settled, read_outlook
from ptrapp.services.training_panel import read_panel


def test_without_a_preference_there_is_nothing_to_start(world: Any) -> None:
    world.vote("tie")
    with pytest.raises(InputError, match="There is no new preference"):
        jobs.start(world.context, JobKind.DPO)
    with pytest.raises(InputError, match="No correct refined round"):
        jobs.start(world.context, JobKind.MASK_SFT)
    assert world.count("jobs") == 0


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("dpo", {"epochs": 0, "beta": 0}, r"epochs: .*\(given: 0\)\nbeta: .*\(given: 0\)"),
        ("dpo", {"form": "ipo", "label_smoothing": 0.1}, "which ipo has no use for"),
        ("mask_sft", {"epoch": 3}, r"epoch: there is no such setting \(given: 3\)"),
        ("mask_sft", {"lambdas": [0.5, 0.1, 0.1]}, "must add up to 1"),
        ("tpo", {"k": 1}, "k: .*2 or more"),
        ("tpo", {"tune": "full"}, "set n_selection to 0"),
        ("ptr_data", {"queries": "hf:a/b", "final": "solver"}, "solver knows generated questions"),
        ("ptr_data", {"final": "nonsense"}, "final 'nonsense' is unknown"),
        ("ptr_data", {"final": "best_of_n", "temperature": 0}, "set a temperature above 0"),
        ("ptr_data", {"final": "human", "progressive": True}, "set final to best_of_n"),
        ("ptr_data", {"final": "strong"}, "start it with --strong-base-url"),
        ("tpo", {"judge": "llm"}, "start it with --judge-base-url"),
        ("ptr_data", {"queries": ""}, "queries: "),
        ("ptr_data", {"attempts": ""}, "attempts: "),
        ("reward_model", {"form": "sigmoid"}, "form: "),
        ("evaluate", {"tasks": []}, "tasks: "),
        ("evaluate", {"versions": "base"}, r"versions: it has to be a list \(given: 'base'\)"),
        ("judge", {}, "campaign_id: "),
        ("dpo", {"epochs": True}, "epochs: it has to be a number, not true"),
        ("dpo", {"beta": -1}, r"beta: it has to be more than 0 \(given: -1\)"),
        ("tpo", {"max_pairs": None, "beta": False}, "beta: "),
    ],
)
def test_what_a_job_would_refuse_is_not_queued(
    world: Any, kind: str, given: dict[str, Any], said: str
) -> None:
    world.vote("left")
    with pytest.raises(ConfigurationError, match=said):
        jobs.start(world.context, JobKind(kind), given, parent="base")
    assert world.count("jobs") == 0


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("evaluate", {"versions": ["base", "nobody"]}, "There is no version nobody; "),
        ("ptr_data", {"attempts": "nobody"}, "There is no version nobody; "),
        ("ptr_data", {"final": "version:nobody"}, "There is no version nobody; "),
        ("judge", {"campaign_id": 99}, "There is no campaign 99"),
    ],
)
def test_a_job_that_names_what_is_not_there_is_not_queued(
    world: Any, kind: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotFound, match=said):
        jobs.start(world.context, JobKind(kind), given)
    assert world.count("jobs") == 0


def test_a_reward_model_of_a_handful_of_votes_is_not_queued(world: Any) -> None:
    world.vote("left")
    for parent in ("", "base"):
        with pytest.raises(InputError, match="20 preferences at least, and there is 1"):
            jobs.start(world.context, JobKind.REWARD_MODEL, {"epochs": 1}, parent=parent)
    # whether ties are enough is the recipe's to say
    assert jobs.start(world.context, JobKind.REWARD_MODEL, {"form": "davidson"}) == 1


def test_a_source_that_is_to_fit_the_model_is_the_job_s_to_check(world: Any) -> None:
    """Only the job knows whether its model knows sums, which a program solves."""
    given = {"queries": "auto", "final": "solver", "temperature": 0}
    assert jobs.start(world.context, JobKind.PTR_DATA, given) == 1


def test_the_outlook_counts_what_the_table_holds(world: Any) -> None:
    for outcome in ("left", "right", "tie", "both_bad"):
        world.vote(outcome)
    world.play(n=2, reference_answer="2")
    now = read_outlook(world.context)
    assert (now.n_votes, now.n_ties, now.n_both_bad, now.n_refined) == (2, 1, 1, 1)
    assert (now.parent, now.share_chosen_longer) == ("base", 0.0)
    assert now.n_pairs == 2


def test_pairs_that_raters_disagree_on_are_votes_and_settle_nothing(world: Any) -> None:
    columns = {"left": 0, "right": 1, "tie": 2, "both_bad": 3}
    said = [(1, "left"), (1, "left"), (1, "right"), (2, "left"), (2, "right"), (3, "tie"),
            (3, "left"), (3, "tie"), (4, "right"), (5, "both_bad"), (5, "left")]  # fmt: skip
    votes = np.array([(at, pair, columns[one], 0) for at, (pair, one) in enumerate(said)])
    assert _settled(votes) == 2, "pair 1 by two votes of three, and pair 4"
    assert _settled(votes[:0]) == 0


def test_two_starts_at_once_are_one_job(world: Any) -> None:
    world.vote("left")
    together = Barrier(4)

    def press() -> int | str:
        together.wait(5)
        try:
            return jobs.start(world.context, JobKind.DPO)
        except AlreadyQueued as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = [press.result() for press in [pool.submit(press) for _ in range(4)]]
    assert answers.count(1) == 1
    assert sum("job 1; wait for it or cancel it" in str(answer) for answer in answers) == 3
    assert world.count("jobs") == 1


def test_enough_votes_queue_one_job(world: Any) -> None:
    world.open(train_every=2)
    counts = []
    for outcome in ("left", "tie", "right", "left", "left"):
        world.vote(outcome)
        counts.append(world.count("jobs"))
    assert counts == [0, 0, 1, 1, 1]


def test_a_judges_vote_counts_too(world: Any) -> None:
    world.open(train_every=1)
    run = world.play(n=2, reference_answer="2")
    compare.let_judge_compare(world.context, *(row.id for row in run.rounds))
    assert world.count("jobs") == 1


def test_vote_and_job_are_one_transaction(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open(train_every=1)

    def no_room(*_: Any, **__: Any) -> None:
        raise DiskFull("The disk is full; make room and try again.")

    monkeypatch.setattr(queue, "enqueue", no_room)
    with pytest.raises(DiskFull):
        world.vote("left")
    assert world.count("votes") == world.count("jobs") == 0


def test_a_queued_job_is_cancelled_and_taken_up_again(world: Any) -> None:
    world.vote("left")
    job_id = jobs.start(world.context, JobKind.DPO)
    with pytest.raises(InputError, match="only a stopped job can be resumed"):
        jobs.resume(world.context, job_id)
    jobs.cancel(world.context, job_id)
    assert jobs.listing(world.context)[0].status == "cancelled"
    jobs.resume(world.context, job_id)
    (view,) = jobs.listing(world.context)
    assert (view.status, view.place, view.parent, view.stopping) == ("queued", 1, "base", False)
    for act in (jobs.cancel, jobs.resume):
        with pytest.raises(NotFound, match="no job 99"):
            act(world.context, 99)


def test_a_job_that_ended_is_not_said_to_be_cancelled(world: Any) -> None:
    job_id, _ = stopped_job(world)
    with pytest.raises(InputError, match="Job 1 is failed; there is nothing to cancel"):
        jobs.cancel(world.context, job_id)
    jobs.resume(world.context, job_id)
    for _ in range(2):  # a request may be sent again
        jobs.cancel(world.context, job_id)
    assert jobs.listing(world.context)[0].status == "cancelled"


def stopped_job(world: Any) -> tuple[int, Path]:
    """A job that failed at its second step, and the checkpoint it left."""
    world.vote("left")
    job_id = jobs.start(world.context, JobKind.DPO, {"beta": 0.5})
    with world.database.write() as session:
        held = queue.claim(session, 15.0)
        queue.note(session, job_id, held.claim_token, "warning", "No pair is held out.")
        for name in ("loss", "eval_loss", "grad_norm"):
            queue.record_metrics(session, job_id, held.claim_token, 2, {name: 0.5})
        queue.fail(session, job_id, held.claim_token, "The disk is full.")
    checkpoint = world.context.settings.jobs_dir / str(job_id) / "checkpoints" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "whole").touch()
    return job_id, checkpoint


def test_a_job_has_its_notes_its_settings_and_its_held_out_curves(world: Any) -> None:
    stopped_job(world)
    (job,) = read_panel(world.context, Role.ADMIN).jobs
    assert job.notes == [Note("warning", "No pair is held out.")]
    assert job.settings == {"beta": 0.5}
    assert job.curves == {"loss": [(2, 0.5)], "eval_loss": [(2, 0.5)]}


def test_a_discarded_job_takes_its_checkpoints_along_and_nobody_elses(world: Any) -> None:
    job_id, checkpoint = stopped_job(world)
    other = world.context.settings.jobs_dir / f"{job_id}0"
    other.mkdir()
    jobs.discard(world.context, job_id)
    assert not (world.context.settings.jobs_dir / str(job_id)).exists()
    assert checkpoint.parents[2].is_dir()
    assert other.is_dir()
    assert jobs.listing(world.context) == []
    with pytest.raises(InputError, match="is discarded; only a stopped job"):
        jobs.resume(world.context, job_id)


def test_a_job_that_goes_on_keeps_its_folder(world: Any) -> None:
    job_id, checkpoint = stopped_job(world)
    jobs.resume(world.context, job_id)
    with world.database.write() as session:
        queue.claim(session, 15.0)
    with pytest.raises(Conflict, match="is running"):
        jobs.discard(world.context, job_id)
    assert checkpoint.is_dir()


def test_a_queued_job_without_a_folder_is_discarded(world: Any) -> None:
    world.vote("left")
    jobs.discard(world.context, jobs.start(world.context, JobKind.DPO))
    assert jobs.listing(world.context) == []
    with pytest.raises(NotFound, match="no job 99"):
        jobs.discard(world.context, 99)


def test_a_folder_that_cannot_be_removed_is_named(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, checkpoint = stopped_job(world)

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(
        StorageError, match=f"jobs/{job_id} could not be removed .Permission denied"
    ):
        jobs.discard(world.context, job_id)
    assert checkpoint.is_dir()
    assert jobs.listing(world.context) == []


def test_a_worker_without_a_heartbeat_is_gone(world: Any) -> None:
    assert not read_panel(world.context, Role.ADMIN).worker
    with world.database.write() as session:
        workers.heartbeat(session, "one", 1, "here")
    assert read_panel(world.context, Role.ADMIN).worker
    with world.database.write() as session:
        session.connection().exec_driver_sql("UPDATE workers SET seen_at = seen_at - 60")
    assert not read_panel(world.context, Role.ADMIN).worker
