"""Where too many files are open, a request is refused with 503 and a sentence, and none is lost."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.storage.errors import DatabaseError
from db.storage.session import open_database
from ptrapp.core.errors import StorageError
from ptrapp.services import compare
from ptrapp.services.files import importing

if sys.platform == "win32":
    pytest.skip("its table of files has no such limit", allow_module_level=True)
import resource

NO_FILES = OSError(errno.EMFILE, "Too many open files", "/srv/data/adapters")


def _wrapped() -> StorageError:
    error = StorageError("The folder cannot be read.")
    error.__cause__ = NO_FILES
    return error


@contextmanager
def full_table() -> Iterator[None]:
    """No file can be opened by this process inside."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # what is open stays open
    opened = []
    try:
        while True:
            try:
                opened.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in opened:
            os.close(each)


@pytest.mark.parametrize("failure", [NO_FILES, _wrapped()])
def test_what_opens_no_file_is_503_with_a_sentence(
    ada: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def full(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(compare, "vote", full)
    monkeypatch.setattr(importing, "import_named", full)
    vote = ada.post("/votes", json={"key": "k", "outcome": "left"})
    brought = ada.client.post("/api/v1/import?file=a.jsonl", content=b"{}")
    for answer in (vote, brought):
        assert answer.status_code == 503
        assert "/srv" not in answer.text
        assert answer.json()["error"]


def test_a_route_of_gradio_says_it_too(ada: Any) -> None:
    files = {"files": ("a.jsonl", b"{}", "text/plain")}
    assert ada.client.post("/gradio_api/upload", files=files).status_code == 200
    with full_table():
        answer = ada.client.post("/gradio_api/upload", files=files)
    assert answer.status_code == 503
    assert "too many files open at once" in answer.json()["error"]
    assert ada.client.post("/gradio_api/upload", files=files).status_code == 200


def test_a_database_that_cannot_be_opened_says_why_and_is_there_afterwards(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'thrice.db'}"
    open_database(url).dispose()
    database = open_database(url)
    database.dispose()  # its connections are closed, and it opens new ones
    with full_table(), pytest.raises(DatabaseError, match="too many files open"):
        with database.read() as session:
            session.execute(text("SELECT 1"))
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM votes")).scalar_one() == 0
    database.dispose()
