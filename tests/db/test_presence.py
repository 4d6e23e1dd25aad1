"""Processes on one PostgreSQL see what the others are at, until these end, however they end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from db.storage.presence import At, Presence
from db.storage.session import Database, open_database

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from sqlalchemy import make_url
from db.storage.presence import At, Presence
presence = Presence(make_url(sys.argv[1]))
print(presence.take(At.RUN, 7), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def two(migrated_postgres_url: str) -> Iterator[tuple[Database, Database]]:
    one, other = open_database(migrated_postgres_url), open_database(migrated_postgres_url)
    yield one, other
    one.dispose()
    other.dispose()


@pytest.mark.postgres
def test_what_one_takes_the_other_sees_and_cannot_take(two: tuple[Database, Database]) -> None:
    one, other = (each.presence for each in two)
    assert one.take(At.RUN, 3)
    assert one.take(At.RUN, 3), "it has it already"
    assert not other.take(At.RUN, 3)
    assert other.take(At.RUN, 4)
    assert (one.elsewhere(At.RUN), other.elsewhere(At.RUN)) == ({4}, {3})
    assert one.anywhere(At.RUN) == {3, 4}
    assert other.elsewhere(At.CHORES) == frozenset()
    one.give_back(At.RUN, 3)
    one.give_back(At.RUN, 3)
    assert other.take(At.RUN, 3)


@pytest.mark.postgres
def test_another_database_of_the_server_is_not_seen(
    two: tuple[Database, Database], postgres_url: str
) -> None:
    stranger = open_database(postgres_url)
    assert stranger.presence.take(At.CHORES)
    assert two[0].presence.take(At.CHORES)
    assert two[1].presence.elsewhere(At.CHORES) == {0}
    stranger.dispose()


@pytest.mark.postgres
def test_a_killed_process_is_at_nothing(migrated_postgres_url: str) -> None:
    database = open_database(migrated_postgres_url)
    command = [sys.executable, "-c", HOLD, migrated_postgres_url]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "True"
    assert database.presence.elsewhere(At.RUN) == {7}
    process.kill()
    process.wait()
    for _ in range(500):  # the server notices when it reads the closed connection
        if not database.presence.elsewhere(At.RUN):
            break
    assert database.presence.take(At.RUN, 7)
    database.dispose()


@pytest.mark.postgres
def test_a_lost_connection_takes_again_what_it_held(two: tuple[Database, Database]) -> None:
    one, other = (each.presence for each in two)
    assert one.take(At.RUN, 3)
    admin = create_engine(two[0].url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    admin.dispose()
    assert one.elsewhere(At.RUN) == frozenset()
    assert other.elsewhere(At.RUN) == {3}


def test_on_sqlite_there_is_nobody_else(sqlite_database: Database) -> None:
    presence: Presence = sqlite_database.presence
    assert not presence.is_shared
    assert presence.take(At.RUN, 1)
    presence.give_back(At.RUN, 1)
    assert presence.anywhere(At.RUN) == frozenset()
