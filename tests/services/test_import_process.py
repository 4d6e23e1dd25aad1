"""A large import runs in a process of its own, and ends as one in the app's own would."""

import errno
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fresh_database import migrated_file
from stored_votes import RowContext

from db.labelling import imports
from db.models import Comparison, ImportState, Prompt, Vote
from db.storage.errors import DiskFull
from db.storage.session import open_database
from ptrapp.core.disk import is_full
from ptrapp.core.errors import AnswerUnclear, InputError, StorageError
from ptrapp.core.settings import Settings
from ptrapp.services.context import kept_labels
from ptrapp.services.files import import_process, importing
from ptrapp.services.files.import_process import ImportRequest, import_asked
from ptrapp.services.files.importing import finish_imports, import_named

N = 2_600
"""Over the bound from which an import is written in pieces."""


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RowContext]:
    monkeypatch.setattr(import_process, "LARGE", 0)
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    shutil.copy(migrated_file(), settings.data_dir / "thrice.db")
    database = open_database(settings.database)
    yield RowContext(settings, database, kept_labels())
    database.dispose()


def file_of(tmp_path: Path, rows: list[object]) -> ImportRequest:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ImportRequest(str(file), "pairs.jsonl", "brought", by="Ada")


def pairs(n: int) -> list[object]:
    return [{"prompt": f"Why {at}?", "chosen": f"So {at}.", "rejected": "No."} for at in range(n)]


def stored(at: RowContext) -> list[int]:
    with at.database.read() as session:
        return [session.query(table).count() for table in (Prompt, Comparison, Vote)]


def test_it_says_and_stores_what_an_import_in_the_app_does(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was imported by this process")

    ask, begun = file_of(tmp_path, pairs(N)), list[int]()
    before = at.database.last_write
    with monkeypatch.context() as patched:
        patched.setattr(importing, "import_named", never)
        done = import_asked(at, ask, begun.append)
    assert begun == [done.import_id]
    assert stored(at) == [N, N, N]
    assert at.database.last_write is not before, "copies elsewhere must know of it"
    with at.database.read() as session:
        row = imports.find(session, begun[0])
        assert (row.state, row.by, row.name) == (ImportState.DONE, "Ada", "brought")

    again = import_named(at, ask.given, called=ask.called, name=ask.name)
    there = replace(done, n_new=0, n_known=N, import_id=None, counts={})
    assert there == replace(again, import_id=None)


def test_what_is_wrong_is_said_in_the_same_words_and_class(at: RowContext, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 2: no 'chosen'.*Nothing was imported"):
        import_asked(at, file_of(tmp_path, [*pairs(1), {"prompt": "a"}]))
    unclear = {"prompt": "Dry?", "response_a": "x", "response_b": "y", "winner": "b", "better": "A"}
    with pytest.raises(AnswerUnclear) as refused:
        import_asked(at, file_of(tmp_path, [unclear] * 5))
    assert refused.value.columns == ("winner", "better")
    assert stored(at) == [0, 0, 0]


def test_a_full_disk_there_is_a_full_disk_here() -> None:
    said = {"error": "StorageError", "words": "It cannot be copied.", "errno": errno.ENOSPC}
    assert is_full(import_process._error(said))
    assert is_full(import_process._error(said | {"error": "OSError"}))
    said |= {"error": "DiskFull", "errno": None}
    assert isinstance(import_process._error(said), DiskFull)


def test_one_whose_process_dies_is_finished_at_the_next_start(
    at: RowContext, tmp_path: Path
) -> None:
    others = psutil.Process().children()  # of other tests' fixtures

    def kill(_: int) -> None:
        for child in psutil.Process().children():
            if child not in others:
                child.kill()

    with pytest.raises(StorageError, match="finished at the app's next start"):
        import_asked(at, file_of(tmp_path, pairs(N)), kill)
    assert stored(at)[-1] < N
    finish_imports(at)
    assert stored(at) in ([N, N, N], [0, 0, 0]), "whole, or nothing where nothing was staged"


def test_a_small_file_is_imported_here(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_process, "LARGE", 1_000_000)
    monkeypatch.setattr(import_process, "COMMAND", ("no-such-program",))
    assert import_asked(at, file_of(tmp_path, pairs(3))).n_new == 3
