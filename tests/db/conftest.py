"""A database of one's own, on SQLite and on PostgreSQL, and a small world of rounds to vote on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from fresh_database import fresh_file
from small_world import World, new_round
from sqlalchemy import create_engine, make_url

from db.content import prompts, rounds
from db.content.rounds import NewRound
from db.labelling import comparisons, raters
from db.models import RaterKind, RunMode
from db.storage.session import Database, open_database

POSTGRES = os.environ.get("THRICE_TEST_POSTGRES")


@contextmanager
def postgres_database(template: str = "template1") -> Iterator[str]:
    """The URL of a PostgreSQL database copied from a template, and dropped at the end."""
    if not POSTGRES:
        pytest.skip("no PostgreSQL server: set THRICE_TEST_POSTGRES to its URL")
    url = make_url(POSTGRES).set(database=f"thrice_{uuid4().hex[:12]}")
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database} TEMPLATE {template}")
    yield url.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database."""
    with postgres_database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """The name of a migrated, empty PostgreSQL database to copy: migrating once is enough."""
    with postgres_database() as url:
        open_database(url).dispose()
        yield str(make_url(url).database)


@pytest.fixture
def migrated_postgres_url(migrated_postgres: str) -> Iterator[str]:
    """A migrated PostgreSQL database nobody has open."""
    with postgres_database(migrated_postgres) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A migrated SQLite database nobody has open."""
    return f"sqlite:///{fresh_file(tmp_path)}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    """A migrated database of either kind."""
    kind = "sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
    return str(request.getfixturevalue(kind))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    opened = open_database(sqlite_url, busy_timeout_s=0.2)
    yield opened
    opened.dispose()


@pytest.fixture
def world(database: Database) -> World:
    with database.write() as session:
        prompt = prompts.ensure_prompt(session, "What is 2 + 2?", source="play")
        ann = raters.ensure_rater(session, RaterKind.HUMAN, "ann")
        bob = raters.ensure_rater(session, RaterKind.HUMAN, "bob")
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge")
        run = rounds.start_run(session, prompt.id, RunMode.REFINE, {"rounds": 3}, rater_id=ann.id)
        ids: list[int] = []
        for index in range(3):
            parent = ids[-1] if ids else None
            ids.append(rounds.add_round(session, run.id, new_round(index, parent)).id)
        comparison = comparisons.ensure_comparison(session, ids[0], ids[2])
    return World(
        database,
        prompt.id,
        run.id,
        (ids[0], ids[1], ids[2]),
        ann.id,
        bob.id,
        judge.id,
        comparison.id,
    )


@pytest.fixture
def make_round() -> type[NewRound] | object:
    """Builds a plausible `NewRound` from index, parent_id and candidate."""
    return new_round
