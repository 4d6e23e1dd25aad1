"""When a job's phases began, and the list of jobs page by page."""

from db.models import JobKind, JobStatus
from db.registry import curves, job_list, jobs, phases
from db.storage.session import Database

LEASE_S = 60.0


def _queued(database: Database, dedup: str, kind: JobKind = JobKind.DPO, base: str = "m") -> int:
    with database.write() as session:
        return jobs.enqueue(session, kind, {"base_model": base}, dedup).id


def _claimed(database: Database) -> tuple[int, str]:
    with database.write() as session:
        job = jobs.claim(session, LEASE_S)
        assert job is not None
        assert job.claim_token is not None
        return job.id, job.claim_token


def _phases(database: Database, job_id: int) -> list[str]:
    with database.read() as session:
        return [name for name, _ in phases.of_jobs(session, [job_id])[job_id]]


def _enter(database: Database, held: tuple[int, str], *names: str) -> None:
    for name in names:
        with database.write() as session:
            jobs.progress(session, *held, phase=name)


def test_a_phase_begins_once_and_is_no_curve(database: Database) -> None:
    job_id = _queued(database, "a")
    held = _claimed(database)
    _enter(database, held, "loading the model", "training", "training")
    with database.read() as session:
        began = dict(phases.of_jobs(session, [job_id])[job_id])
        first = began["training"]
        assert phases.now(session) >= first >= began["starting"]
    _enter(database, held, "training", "publishing")
    assert _phases(database, job_id) == ["starting", "loading the model", "training", "publishing"]
    with database.read() as session:
        assert dict(phases.of_jobs(session, [job_id])[job_id])["training"] == first
        assert curves.of_job(session, job_id) == {}


def test_another_claim_begins_the_phases_anew(database: Database) -> None:
    job_id = _queued(database, "a")
    held = _claimed(database)
    _enter(database, held, "training")
    with database.write() as session:
        jobs.release(session, *held)
    assert _claimed(database)[0] == job_id
    assert _phases(database, job_id) == ["starting"]


def test_the_list_is_paged_and_filtered_newest_first(database: Database) -> None:
    ids = [_queued(database, f"{number}") for number in range(5)]
    other = _queued(database, "other", JobKind.EVALUATE)
    with database.write() as session:
        jobs.request_cancel(session, ids[0])
        jobs.discard(session, ids[1])
    with database.read() as session:
        listed = [row.id for row in job_list.page(session, limit=3)]
        assert listed == [other, ids[4], ids[3]]
        assert [row.id for row in job_list.page(session, limit=3, offset=3)] == [ids[2], ids[0]]
        assert job_list.count(session) == 5
        of_kind = job_list.page(session, kinds=[JobKind.EVALUATE], limit=9)
        assert [row.id for row in of_kind] == [other]
        stopped = [JobStatus.CANCELLED]
        assert job_list.count(session, [JobKind.DPO], stopped) == 1
        assert [row.id for row in job_list.page(session, statuses=stopped, limit=9)] == [ids[0]]


def test_earlier_jobs_of_a_kind_are_of_the_same_base_model(database: Database) -> None:
    for number, base in enumerate(("m", "m", "another", "m")):
        _queued(database, f"{number}", base=base)
        with database.write() as session:
            job = jobs.claim(session, LEASE_S)
            assert job is not None
            jobs.finish(session, job.id, str(job.claim_token))
    with database.read() as session:
        found = job_list.last_done(session, JobKind.DPO, "m", limit=2)
        assert [row.id for row in found] == [4, 2]
        before = job_list.last_done(session, JobKind.DPO, "m", limit=9, before=4)
        assert [row.id for row in before] == [2, 1]
        of_any = job_list.last_done(session, JobKind.DPO, "", limit=9)  # queued before one answered
        assert [row.id for row in of_any] == [4, 3, 2, 1]
