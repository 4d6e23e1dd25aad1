"""A large import runs in a process of its own, and ends as one in the app's own would."""

import errno
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from stored_votes import RowContext

from db.labelling import imports
from db.models import Comparison, ImportState, Prompt, Vote
from db.storage.errors import DatabaseLocked, DiskFull
from ptrapp.core.disk import is_full
from ptrapp.core.errors import AnswerUnclear, InputError, StorageError
from ptrapp.services.files import import_process, importing
from ptrapp.services.files.import_process import ImportRequest, import_asked
from ptrapp.services.files.import_rows import RowImport
from ptrapp.services.files.importing import finish_imports, import_named
from ptrapp.services.files.imports import cancel, listing, view
from ptrapp.services.files.pieces import STAGING, received

N = 2_600
"""Over the bound from which an import is written in pieces."""


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
    assert listing(at)[0][0].state == "waiting"
    finish_imports(at)
    assert stored(at) == [N, N, N]
    assert listing(at)[0][0].state == "done"


def test_one_that_waits_can_be_cancelled_and_leaves_nothing_for_the_next_start(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, ids = file_of(tmp_path, pairs(N)), list[int]()

    def fail(*_: object) -> None:
        raise DatabaseLocked("Its process ends.")

    with monkeypatch.context() as patched:
        patched.setattr(RowImport, "add", fail)
        with pytest.raises(DatabaseLocked):
            import_named(at, ask.given, begun=ids.append)
    assert view(at, ids[0]).state == "waiting"
    cancel(at, ids[0])
    assert view(at, ids[0]).state == "cancelled"
    assert not list((at.settings.data_dir / STAGING).glob("*"))


def test_one_that_is_being_stored_runs_and_does_not_wait(at: RowContext, tmp_path: Path) -> None:
    ask, seen = file_of(tmp_path, pairs(N)), list[str]()
    import_named(at, ask.given, begun=lambda one: seen.append(view(at, one).state))
    assert seen == ["running"]


def test_one_that_dies_before_it_began_says_that_nothing_was_imported(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_process, "COMMAND", (sys.executable, "-c", "input()"))
    with pytest.raises(StorageError, match=r"nothing was imported\. Import it again"):
        import_asked(at, file_of(tmp_path, pairs(N)))
    assert listing(at) == ([], 0)


@pytest.mark.parametrize(
    ("state", "said"),
    [(ImportState.CANCELLED, "was cancelled"), (ImportState.DONE, "it is shown")],
)
def test_one_that_dies_is_told_by_what_became_of_it(
    at: RowContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: ImportState,
    said: str,
) -> None:
    with at.database.write() as session:
        row = imports.begin(session, "brought", "pairs.jsonl", "preferences", n_records=N)
        row.state, import_id = state, row.id
    says = f"input(); print('{{\"begun\": {import_id}}}')"
    monkeypatch.setattr(import_process, "COMMAND", (sys.executable, "-c", says))
    with pytest.raises((StorageError, InputError), match=said):
        import_asked(at, file_of(tmp_path, pairs(1)))


def test_what_was_received_when_the_app_ended_is_cleared_and_not_what_is_being_received(
    at: RowContext,
) -> None:
    folder = at.settings.data_dir / STAGING
    with received(folder) as body:
        body.write(b"{")
        (area,) = folder.glob("*")
        left = folder / ".left"
        shutil.copytree(area, left)
        finish_imports(at)
        assert list(folder.glob("*")) == [area]
    assert not list(folder.glob("*"))


def test_a_small_file_is_imported_here(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_process, "LARGE", 1_000_000)
    monkeypatch.setattr(import_process, "COMMAND", ("no-such-program",))
    assert import_asked(at, file_of(tmp_path, pairs(3))).n_new == 3
