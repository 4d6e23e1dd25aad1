"""What a training process stores on its job, and what it does when the database is locked."""

import logging
from pathlib import Path

import pytest

from db.models import Job, JobKind
from db.registry import jobs
from db.storage.errors import Conflict, DatabaseLocked
from db.storage.session import Database
from ptrapp.core.settings import Settings
from training.jobs import claim as claims
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Payload


@pytest.fixture
def claim(database: Database, tmp_path: Path) -> Claim:
    with database.write() as session:
        jobs.enqueue(session, JobKind.DPO, {}, "dpo:base")
        job = jobs.claim(session, 15.0)
    assert job is not None
    assert job.claim_token is not None
    settings = Settings(data_dir=tmp_path)
    return Claim(database, settings, job.id, job.claim_token, job.kind, Payload())


def notes(claim: Claim) -> list[dict[str, str]]:
    with claim.database.read() as session:
        return session.get_one(Job, claim.job_id).notes


def test_a_note_stands_on_the_job_once(claim: Claim) -> None:
    for _ in range(2):
        claim.note("2 pairs are held out.")
        claim.note("No tie is used.", "warning")
    assert notes(claim) == [
        {"level": "info", "text": "2 pairs are held out."},
        {"level": "warning", "text": "No tie is used."},
    ]


def test_a_note_for_a_locked_database_goes_to_the_log(
    claim: Claim, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(*_: object) -> None:
        raise DatabaseLocked("Another program keeps it locked.")

    monkeypatch.setattr(jobs, "note", locked)
    with caplog.at_level(logging.WARNING):
        claim.note("2 pairs are held out.")
    assert "2 pairs are held out." in caplog.text
    assert "keeps it locked" in caplog.text


def test_a_lost_claim_notes_nothing(claim: Claim) -> None:
    with claim.database.write() as session:
        jobs.release(session, claim.job_id, claim.token)
    with pytest.raises(Conflict, match="another worker goes on with it"):
        claim.note("2 pairs are held out.")
    assert notes(claim) == []


def test_what_is_gone_through_says_how_far_it_is_and_ends_when_asked(
    claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def progress() -> tuple[str, int, int]:
        with claim.database.read() as session:
            job = session.get_one(Job, claim.job_id)
            return job.phase, job.step, job.n_steps

    monkeypatch.setattr(claims, "REPORT_EVERY_S", 0.0)
    found = []
    with pytest.raises(StopRequested):  # noqa: PT012 - it is raised between two items
        for item in claim.each("abcd", "tokenising"):
            found.append(item)
            assert progress() == ("tokenising", len(found) - 1, 4)
            if item == "c":
                claim.stop.set()
    assert found == ["a", "b", "c"]
