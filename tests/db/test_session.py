"""The two kinds of session: their connections, their transactions and their errors."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select, text

from db.content import prompts
from db.labelling import campaigns, raters
from db.models import Aspect, Campaign, RaterKind
from db.storage.errors import Conflict, DatabaseError, DatabaseReadOnly
from db.storage.session import Database, open_database


def _pragma(database: Database, name: str, *, writing: bool) -> object:
    with database.write() if writing else database.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar()


@pytest.mark.parametrize("writing", [True, False])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("busy_timeout", 200),
    ],
)
def test_connections_have_their_pragmas(
    sqlite_database: Database, name: str, value: object, writing: bool
) -> None:
    assert _pragma(sqlite_database, name, writing=writing) == value


def test_only_the_reader_refuses_to_write(sqlite_database: Database) -> None:
    assert _pragma(sqlite_database, "query_only", writing=False) == 1
    assert _pragma(sqlite_database, "query_only", writing=True) == 0
    with pytest.raises(DatabaseReadOnly, match="open it with write"):
        with sqlite_database.read() as session:
            prompts.ensure_prompt(session, "2 + 2", source="play")


def test_a_block_that_raises_stores_nothing(database: Database) -> None:
    def stop_half_way() -> None:
        with database.write() as session:
            prompts.ensure_prompt(session, "2 + 2", source="play")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        stop_half_way()
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM prompts")).scalar() == 0


def test_one_that_is_not_durable_is_stored_and_does_not_wait_for_the_disk(
    database: Database,
) -> None:
    on_sqlite = database.url.startswith("sqlite")
    waits, waits_not = (2, 1) if on_sqlite else ("on", "off")
    setting = text("PRAGMA synchronous" if on_sqlite else "SHOW synchronous_commit")
    for durable in (True, False, False, True):
        with database.write(durable=durable) as session:
            assert session.scalar(setting) == (waits if durable else waits_not)
            raters.ensure_rater(session, RaterKind.HUMAN, f"durable: {durable}")
    with database.read() as session:
        names = session.scalars(text("SELECT name FROM raters ORDER BY id")).all()
    assert names == ["durable: True", "durable: False"]


def test_rows_stay_readable_after_their_session(database: Database) -> None:
    with database.write() as session:
        prompt = prompts.ensure_prompt(session, "2 + 2", source="play")
    assert prompt.text == "2 + 2"
    assert prompt.created_at.tzinfo is not None


def test_a_reader_does_not_wait_for_a_writer(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "ann")
        started = time.perf_counter()
        with sqlite_database.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM raters")).scalar() == 0
        assert time.perf_counter() - started < 0.1


def test_a_writer_takes_the_lock_before_it_reads(sqlite_database: Database) -> None:
    """Read first and lock later is how two writers lose one's change, or fail at once."""
    file = Path(sqlite_database.url.removeprefix("sqlite:///"))
    with sqlite_database.write() as session:
        session.execute(text("SELECT count(*) FROM raters"))
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")


def test_writers_of_one_process_wait_for_each_other(sqlite_url: str) -> None:
    """Ten threads that would all get "locked" at once if they met in SQLite."""
    database = open_database(sqlite_url, busy_timeout_s=0.0)

    def write(number: int) -> None:
        with database.write() as session:
            raters.ensure_rater(session, RaterKind.HUMAN, f"rater {number}")
            time.sleep(0.01)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(write, range(10)))
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM raters")).scalar() == 10
    database.dispose()


def test_a_broken_rule_of_the_schema_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict, match="contradicts"):
        with database.write() as session:
            session.execute(
                text(
                    "INSERT INTO reveals (rater_id, round_id, created_at) VALUES (1, 1, '2026-01-01')"
                )
            )


def test_a_mistake_in_sql_is_raised_unchanged(sqlite_database: Database) -> None:
    with pytest.raises(Exception, match="no such table") as caught:
        with sqlite_database.read() as session:
            session.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, DatabaseError)


def test_the_folder_is_made(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'a' / 'b' / 'thrice.db'}")
    database.dispose()
    assert (tmp_path / "a" / "b" / "thrice.db").is_file()


def test_opening_an_up_to_date_database_is_fast(sqlite_url: str) -> None:
    best = 9.0
    for _ in range(3):
        started = time.perf_counter()
        open_database(sqlite_url).dispose()
        best = min(best, time.perf_counter() - started)
    assert best < 0.3


def test_opening_needs_no_write_lock_when_up_to_date(
    sqlite_database: Database, sqlite_url: str
) -> None:
    with sqlite_database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "ann")
        open_database(sqlite_url, busy_timeout_s=0.1).dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("mysql://root@localhost/x", "not supported|cannot be understood"),
        ("thrice.db", "cannot be understood"),
        ("nosuch://x", "cannot be understood"),
    ],
)
def test_an_unusable_url_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words):
        open_database(url)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "thrice.db"
    for _ in range(2):
        opened = open_database(f"sqlite:///{file}")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("thrice.db*")}
        assert set(modes.values()) == {0o600}, modes
        opened.dispose()
        file.chmod(0o644)  # as earlier versions left it


def test_stopped_writes_are_refused_with_the_reason_and_reads_go_on(database: Database) -> None:
    before = database.last_write
    with database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "Ada")
    assert database.last_write is not before, "a write is told by another object"
    marked = database.last_write
    database.stop_writes("another app has it")
    with pytest.raises(DatabaseReadOnly, match="another app has it"):
        with database.write() as session:
            raters.ensure_rater(session, RaterKind.HUMAN, "Bob")
    with pytest.raises(DatabaseReadOnly, match="another app has it"):
        database.check_files()
    assert database.last_write is marked
    with database.read() as session:
        names = {rater.name for rater in session.query(raters.Rater).all()}
    assert "Ada" in names
    assert "Bob" not in names


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_times_are_told_in_utc_whatever_the_servers_zone(
    migrated_postgres_url: str, zone: str
) -> None:
    url = make_url(migrated_postgres_url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE \"{url.database}\" SET timezone = '{zone}'"))
    engine.dispose()
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    database = open_database(migrated_postgres_url)
    with database.write() as session:
        for time_ in (first, last):
            campaigns.create(session, str(time_.year), aspect=Aspect.RESPONSE).deadline = time_
    with database.read() as session:
        assert {row.deadline for row in session.scalars(select(Campaign))} == {first, last}
    database.dispose()
