"""Files taken away under an open database: nothing is stored any more, and every write says so."""

from pathlib import Path

import pytest
from sqlalchemy import text

from db.content import prompts
from db.storage.errors import DatabaseError, DatabaseGone
from db.storage.session import Database


def _file(database: Database) -> Path:
    return Path(database.url.removeprefix("sqlite:///"))


def _write(database: Database, question: str) -> None:
    with database.write(shared=True) as session:
        prompts.ensure_prompt(session, question, source="play")


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_deleted_file_refuses_every_write(sqlite_database: Database, end: str) -> None:
    _write(sqlite_database, "before")
    file = _file(sqlite_database)
    Path(f"{file}{end}").unlink()
    for _ in range(2):
        with pytest.raises(DatabaseGone, match="deleted or replaced while in use"):
            _write(sqlite_database, "after")
    with pytest.raises(DatabaseGone):
        sqlite_database.check_files()


def test_what_is_committed_to_a_file_deleted_meanwhile_is_not_acknowledged(
    sqlite_database: Database,
) -> None:
    _write(sqlite_database, "before")

    def write_meanwhile() -> None:
        with sqlite_database.write() as session:
            prompts.ensure_prompt(session, "meanwhile", source="play")
            _file(sqlite_database).unlink()

    with pytest.raises(DatabaseGone):
        write_meanwhile()


def test_another_file_of_the_same_name_is_not_written_to(sqlite_database: Database) -> None:
    _write(sqlite_database, "before")
    file = _file(sqlite_database)
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    with pytest.raises(DatabaseGone, match="replaced"):
        _write(sqlite_database, "after")


def test_a_file_that_is_put_back_is_written_to_again(sqlite_database: Database) -> None:
    _write(sqlite_database, "before")
    file = _file(sqlite_database)
    away = file.rename(file.with_name("away.db"))
    with pytest.raises(DatabaseGone):
        _write(sqlite_database, "meanwhile")
    away.rename(file)
    _write(sqlite_database, "after")
    with sqlite_database.read() as session:
        stored = session.scalars(text("SELECT text FROM prompts ORDER BY id")).all()
    assert stored == ["before", "after"]


def test_no_empty_database_is_made_where_the_file_was(sqlite_database: Database) -> None:
    file = _file(sqlite_database)
    sqlite_database._reader.dispose()  # the next reader opens the file anew
    file.unlink()
    with pytest.raises(DatabaseError, match="moved or deleted while in use"):
        with sqlite_database.read() as session:
            session.scalars(text("SELECT text FROM prompts"))
    assert not file.exists()
