"""Every way a file can be wrong ends in one sentence that names it, and the file is unchanged."""

import multiprocessing
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from fresh_database import migrated_file
from sqlalchemy import text

from db.content import prompts
from db.storage.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseLocked,
    DatabaseNewer,
    DiskFull,
)
from db.storage.session import Database, open_database

NOBODY = 65534


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder another user can reach, for the tests of permissions that root does not feel."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _open_and_write_as_a_user(file: Path) -> str:
    """The error of a user without root's rights, in a fork, as rights cannot be taken back."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_open_and_write, args=(file, sender))
    child.start()
    sender.close()
    child.join(20)
    assert child.exitcode == 0
    return receiver.recv()


def _open_and_write(file: Path, sender: Connection) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        with open_database(f"sqlite:///{file}").write() as session:
            prompts.ensure_prompt(session, "2 + 2", source="play")
        sender.send("written")
    except DatabaseError as error:
        sender.send(f"{type(error).__name__} {error}")


def test_a_locked_file_is_reported_as_locked(sqlite_database: Database) -> None:
    file = _file(sqlite_database.url)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match=f"keeps {file} locked"):
            with sqlite_database.write() as session:
                prompts.ensure_prompt(session, "2 + 2", source="play")
    with sqlite_database.write() as session:
        assert prompts.ensure_prompt(session, "2 + 2", source="play").id == 1


def test_a_writing_session_inside_another_is_named_instead_of_hanging(sqlite_url: str) -> None:
    database = open_database(sqlite_url, busy_timeout_s=0.0)
    with database.write() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseLocked, match="holds a transaction open"):
            with database.write() as inner:
                inner.execute(text("SELECT 1"))
    database.dispose()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "thrice.db"
    file.write_bytes(b"These are my notes, not a database. " * 50)
    before = file.read_bytes()
    with pytest.raises(DatabaseCorrupt, match=f"{file} is not an SQLite database"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_damaged_file_is_reported_as_damaged(sqlite_url: str) -> None:
    file = _file(sqlite_url)
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match="damaged"):
        with open_database(sqlite_url).read() as session:
            session.execute(text("SELECT * FROM prompts")).all()
    assert file.read_bytes() == bytes(content)


def test_a_database_of_another_program_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "thrice.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE recipes (id INTEGER)")
    before = file.read_bytes()
    with pytest.raises(DatabaseError, match=r"belongs to another program.*recipes"):
        open_database(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_later_schema_is_refused_and_kept(sqlite_url: str) -> None:
    file = _file(sqlite_url)
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.read_bytes()
    with pytest.raises(DatabaseNewer, match=r"9999.*update the program"):
        open_database(sqlite_url)
    assert file.read_bytes() == before


def test_a_full_disk_loses_only_the_change_it_had_no_room_for(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        kept = prompts.ensure_prompt(session, "kept", source="play").id
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
        session.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(DiskFull, match="make room"):
        with sqlite_database.write() as session:
            prompts.ensure_prompt(session, "x" * 100_000, source="play")
    with sqlite_database.write() as session:
        assert session.execute(text("SELECT id FROM prompts")).scalars().all() == [kept]
        session.execute(text("PRAGMA max_page_count = 1000000"))
        prompts.ensure_prompt(session, "x" * 100_000, source="play")


def test_a_file_that_may_not_be_written_is_said_to_be(public_folder: Path) -> None:
    file = public_folder / "thrice.db"
    shutil.copy(migrated_file(), file)
    file.chmod(0o444)
    public_folder.chmod(0o755 if os.geteuid() == 0 else 0o555)
    message = _open_and_write_as_a_user(file)
    assert message.startswith(f"DatabaseReadOnly {file} may not be written")
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


def test_a_folder_that_may_not_be_written_is_said_to_be(public_folder: Path) -> None:
    file = public_folder / "thrice.db"
    shutil.copy(migrated_file(), file)
    file.chmod(0o666)
    public_folder.chmod(0o555)
    message = _open_and_write_as_a_user(file)
    assert message.startswith(f"DatabaseReadOnly {public_folder} may not be written")


def test_a_folder_that_cannot_be_made_is_reported(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    message = _open_and_write_as_a_user(public_folder / "deeper" / "thrice.db")
    assert message.startswith(
        f"DatabaseReadOnly The folder {public_folder / 'deeper'} cannot be made"
    )


def test_a_file_where_the_folder_should_be_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(DatabaseError, match="cannot be made"):
        open_database(f"sqlite:///{tmp_path / 'data' / 'thrice.db'}")


def test_a_folder_instead_of_the_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "thrice.db").mkdir()
    with pytest.raises(DatabaseError, match="is a folder"):
        open_database(f"sqlite:///{tmp_path / 'thrice.db'}")


def test_a_folder_that_goes_away_is_reported_as_missing(tmp_path: Path, sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    database.dispose()
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    with pytest.raises(DatabaseError, match=f"The folder {tmp_path} of the database is missing"):
        with database.read() as session:
            session.execute(text("SELECT 1"))
    assert not tmp_path.exists()


def test_a_server_that_is_down_is_reported_as_unreachable() -> None:
    pytest.importorskip("psycopg", reason="no PostgreSQL driver installed")
    with pytest.raises(DatabaseError, match="cannot be reached") as caught:
        open_database("postgresql+psycopg://me:secret@127.0.0.1:1/thrice")
    assert "secret" not in str(caught.value)
