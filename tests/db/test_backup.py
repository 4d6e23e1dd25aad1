"""Backups: what was committed is in them, they are complete or absent."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from db.labelling import raters
from db.models import RaterKind
from db.storage.backup import backup
from db.storage.errors import DatabaseError
from db.storage.session import Database, open_database


def _n_raters(file: Path) -> int:
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return copy.execute("SELECT count(*) FROM raters").fetchone()[0]


def test_a_backup_holds_what_is_still_in_the_write_ahead_log(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with sqlite_database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "ann")
    copy = backup(sqlite_database.url, tmp_path / "kept" / "copy.db")
    assert _n_raters(copy) == 1
    open_database(f"sqlite:///{copy}").dispose()


def test_a_backup_taken_under_load_is_whole(sqlite_database: Database, tmp_path: Path) -> None:
    stop = threading.Event()
    stored: list[int] = []

    def keep_writing() -> None:
        while not stop.is_set():
            with sqlite_database.write() as session:
                name = f"rater {len(stored)}"
                stored.append(raters.ensure_rater(session, RaterKind.HUMAN, name).id)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    while len(stored) < 5:
        stop.wait(0.01)
    before = len(stored) - 1
    copied = [_n_raters(backup(sqlite_database.url, tmp_path / "copy.db")) for _ in range(3)]
    stop.set()
    thread.join()
    assert before <= copied[0] <= copied[1] <= copied[2] <= len(stored)


def test_a_failed_backup_leaves_the_earlier_one_alone(
    sqlite_database: Database, tmp_path: Path
) -> None:
    copy = backup(sqlite_database.url, tmp_path / "kept" / "copy.db")
    before = copy.read_bytes()
    file = Path(sqlite_database.url.removeprefix("sqlite:///"))
    sqlite_database.dispose()
    file.write_bytes(b"not a database any more" * 1000)
    with pytest.raises(DatabaseError):
        backup(sqlite_database.url, copy)
    assert copy.read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy.db"]


def test_a_missing_database_is_not_backed_up_as_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError):
        backup(f"sqlite:///{tmp_path / 'gone.db'}", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_never_replaces_its_database(sqlite_database: Database) -> None:
    file = Path(sqlite_database.url.removeprefix("sqlite:///"))
    with pytest.raises(DatabaseError, match="itself"):
        backup(sqlite_database.url, file)
