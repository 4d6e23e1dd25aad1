"""What a living import holds is shown, whatever becomes of others with the same rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from stored_votes import RowContext, context

from db.labelling import preferences
from db.models import Comparison, Import, ImportState, Prompt, Round, Run
from db.storage.errors import Conflict, DatabaseLocked
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.services.files import importing, imports, pieces
from ptrapp.services.files.import_rows import RowImport
from ptrapp.services.files.importing import Imported, finish_imports, import_named

N = 40


@pytest.fixture
def at(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RowContext:
    monkeypatch.setattr(importing, "BATCH", 9)
    monkeypatch.setattr(pieces, "LEAST", 4)
    monkeypatch.setattr(pieces, "MOST", 4)
    return context(database, tmp_path / "data")


@pytest.fixture
def bring(at: RowContext, tmp_path: Path) -> Callable[..., Imported]:
    def bring(name: str, n: int = N, first: int = 0, **options: Any) -> Imported:
        path = tmp_path / f"{name}-{n}.jsonl"
        rows = (
            {"prompt": f"Question {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."}
            for n in range(first, first + n)
        )
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return import_named(at, str(path), name=name, **options)

    return bring


def shown(at: RowContext) -> tuple[int, int, int, int]:
    """Prompts, runs of shown pairs, pairs and votes that count."""
    with at.database.read() as session:
        runs = select(func.count(Run.id.distinct())).join(Round, Round.run_id == Run.id)
        runs = runs.join(Comparison, Comparison.left_round_id == Round.id)
        return (
            session.scalar(select(func.count(Prompt.id)).where(Prompt.is_shown())) or 0,
            session.scalar(runs.where(Run.is_shown(), Comparison.is_shown())) or 0,
            session.scalar(select(func.count(Comparison.id)).where(Comparison.is_shown())) or 0,
            len(preferences.current_votes(session)),
        )


def all_of(n: int, *, votes: int = 1) -> tuple[int, int, int, int]:
    return n, n, n, n * votes


def state_of(at: RowContext, import_id: int) -> ImportState:
    with at.database.read() as session:
        return session.get_one(Import, import_id).state


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """Has something done before the so-manieth piece that any import stores."""
    add, n_pieces = RowImport.add, [0]
    todo: dict[int, Callable[[], object]] = {}

    def watched(self: RowImport, records: Any) -> Any:
        n_pieces[0] += 1
        return add(self, records)

    def pause(_: float) -> None:
        if (what := todo.pop(n_pieces[0] + 1, None)) is not None:
            what()

    monkeypatch.setattr(RowImport, "add", watched)
    monkeypatch.setattr(pieces.time, "sleep", pause)
    return todo.__setitem__


def cut_off(at: RowContext, bring: Callable[..., Imported], name: str) -> int:
    """An import whose process ends after some pieces; returns its number."""
    ids: list[int] = []
    add, n_pieces = RowImport.add, [0]

    def fail(self: RowImport, records: Any) -> Any:
        n_pieces[0] += 1
        if n_pieces[0] == 6:
            raise DatabaseLocked("Its process ends.")
        return add(self, records)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RowImport, "add", fail)
        with pytest.raises(DatabaseLocked):
            bring(name, begun=ids.append)
    return ids[0]


@pytest.mark.parametrize("n", [8, N])
def test_one_that_is_imported_again_shows_what_another_had_brought_first(
    at: RowContext, bring: Callable[..., Imported], n: int
) -> None:
    first = bring("za", n)
    bring("zb", n)
    assert first.import_id is not None
    imports.undo(at, first.import_id, "ada")
    assert shown(at)[2] == 0
    again = bring("zb", n)
    assert (again.n_new, again.n_known) == (n, 0)
    assert shown(at) == all_of(n)
    known = bring("zb", n)
    assert (known.n_new, known.n_known, known.import_id) == (0, n, None)
    assert again.import_id is not None
    imports.undo(at, again.import_id, "ada")
    assert shown(at)[2] == 0
    assert bring("za", n).n_new == n
    assert shown(at) == all_of(n, votes=2)


@pytest.mark.parametrize("others", ["E1", "E2"], ids=["the same name", "another name"])
@pytest.mark.parametrize("ends", ["at once", "before the end", "afterwards"])
def test_a_cancel_hides_nothing_that_another_import_shows(
    at: RowContext,
    bring: Callable[..., Imported],
    meanwhile: Callable[..., None],
    others: str,
    ends: str,
) -> None:
    ids: list[int] = []
    results: list[Imported] = []

    def cancel() -> None:
        imports.cancel(at, ids[0])

    def second() -> None:
        if ends != "afterwards":
            meanwhile(8 if ends == "at once" else 14, cancel)
        results.append(bring(others))
        if ends == "afterwards":
            assert shown(at) == all_of(N), "though the first one is still running"
            cancel()

    meanwhile(5, second)
    with pytest.raises(InputError, match="cancelled"):
        bring("E1", begun=ids.append)
    assert (results[0].n_new, results[0].n_known) == (N, 0)
    assert shown(at) == all_of(N)
    assert bring(others).n_new == 0


def test_both_are_shown_when_neither_is_cancelled(
    at: RowContext, bring: Callable[..., Imported], meanwhile: Callable[..., None]
) -> None:
    meanwhile(5, lambda: bring("E2"))
    bring("E1")
    assert shown(at) == all_of(N, votes=2)


def test_a_small_one_is_shown_whole_while_a_large_one_runs(
    at: RowContext, bring: Callable[..., Imported], meanwhile: Callable[..., None]
) -> None:
    ids: list[int] = []

    def small() -> None:
        assert bring("small", 8).n_new == 8
        assert shown(at) == all_of(8)
        imports.cancel(at, ids[0])

    meanwhile(5, small)
    with pytest.raises(InputError, match="cancelled"):
        bring("E1", begun=ids.append)
    assert shown(at) == all_of(8)


def test_an_undo_meanwhile_hides_nothing_of_a_running_one(
    at: RowContext, bring: Callable[..., Imported], meanwhile: Callable[..., None]
) -> None:
    first = bring("za").import_id
    assert first is not None
    meanwhile(15, lambda: imports.undo(at, first, "ada"))
    bring("zb")
    assert shown(at) == all_of(N)


def test_one_that_is_imported_again_after_its_process_died_has_it_all(
    at: RowContext, bring: Callable[..., Imported]
) -> None:
    dead = cut_off(at, bring, "A")
    again = bring("A")
    assert (again.n_new, again.n_known) == (N, 0)
    assert shown(at) == all_of(N)
    imports.cancel(at, dead)
    assert shown(at) == all_of(N)
    finish_imports(at)
    assert shown(at) == all_of(N)
    assert again.import_id is not None
    imports.undo(at, again.import_id, "ada")
    assert bring("A").n_new == N
    assert shown(at) == all_of(N)


def test_two_that_are_both_finished_in_the_end_can_be_undone_and_shown_again(
    at: RowContext, bring: Callable[..., Imported]
) -> None:
    cut_off(at, bring, "A")
    again = bring("A")
    finish_imports(at)
    assert shown(at) == all_of(N)
    assert again.import_id is not None
    imports.undo(at, again.import_id, "ada")
    bring("A")
    assert shown(at) == all_of(N)


def test_a_cancelled_one_that_was_cut_off_is_cleared_at_the_next_start(
    at: RowContext, bring: Callable[..., Imported], caplog: pytest.LogCaptureFixture
) -> None:
    dead = cut_off(at, bring, "A")
    with at.database.write() as session:
        session.get_one(Import, dead).state = ImportState.CANCELLED
    finish_imports(at)
    assert not list((at.settings.data_dir / pieces.STAGING).glob("*"))
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert state_of(at, dead) is ImportState.CANCELLED
    assert shown(at)[2] == 0


def test_a_whole_one_is_not_cancelled_any_more_and_is_finished_at_the_next_start(
    at: RowContext, bring: Callable[..., Imported], meanwhile: Callable[..., None]
) -> None:
    """It may have taken over what another one shows by now."""
    other = cut_off(at, bring, "A")
    ids: list[int] = []

    def die() -> None:
        with pytest.raises(Conflict, match="stored whole"):
            imports.cancel(at, ids[0])
        raise DatabaseLocked("Its process ends.")

    meanwhile(6 + N // 4 + 3, die)
    with pytest.raises(DatabaseLocked):
        bring("B", begun=ids.append)
    assert shown(at)[2] == 0
    finish_imports(at)
    assert state_of(at, ids[0]) is state_of(at, other) is ImportState.DONE
    assert shown(at) == all_of(N, votes=2)


def test_a_record_counts_once_though_several_of_its_rows_are_taken_over(
    at: RowContext, bring: Callable[..., Imported]
) -> None:
    first = bring("za", 4).import_id
    assert first is not None
    bring("za", 4, first=4)
    imports.undo(at, first, "ada")
    again = bring("za", 8)
    assert (again.n_new, again.n_known) == (4, 4)
