"""Upgrades: one outcome however a database came to be, every vote kept, one upgrader at a time."""

import json
import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError

from db.models import Base, Vote
from db.storage import append_only, connect, migrate
from db.storage.errors import DatabaseCorrupt, DatabaseError
from db.storage.session import Database, open_database

HEAD = migrate.revisions()[-1]
NEXT = f"{int(HEAD) + 1:04}"
COMING = f'''
"""A step of the kind that destroys votes when done carelessly: it alters what votes refer to."""
import sqlalchemy as sa
from alembic import op
revision = "{NEXT}"
down_revision = "{HEAD}"
def upgrade():
    with op.batch_alter_table("raters") as raters:
        raters.alter_column("name", type_=sa.String(200))
    with op.batch_alter_table("votes") as votes:
        votes.alter_column("client", type_=sa.String(64))
        votes.add_column(sa.Column("mood", sa.String()))
'''
LOSING = COMING.replace(
    "def upgrade():",
    "def upgrade():\n    op.execute('DROP TRIGGER votes_no_delete')\n"
    "    op.execute('DELETE FROM votes')",
)


def _file(database: Database) -> Path:
    return Path(database.url.removeprefix("sqlite:///"))


def _schema(engine: Engine) -> dict[str, Any]:
    """Everything the database says about its tables, in an order that does not matter."""
    found = inspect(engine)
    tables = [name for name in found.get_table_names() if name != "alembic_version"]
    kinds = ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "indexes")
    kinds += ("check_constraints",)
    return {
        f"{table}.{kind}": sorted(
            json.dumps(row, default=str) for row in (rows if isinstance(rows, list) else [rows])
        )
        for table in tables
        for kind in kinds
        for rows in [getattr(found, f"get_{kind}")(table)]
    }


@pytest.fixture
def coming_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of a coming version, in a copy; returns the file of its new step."""
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    steps = sorted(migrate.SCRIPTS.glob("versions/0*.py"))
    for file in (migrate.SCRIPTS / "env.py", migrate.SCRIPTS / "script.py.mako", *steps):
        (scripts / file.relative_to(migrate.SCRIPTS)).write_text(
            file.read_text(encoding="utf-8"), encoding="utf-8"
        )
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    return scripts / "versions" / f"{NEXT}_coming.py"


def test_a_fresh_schema_equals_the_migrated_one(url: str) -> None:
    open_database(url).dispose()
    migrated = create_engine(url)
    expected = _schema(migrated)
    with migrated.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    fresh = migrated if migrated.dialect.name == "postgresql" else create_engine("sqlite://")
    Base.metadata.create_all(fresh)
    assert _schema(fresh) == expected
    assert "votes.columns" in expected


def test_the_steps_are_those_that_alembic_finds() -> None:
    """Their names say the order, so that a start with nothing to upgrade does without alembic."""
    scripts = ScriptDirectory(str(migrate.SCRIPTS))
    assert list(scripts.walk_revisions())[::-1] == [
        scripts.get_revision(name) for name in migrate.revisions()
    ]


def test_opening_again_changes_nothing(sqlite_database: Database) -> None:
    with closing(sqlite3.connect(_file(sqlite_database))) as watcher:
        before = watcher.execute("PRAGMA data_version").fetchone()
        open_database(sqlite_database.url).dispose()
        assert watcher.execute("PRAGMA data_version").fetchone() == before
    assert len(list(_file(sqlite_database).parent.glob("*before*"))) == 0


@pytest.mark.parametrize("statement", ["UPDATE votes SET strength = 2", "DELETE FROM votes"])
def test_votes_can_be_neither_changed_nor_deleted(world: Any, statement: str) -> None:
    vote = world.vote()
    with pytest.raises(DatabaseError, match="append-only"):
        with world.database.write() as session:
            session.execute(text(statement))
    assert [row.id for row in world.standing()] == [vote.id]


def test_replace_is_no_way_around_it(world: Any) -> None:
    """INSERT OR REPLACE deletes the old row, for which only recursive triggers fire."""
    if not world.database.url.startswith("sqlite"):
        pytest.skip("only SQLite has INSERT OR REPLACE")
    vote = world.vote()
    with pytest.raises(DatabaseError, match="append-only"):
        with world.database.write() as session:
            session.execute(
                text(
                    "INSERT OR REPLACE INTO votes SELECT id, key, comparison_id, rater_id, offer_key,"
                    " 'right', strength, blind, rationale, decided_ms, client, supersedes_id,"
                    " created_at, agreed, purpose, import_id FROM votes"
                )
            )
    assert [row.outcome for row in world.standing()] == [vote.outcome]


def test_a_log_without_its_triggers_is_not_opened(sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("DROP TRIGGER votes_no_update")
    with pytest.raises(DatabaseCorrupt, match="votes_no_update"):
        open_database(sqlite_url)


def test_a_postgresql_log_without_its_triggers_is_not_opened(postgres_url: str) -> None:
    open_database(postgres_url).dispose()
    with create_engine(postgres_url).begin() as connection:
        connection.execute(text("ALTER TABLE votes DISABLE TRIGGER votes_no_delete"))
    with pytest.raises(DatabaseCorrupt, match="votes_no_delete"):
        open_database(postgres_url)


def test_an_upgrade_keeps_every_vote_and_the_protection(world: Any, coming_step: Path) -> None:
    for _ in range(3):
        world.vote()
    world.database.dispose()
    coming_step.write_text(COMING, encoding="utf-8")
    upgraded = open_database(world.database.url)
    with upgraded.read() as session:
        assert session.query(Vote).count() == 3
        assert session.execute(text("SELECT count(mood), count(*) FROM votes")).one() == (0, 3)
    with pytest.raises(DatabaseError, match="append-only"):
        with upgraded.write() as session:
            session.execute(text("DELETE FROM votes"))
    upgraded.dispose()


def test_a_copy_is_kept_of_what_is_upgraded(sqlite_database: Database, coming_step: Path) -> None:
    sqlite_database.dispose()
    coming_step.write_text(COMING, encoding="utf-8")
    open_database(sqlite_database.url).dispose()
    (copy,) = _file(sqlite_database).parent.glob(f"thrice-before-{NEXT}-*.db")
    with closing(sqlite3.connect(copy)) as earlier:
        assert earlier.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)


def test_an_upgrade_that_would_lose_votes_changes_nothing(world: Any, coming_step: Path) -> None:
    if not world.database.url.startswith("sqlite"):
        pytest.skip("DROP TRIGGER is written for SQLite")
    world.vote()
    world.database.dispose()
    coming_step.write_text(LOSING, encoding="utf-8")
    with pytest.raises(DatabaseError, match="would have kept 0 of 1 votes"):
        open_database(world.database.url)
    with closing(sqlite3.connect(_file(world.database))) as file:
        assert file.execute("SELECT count(*) FROM votes").fetchone() == (1,)
        assert file.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
        names = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        assert sorted(name for (name,) in names) == sorted(append_only.TRIGGERS)


def test_a_dangling_reference_stops_an_upgrade(world: Any, coming_step: Path) -> None:
    if not world.database.url.startswith("sqlite"):
        pytest.skip("PostgreSQL never has one")
    world.database.dispose()
    with closing(sqlite3.connect(_file(world.database))) as file, file:
        file.execute("DELETE FROM prompts")
    coming_step.write_text(COMING, encoding="utf-8")
    with pytest.raises(DatabaseCorrupt, match="refers to a missing row in 'prompts'"):
        open_database(world.database.url)


def test_a_failing_step_leaves_the_file_as_it_was(
    sqlite_database: Database, coming_step: Path
) -> None:
    sqlite_database.dispose()
    coming_step.write_text(COMING + "    op.execute('SELECT * FROM nowhere')\n", encoding="utf-8")
    with pytest.raises(DBAPIError, match="nowhere"):
        open_database(sqlite_database.url)
    with closing(sqlite3.connect(_file(sqlite_database))) as file:
        columns = [row[1] for row in file.execute("PRAGMA table_info(votes)")]
        assert "mood" not in columns


def test_the_migrating_connection_has_no_foreign_keys(sqlite_database: Database) -> None:
    engine = connect.migrator(make_url(sqlite_database.url), 1.0)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def first_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the first version, with jobs and all that refers to them."""
    url = f"sqlite:///{tmp_path / 'first.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    migrate.upgrade(make_url(url), 1.0, revision="0001")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in FIRST_ROWS:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return url


FIRST_ROWS = (
    "INSERT INTO jobs VALUES (3, 'dpo', '{\"settings\": {}}', 'dpo:base', 'done', 'publishing', 9,"
    " 9, NULL, NULL, false, NULL, NULL, 1, '2026-11-01', '2026-11-01', '2026-11-02')",
    "INSERT INTO jobs VALUES (7, 'mask_sft', '{}', 'mask_sft:1', 'running', 'training', 2, 9, 3.5,"
    " 'e', true, 'token', 1e9, 2, '2026-11-03', '2026-11-03', NULL)",
    "INSERT INTO job_metrics VALUES (3, 1, 'loss', 0.7), (7, 2, 'loss', 0.25)",
    "INSERT INTO snapshots VALUES (1, 3, 'abc', 'jobs/3', 5, 8, '{}', '2026-11-02')",
    "INSERT INTO adapters VALUES (1, 'dpo-000003', NULL, 3, 1, 'tiny', 'adapters/1', 'def',"
    " 'active', NULL, '{}', '2026-11-02', '2026-11-02')",
)


def _rows(url: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of what has to do with jobs."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            table: [
                dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {table}"))
            ]
            for table in ("jobs", "job_metrics", "snapshots", "adapters")
        }
    engine.dispose()
    return found


def test_jobs_of_the_first_version_and_what_refers_to_them_are_kept(first_url: str) -> None:
    before = _rows(first_url)
    assert [len(rows) for rows in before.values()] == [2, 2, 1, 1]
    open_database(first_url).dispose()
    after = _rows(first_url)
    for job in after["jobs"]:
        assert job.pop("notes") in ("[]", [])
        assert job.pop("result") in ("{}", {})
    for version in after["adapters"]:
        assert (version.pop("title"), version.pop("note")) == (None, None)
    after["jobs"].sort(key=lambda job: int(job["id"]))
    assert after == before


def test_jobs_of_the_first_version_are_as_protected_as_new_ones(first_url: str) -> None:
    open_database(first_url).dispose()
    engine = create_engine(first_url)
    for statement, named in (
        ("UPDATE jobs SET status = 'lost' WHERE id = 3", "jobstatus|CHECK constraint"),
        ("UPDATE jobs SET kind = 'lost' WHERE id = 3", "jobkind|CHECK constraint"),
        ("UPDATE jobs SET dedup = 'mask_sft:1', status = 'queued' WHERE id = 3", "(?i)unique"),
    ):
        with pytest.raises(DBAPIError, match=named), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET status = 'discarded' WHERE id = 3")
    engine.dispose()


def _open_at_the_same_time(url: str, gate: Any) -> None:
    gate.wait()
    open_database(url).dispose()


@pytest.mark.parametrize(
    "start", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def test_processes_that_start_at_once_do_not_collide(
    start: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if start == "sqlite":
        url = f"sqlite:///{tmp_path / 'new' / 'thrice.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
    fork = multiprocessing.get_context("fork")
    gate = fork.Barrier(6)
    processes = [fork.Process(target=_open_at_the_same_time, args=(url, gate)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 6


def test_an_evaluation_of_before_keeps_its_job_and_its_control(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    migrate.upgrade(make_url(url), 1.0, revision="0006")
    settings = {1: "greedy, seed 0, refine, job 7", 2: "greedy, seed 0, thought removed, job 7",
                3: "greedy, job 99", 4: "by hand"}  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "old.db")) as file, file:
        file.execute(
            "INSERT INTO jobs (id, kind, payload, dedup, status, phase, step, n_steps, notes,"
            " result, cancel_requested, n_claims, created_at)"
            " VALUES (7, 'evaluate', '{}', 'e', 'done', '', 0, 0, '[]', '{}', 0, 0, '2026-01-01')"
        )
        for id_, setting in settings.items():
            file.execute(
                "INSERT INTO evaluations (id, task, round_index, setting, n, n_correct, created_at)"
                f" VALUES ({id_}, 'generated', 0, '{setting}', 10, 5, '2026-01-01')"
            )
    open_database(url).dispose()
    with closing(sqlite3.connect(tmp_path / "old.db")) as file:
        kept = file.execute("SELECT job_id, control FROM evaluations ORDER BY id").fetchall()
    assert kept == [(7, "refine"), (7, "thought removed"), (None, None), (None, None)]
