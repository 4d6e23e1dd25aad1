"""Where the disk is full, a route answers 507 and a sentence, and health warns before that."""

import errno
from typing import Any

import pytest

from db.storage.errors import DiskFull
from ptrapp.core import disk
from ptrapp.core.errors import StorageError
from ptrapp.services import compare
from ptrapp.services.files import importing

NO_ROOM = OSError(errno.ENOSPC, "No space left on device", "/srv/data/thrice.db")


def _wrapped() -> StorageError:
    error = StorageError("The folder cannot be written.")
    error.__cause__ = NO_ROOM
    return error


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (DiskFull("The disk of the database is full, make room."), "is full, make room"),
        (NO_ROOM, "The disk of this server is full; make room and try again."),
        (_wrapped(), "cannot be written"),
    ],
)
def test_what_finds_no_room_is_507_with_a_sentence(
    ada: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception, said: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(compare, "vote", full)
    monkeypatch.setattr(importing, "import_named", full)
    vote = ada.post("/votes", json={"key": "k", "outcome": "left"})
    brought = ada.client.post("/api/v1/import?file=a.jsonl", content=b"{}")
    for answer in (vote, brought):
        assert answer.status_code == 507
        assert said in answer.json()["error"]
        assert "/srv" not in answer.text


def test_another_error_of_a_file_is_no_full_disk(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file")

    monkeypatch.setattr(compare, "vote", broken)
    with pytest.raises(FileNotFoundError):
        ada.post("/votes", json={"key": "k", "outcome": "left"})


def test_health_warns_of_a_disk_that_is_nearly_full(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "warning" not in ada.get("/health").json()
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    assert "trainings are paused" in ada.get("/health").json()["warning"]
