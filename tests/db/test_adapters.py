"""The registry of adapters: names used once, one version served, nothing trained twice."""

from typing import Any

import pytest

from db.models import Adapter, AdapterStatus, JobKind, Snapshot
from db.registry import adapters, jobs
from db.storage.errors import Conflict
from db.storage.session import Database


def _job(session: Any, dedup: str) -> int:
    return jobs.enqueue(session, JobKind.DPO, {}, dedup).id


def _snapshot(session: Any, job_id: int, sha256: str = "a" * 64) -> Snapshot:
    return adapters.save_snapshot(
        session,
        job_id=job_id,
        sha256=sha256,
        path=f"jobs/{job_id}/snapshot.jsonl",
        highest_vote_id=7,
        n_rows=3,
        manifest={"n": 3},
    )


def _register(session: Any, name: str, **more: Any) -> Adapter:
    columns: dict[str, Any] = {"parent_id": None, "job_id": None, "snapshot_id": None, **more}
    return adapters.register(
        session,
        name=name,
        base_model="tiny",
        path=f"adapters/{name}",
        sha256="0" * 64,
        metrics={"loss": 0.5},
        **columns,
    )


def test_a_new_version_is_ready_and_not_served(database: Database) -> None:
    with database.write() as session:
        version = _register(session, "v1")
    with database.read() as session:
        assert [row.name for row in adapters.ready(session)] == ["v1"]
        assert adapters.active(session) is None
    assert version.status is AdapterStatus.READY


def test_a_job_registers_one_version_however_often_it_tries(database: Database) -> None:
    with database.write() as session:
        job_id = _job(session, "a")
        first = _register(session, "v1", job_id=job_id)
    with database.write() as session:
        assert _register(session, "v1-again", job_id=job_id).id == first.id
        assert adapters.by_name(session, "v1-again") is None


def test_a_name_is_never_used_again(database: Database) -> None:
    with database.write() as session:
        version = _register(session, "v1")
        adapters.reject(session, version.id, "Worse than its parent.")
    with pytest.raises(Conflict, match="'v1' already"):
        with database.write() as session:
            _register(session, "v1")


def test_activating_one_version_retires_the_other(database: Database) -> None:
    with database.write() as session:
        first, second = _register(session, "v1"), _register(session, "v2", parent_id=1)
        adapters.activate(session, first.id)
        adapters.activate(session, second.id)
    with database.read() as session:
        served = adapters.active(session)
        assert served is not None
        assert (served.name, served.activated_at is not None) == ("v2", True)
        statuses = {row.name: row.status for row in adapters.listing(session)}
    assert statuses == {"v2": AdapterStatus.ACTIVE, "v1": AdapterStatus.RETIRED}
    assert served.parent is not None
    assert served.parent.name == "v1"


def test_a_retired_version_can_be_served_again(database: Database) -> None:
    with database.write() as session:
        first, second = _register(session, "v1"), _register(session, "v2")
        for version in (first, second, first):
            adapters.activate(session, version.id)
    with database.read() as session:
        served = adapters.active(session)
        assert served is not None
        assert served.name == "v1"


def test_the_base_model_can_be_served_again(database: Database) -> None:
    with database.write() as session:
        version = _register(session, "v1")
        adapters.activate(session, version.id)
        adapters.activate(session, version.id)
        assert adapters.activate(session, None) is None
    with database.read() as session:
        assert adapters.active(session) is None
        assert adapters.listing(session)[0].status is AdapterStatus.RETIRED


def test_a_rejected_version_is_never_served(database: Database) -> None:
    with database.write() as session:
        version = _register(session, "v1")
        adapters.activate(session, version.id)
        adapters.reject(session, version.id, "It does not load.")
        assert adapters.active(session) is None
    with pytest.raises(Conflict, match="It does not load"):
        with database.write() as session:
            adapters.activate(session, version.id)


def test_the_schema_allows_one_active_version(database: Database) -> None:
    with database.write() as session:
        _register(session, "v1").status = AdapterStatus.ACTIVE
        session.flush()
        _register(session, "v2")
    with pytest.raises(Conflict):
        with database.write() as session:
            session.query(Adapter).update({"status": AdapterStatus.ACTIVE})


def test_an_unknown_version_is_a_conflict(database: Database) -> None:
    for act in (lambda s: adapters.activate(s, 99), lambda s: adapters.reject(s, 99, "why")):
        with pytest.raises(Conflict, match="Version 99"):
            with database.write() as session:
                act(session)


def test_a_job_freezes_its_data_once(database: Database) -> None:
    with database.write() as session:
        job_id = _job(session, "a")
        assert adapters.snapshot_of(session, job_id) is None
        first = _snapshot(session, job_id)
        assert _snapshot(session, job_id).id == first.id
    with pytest.raises(Conflict, match="cannot change to other data"):
        with database.write() as session:
            _snapshot(session, job_id, "b" * 64)


def test_what_was_trained_already_is_found_by_parent_recipe_and_data(database: Database) -> None:
    with database.write() as session:
        job_id = _job(session, "a")
        snapshot = _snapshot(session, job_id)
        made = _register(session, "v1", job_id=job_id, snapshot_id=snapshot.id)
        next_job = _job(session, "b")
        child = _register(
            session,
            "v2",
            parent_id=made.id,
            job_id=next_job,
            snapshot_id=_snapshot(session, next_job).id,
        )

    def found(parent_id: int | None, kind: JobKind, sha256: str) -> str | None:
        with database.read() as session:
            version = adapters.trained_already(session, parent_id, kind, sha256)
            return version.name if version else None

    assert found(None, JobKind.DPO, "a" * 64) == "v1"
    assert found(made.id, JobKind.DPO, "a" * 64) == "v2"
    assert found(child.id, JobKind.DPO, "a" * 64) is None
    assert found(None, JobKind.MASK_SFT, "a" * 64) is None
    assert found(None, JobKind.DPO, "b" * 64) is None
    with database.write() as session:
        adapters.reject(session, made.id, "It does not load.")
    assert found(None, JobKind.DPO, "a" * 64) is None


def test_the_listing_is_readable_after_its_session(database: Database) -> None:
    with database.write() as session:
        job_id = _job(session, "a")
        parent = _register(session, "v1")
        _register(
            session,
            "v2",
            parent_id=parent.id,
            job_id=job_id,
            snapshot_id=_snapshot(session, job_id).id,
        )
    with database.read() as session:
        newest, oldest = adapters.listing(session)
    assert newest.parent is oldest
    assert newest.snapshot is not None
    assert newest.snapshot.n_rows == 3
    assert oldest.snapshot is None
