"""A large import lets others write in between, and is finished although it was cut off."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from stored_votes import RowContext, context

from db.content import prompts
from db.labelling import imports
from db.models import Comparison, Prompt, Round, Vote
from db.storage.errors import DatabaseLocked
from db.storage.session import Database
from ptrapp.core.folder_lock import hold
from ptrapp.services.files import importing, pieces
from ptrapp.services.files.import_rows import RowImport
from ptrapp.services.files.importing import finish_imports, import_named

N = 400
TABLES = (Prompt, Round, Comparison, Vote)


@pytest.fixture
def at(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RowContext:
    monkeypatch.setattr(importing, "BATCH", N - 1)
    monkeypatch.setattr(pieces, "LEAST", 20)
    return context(database, tmp_path / "data")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pairs.jsonl"
    rows = (
        {"prompt": f"Question {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."}
        for n in range(N)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def stored(at: RowContext) -> list[int]:
    with at.database.read() as session:
        return [session.query(table).count() for table in TABLES]


def areas(at: RowContext) -> list[Path]:
    return list((at.settings.data_dir / pieces.STAGING).glob("*"))


@pytest.fixture
def cut_off(at: RowContext, file: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """An import whose fourth piece fails; returns the number of votes that are stored."""
    add, n_pieces = RowImport.add, [0]

    def fail(self: RowImport, records: Any) -> int:
        n_pieces[0] += 1
        if n_pieces[0] == 4:
            raise DatabaseLocked("Another program keeps it locked.")
        return add(self, records)

    with monkeypatch.context() as patched:
        patched.setattr(RowImport, "add", fail)
        with pytest.raises(DatabaseLocked, match="at its next start"):
            import_named(at, file)
    return stored(at)[-1]


def test_it_stores_what_one_transaction_would(
    at: RowContext, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = import_named(at, file)
    assert (done.n_new, done.n_known) == (N, 0)
    assert stored(at) == [N, 2 * N, N, N]
    assert done.counts["votes"] == N
    assert not areas(at), "nothing is left of the staging area"
    again = import_named(at, file)
    assert (again.n_new, again.n_known) == (0, N)


def test_others_write_between_its_pieces(
    at: RowContext, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote: list[int] = []
    n_pieces, over = [0], threading.Event()
    add = RowImport.add

    def count(self: RowImport, records: Any) -> int:
        n_pieces[0] += 1
        return add(self, records)

    def write_on() -> None:
        while not over.is_set():
            with at.database.write(shared=True) as session:
                prompts.ensure_prompt(session, f"asked meanwhile {len(wrote)}", source="play")
            wrote.append(n_pieces[0])

    monkeypatch.setattr(RowImport, "add", count)
    other = threading.Thread(target=write_on)
    other.start()
    import_named(at, file)
    over.set()
    other.join()
    assert len({n for n in wrote if 0 < n < n_pieces[0]}) >= 3, "after three pieces at least"


def test_one_that_was_cut_off_is_finished_at_the_next_start(at: RowContext, cut_off: int) -> None:
    assert 0 < cut_off < N
    finish_imports(at)
    assert stored(at) == [N, 2 * N, N, N]
    assert not areas(at)


def test_one_that_another_process_is_at_is_left_to_it(at: RowContext, cut_off: int) -> None:
    (area,) = areas(at)
    with hold(area / pieces.LOCK):
        finish_imports(at)
    assert stored(at)[-1] == cut_off
    finish_imports(at)
    assert stored(at)[-1] == N


def test_a_copy_that_was_cut_off_is_removed_and_stores_nothing(
    at: RowContext, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = at.settings.data_dir / pieces.STAGING / "half"
    half.mkdir(parents=True)
    (half / pieces.FILE).write_bytes(b'{"prompt": "Q')
    finish_imports(at)
    assert not areas(at)
    assert stored(at) == [0, 0, 0, 0]


def test_one_that_ends_while_its_file_is_copied_leaves_nothing_behind(
    at: RowContext, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfile", end)
    with pytest.raises(KeyboardInterrupt):
        import_named(at, file)
    with at.database.read() as session:
        assert imports.page(session) == ([], 0)
    assert not areas(at)


def test_a_request_whose_import_was_not_kept_is_removed_at_the_next_start(
    at: RowContext, cut_off: int
) -> None:
    (area,) = areas(at)
    request = json.loads((area / pieces.REQUEST).read_text(encoding="utf-8"))
    request["import_id"] = 999
    (area / pieces.REQUEST).write_text(json.dumps(request), encoding="utf-8")
    finish_imports(at)
    assert not areas(at)
    assert stored(at)[-1] == cut_off


def test_a_bad_row_at_the_end_keeps_the_whole_file_out(at: RowContext, file: str) -> None:
    with Path(file).open("a", encoding="utf-8") as rows:
        rows.write('{"prompt": "Question?", "chosen": 1, "rejected": "Bad."}\n')
    with pytest.raises(importing.InputError, match="Nothing was imported"):
        import_named(at, file)
    assert stored(at) == [0, 0, 0, 0]
    assert not areas(at)


@pytest.mark.parametrize("alone", [True, False])
def test_it_rests_between_its_pieces_unless_it_knows_that_nobody_else_writes(
    at: RowContext, file: str, monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(Database, "is_alone", property(lambda _: alone))
    monkeypatch.setattr(pieces.time, "sleep", rests.append)
    assert import_named(at, file).n_new == N
    assert not rests if alone else len(rests) >= 3
