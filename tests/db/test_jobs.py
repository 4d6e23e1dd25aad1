"""The queue: a job has one worker at a time, outlives it, and takes nothing from a fenced one."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from db.models import Job, JobKind, JobStatus
from db.registry import adapters, curves, jobs, workers
from db.storage.errors import AlreadyQueued, Conflict
from db.storage.session import Database, open_database

LEASE_S = 15.0
EXPIRED_S = -1.0
"""A lease that has expired from the start: its worker counts as dead."""


def _enqueue(database: Database, dedup: str = "dpo:base") -> int:
    with database.write() as session:
        return jobs.enqueue(session, JobKind.DPO, {"beta": 0.1}, dedup).id


def _claim(database: Database, lease_s: float = LEASE_S) -> Job | None:
    with database.write() as session:
        return jobs.claim(session, lease_s)


def _claimed(database: Database, lease_s: float = LEASE_S) -> tuple[int, str]:
    job = _claim(database, lease_s)
    assert job is not None
    assert job.claim_token is not None
    return job.id, job.claim_token


def _job(database: Database, job_id: int) -> Job:
    with database.read() as session:
        return session.get_one(Job, job_id)


def test_an_empty_queue_gives_nothing(database: Database) -> None:
    assert _claim(database) is None


def test_jobs_are_claimed_oldest_first_and_once(database: Database) -> None:
    first, second = _enqueue(database, "a"), _enqueue(database, "b")
    job = _claim(database)
    assert job is not None
    assert (job.id, job.status, job.n_claims) == (first, JobStatus.RUNNING, 1)
    assert job.payload == {"beta": 0.1}
    assert job.started_at is not None
    assert _claimed(database)[0] == second
    assert _claim(database) is None


def test_the_same_job_is_not_queued_twice(database: Database) -> None:
    job_id = _enqueue(database)
    with pytest.raises(AlreadyQueued, match=f"queued already: job {job_id}") as caught:
        _enqueue(database)
    assert caught.value.job_id == job_id
    _claim(database)
    with pytest.raises(AlreadyQueued, match=f"running already: job {job_id}"):
        _enqueue(database)


def test_a_job_that_ended_may_be_queued_again(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    with database.write() as session:
        jobs.finish(session, *held)
    assert _enqueue(database) != held[0]


def test_a_double_click_on_many_threads_queues_one_job(database: Database) -> None:
    other = open_database(database.url)

    def click(number: int) -> int | AlreadyQueued:
        try:
            return _enqueue(database if number % 2 else other)
        except AlreadyQueued as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(click, range(16)))
    other.dispose()
    queued = [answer for answer in answers if isinstance(answer, int)]
    assert len(queued) == 1
    assert {answer.job_id for answer in answers if isinstance(answer, AlreadyQueued)} == set(queued)


def test_workers_that_race_never_share_a_job(database: Database) -> None:
    expected = {_enqueue(database, f"job {n}") for n in range(20)}
    other = open_database(database.url)

    def work(number: int) -> list[int]:
        mine = []
        while job := _claim(database if number % 2 else other):
            mine.append(job.id)
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [job_id for mine in pool.map(work, range(6)) for job_id in mine]
    other.dispose()
    assert sorted(claimed) == sorted(expected)


def test_a_worker_without_heartbeat_loses_its_job_after_the_lease(database: Database) -> None:
    _enqueue(database)
    job_id, token = _claimed(database, lease_s=0.5)
    assert _claim(database) is None
    deadline = time.monotonic() + 10
    while (again := _claim(database)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert again.id == job_id
    assert again.claim_token != token
    assert again.n_claims == 2


def test_a_heartbeat_keeps_the_job(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database, EXPIRED_S)
    with database.write() as session:
        assert jobs.heartbeat(session, *held, LEASE_S) is False
    assert _claim(database) is None


def test_leases_run_on_the_databases_clock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose clock is an hour off neither loses its own jobs nor takes others'."""
    _enqueue(database)
    before = time.time()
    monkeypatch.setattr(time, "time", lambda: before + 3600)
    monkeypatch.setattr(jobs, "now", lambda: datetime.fromtimestamp(before + 3600, UTC))
    job = _claim(database)
    assert job is not None
    assert job.lease_until == pytest.approx(before + LEASE_S, abs=5)
    assert _claim(database) is None


def test_every_write_of_a_fenced_worker_is_refused(database: Database) -> None:
    _enqueue(database)
    job_id, token = _claimed(database, EXPIRED_S)
    _claimed(database)
    writes: list[Any] = [
        lambda session: jobs.heartbeat(session, job_id, token, LEASE_S),
        lambda session: jobs.progress(session, job_id, token, phase="training"),
        lambda session: jobs.record_metrics(session, job_id, token, 1, {"loss": 0.0}),
        lambda session: jobs.record_metrics(session, job_id, token, 1, {}),
        lambda session: jobs.note(session, job_id, token, "info", "late"),
        lambda session: jobs.finish(session, job_id, token),
        lambda session: jobs.fail(session, job_id, token, "late"),
        lambda session: jobs.mark_cancelled(session, job_id, token),
        lambda session: jobs.release(session, job_id, token),
    ]
    for write in writes:
        with pytest.raises(Conflict, match="another worker goes on with it"):
            with database.write() as session:
                write(session)
    job = _job(database, job_id)
    assert (job.status, job.phase, job.error) == (JobStatus.RUNNING, "", None)
    assert job.notes == []
    with database.read() as session:
        assert curves.of_job(session, job_id) == {}


def test_what_a_fenced_worker_stored_beside_is_rolled_back(database: Database) -> None:
    _enqueue(database)
    job_id, token = _claimed(database, EXPIRED_S)
    _claimed(database)

    def publish() -> None:
        with database.write() as session:
            workers.heartbeat(session, "late", 1, "here")
            jobs.finish(session, job_id, token)

    with pytest.raises(Conflict):
        publish()
    with database.read() as session:
        assert workers.seconds_since_heartbeat(session) is None


def test_a_token_is_worth_nothing_after_the_end(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    with database.write() as session:
        job = jobs.finish(session, *held)
        assert job.finished_at is not None
    with pytest.raises(Conflict):
        with database.write() as session:
            jobs.progress(session, *held, phase="more")


def test_a_job_that_kills_five_workers_fails(database: Database) -> None:
    job_id = _enqueue(database)
    for _ in range(jobs.MAX_CLAIMS):
        assert _claimed(database, EXPIRED_S)[0] == job_id
    assert _claim(database) is None
    job = _job(database, job_id)
    assert job.status is JobStatus.FAILED
    assert "5 workers in a row died" in (job.error or "")
    assert job.finished_at is not None


def test_the_fifth_worker_still_has_its_lease(database: Database) -> None:
    _enqueue(database)
    for _ in range(jobs.MAX_CLAIMS - 1):
        _claimed(database, EXPIRED_S)
    held = _claimed(database)
    assert _claim(database) is None
    with database.write() as session:
        assert jobs.finish(session, *held).status is JobStatus.DONE


def test_a_released_job_goes_back_without_a_mark(database: Database) -> None:
    _enqueue(database)
    for _ in range(2 * jobs.MAX_CLAIMS):
        held = _claimed(database)
        with database.write() as session:
            job = jobs.release(session, *held)
    assert (job.status, job.n_claims, job.claim_token) == (JobStatus.QUEUED, 0, None)


def test_a_queued_job_is_cancelled_at_once(database: Database) -> None:
    job_id = _enqueue(database)
    with database.write() as session:
        job = jobs.request_cancel(session, job_id)
    assert job.status is JobStatus.CANCELLED
    assert job.finished_at is not None
    assert _claim(database) is None


def test_a_running_job_is_asked_to_stop_by_its_heartbeat(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    with database.write() as session:
        job = jobs.request_cancel(session, held[0])
        assert (job.status, job.finished_at) == (JobStatus.RUNNING, None)
    with database.write() as session:
        assert jobs.heartbeat(session, *held, LEASE_S) is True
        assert jobs.mark_cancelled(session, *held).status is JobStatus.CANCELLED


def test_a_cancelled_job_of_a_dead_worker_is_not_run_again(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database, EXPIRED_S)
    with database.write() as session:
        jobs.request_cancel(session, held[0])
    assert _claim(database) is None
    assert _job(database, held[0]).status is JobStatus.CANCELLED


def test_a_cancel_comes_too_late_for_a_job_that_ended(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    with database.write() as session:
        jobs.finish(session, *held)
        assert jobs.request_cancel(session, held[0]).status is JobStatus.DONE


def test_a_failed_job_is_resumed_as_new_but_keeps_its_metrics(database: Database) -> None:
    _enqueue(database)
    for _ in range(jobs.MAX_CLAIMS):
        held = _claimed(database, EXPIRED_S)
    with database.write() as session:
        jobs.record_metrics(session, *held, 1, {"loss": 0.7})
        jobs.request_cancel(session, held[0])
        jobs.fail(session, *held, "The disk is full.")
        assert jobs.queue(session)[0].error == "The disk is full."
    with database.write() as session:
        job = jobs.resume(session, held[0])
    assert (job.status, job.n_claims, job.error) == (JobStatus.QUEUED, 0, None)
    assert (job.cancel_requested, job.finished_at) == (False, None)
    with database.read() as session:
        assert curves.of_job(session, held[0]) == {"loss": [(1, 0.7)]}


def test_a_job_is_not_resumed_beside_its_twin(database: Database) -> None:
    first = _enqueue(database)
    with database.write() as session:
        jobs.request_cancel(session, first)
    twin = _enqueue(database)
    with pytest.raises(AlreadyQueued) as caught:
        with database.write() as session:
            jobs.resume(session, first)
    assert caught.value.job_id == twin
    with pytest.raises(AlreadyQueued, match="queued already"):
        with database.write() as session:
            jobs.resume(session, twin)


def test_a_done_job_is_not_resumed(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    with database.write() as session:
        jobs.finish(session, *held)
        with pytest.raises(Conflict, match="is done"):
            jobs.resume(session, held[0])


def test_a_job_that_is_not_there_is_a_conflict(database: Database) -> None:
    for verb in (jobs.resume, jobs.request_cancel, jobs.discard):
        with pytest.raises(Conflict, match="Job 99 is not"):
            with database.write() as session:
                verb(session, 99)


def test_progress_and_metrics_are_read_back(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    with database.write() as session:
        jobs.progress(session, *held, phase="training", step=2, n_steps=9, eta_s=3.5)
        jobs.record_metrics(session, *held, 1, {"loss": 0.7, "rewards/margins": 0.0})
        jobs.record_metrics(session, *held, 2, {"loss": 0.6})
        jobs.record_metrics(session, *held, 2, {"loss": 0.5})
    job = _job(database, held[0])
    assert (job.phase, job.step, job.n_steps, job.eta_s) == ("training", 2, 9, 3.5)
    with database.read() as session:
        assert curves.of_job(session, held[0]) == {
            "loss": [(1, 0.7), (2, 0.5)],
            "rewards/margins": [(1, 0.0)],
        }


def test_a_note_repeated_by_a_resumed_job_is_there_once(database: Database) -> None:
    _enqueue(database)
    held = _claimed(database)
    assert _job(database, held[0]).notes == []
    with database.write() as session:
        jobs.note(session, *held, "info", "8 of 10 pairs are used.")
        jobs.note(session, *held, "warning", "No pair is left to measure on.")
        jobs.fail(session, *held, "The disk is full.")
        jobs.resume(session, held[0])
    again = _claimed(database)
    with database.write() as session:
        jobs.note(session, *again, "info", "8 of 10 pairs are used.")
        jobs.note(session, *again, "info", "It goes on from step 4.")
    assert _job(database, held[0]).notes == [
        {"level": "info", "text": "8 of 10 pairs are used."},
        {"level": "warning", "text": "No pair is left to measure on."},
        {"level": "info", "text": "It goes on from step 4."},
    ]


def test_a_stopped_or_waiting_job_is_discarded_and_not_listed(database: Database) -> None:
    failed, cancelled, queued, kept = (_enqueue(database, f"job {n}") for n in range(4))
    held = _claimed(database)
    with database.write() as session:
        jobs.record_metrics(session, *held, 1, {"loss": 0.7})
        assert jobs.fail(session, *held, "The disk is full.").id == failed
        jobs.request_cancel(session, cancelled)
    ended = _job(database, failed).finished_at
    with database.write() as session:
        for job_id in (failed, cancelled, queued):
            job = jobs.discard(session, job_id)
            assert job.status is JobStatus.DISCARDED
            assert job.finished_at is not None
    assert _job(database, failed).finished_at == ended
    with database.read() as session:
        assert [job.id for job in jobs.queue(session, limit=1)] == [kept]
        assert jobs.queue_position(session, queued) is None
        assert jobs.queue_position(session, kept) == 1
        assert curves.of_job(session, failed) == {"loss": [(1, 0.7)]}
    assert _claimed(database)[0] == kept


def test_a_running_or_done_job_is_not_discarded(database: Database) -> None:
    job_id = _enqueue(database)
    held = _claimed(database)
    with pytest.raises(Conflict, match=f"Job {job_id} is running"):
        with database.write() as session:
            jobs.discard(session, job_id)
    with database.write() as session:
        jobs.finish(session, *held)
        with pytest.raises(Conflict, match=f"Job {job_id} is done"):
            jobs.discard(session, job_id)
    assert _job(database, job_id).status is JobStatus.DONE


def test_a_job_whose_version_was_made_is_not_discarded(database: Database) -> None:
    job_id = _enqueue(database)
    with database.write() as session:
        jobs.request_cancel(session, job_id)
        adapters.register(
            session,
            name="v1",
            parent_id=None,
            job_id=job_id,
            snapshot_id=None,
            base_model="tiny",
            path="v1",
            sha256="0" * 64,
            metrics={},
        )
        with pytest.raises(Conflict, match="made no version"):
            jobs.discard(session, job_id)


def test_a_discarded_job_is_over_for_good(database: Database) -> None:
    job_id = _enqueue(database)
    with database.write() as session:
        jobs.discard(session, job_id)
    for verb in (jobs.resume, jobs.discard):
        with pytest.raises(Conflict, match=f"Job {job_id} is discarded"):
            with database.write() as session:
                verb(session, job_id)
    with database.write() as session:
        assert jobs.request_cancel(session, job_id).status is JobStatus.DISCARDED
    assert _claim(database) is None
    assert _enqueue(database) != job_id


def test_positions_in_the_queue(database: Database) -> None:
    running, done, first, second = (_enqueue(database, f"job {n}") for n in range(4))
    held = _claimed(database)
    ended = _claimed(database)
    with database.write() as session:
        jobs.finish(session, *ended)
    assert (held[0], ended[0]) == (running, done)
    with database.read() as session:
        positions = [
            jobs.queue_position(session, id_) for id_ in (running, done, first, second, 99)
        ]
        assert positions == [0, None, 1, 2, None]
        assert [job.id for job in jobs.queue(session, limit=3)] == [second, first, done]


def test_the_last_heartbeat_is_read_in_seconds(database: Database) -> None:
    with database.write() as session:
        assert workers.seconds_since_heartbeat(session) is None
        workers.heartbeat(session, "a", 1, "here")
    time.sleep(0.3)
    with database.write() as session:
        ago = workers.seconds_since_heartbeat(session)
        workers.heartbeat(session, "a", 2, "here")
        fresh = workers.seconds_since_heartbeat(session)
    assert ago is not None
    assert fresh is not None
    assert 0.25 < ago < 10
    assert 0 <= fresh < ago


def test_a_worker_that_ended_is_not_waited_for(database: Database) -> None:
    with database.write() as session:
        for name in ("a", "b"):
            workers.heartbeat(session, name, 1, "here")
        workers.remove(session, "a")
        assert workers.seconds_since_heartbeat(session) is not None
        workers.remove(session, "b")
        assert workers.seconds_since_heartbeat(session) is None
