"""Migrates a database to the schema of this version, without losing a row."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, inspect

from db.storage import append_only, connect
from db.storage.backup import backup
from db.storage.driver_errors import described, sqlite_file
from db.storage.errors import DatabaseCorrupt, DatabaseError, DatabaseNewer

SCRIPTS = Path(__file__).parents[1] / "migrations"
_UPGRADE_LOCK = 0x7472_6963
"""Advisory lock of PostgreSQL under which one program at a time upgrades."""


def upgrade(url: URL, busy_timeout_s: float, revision: str = "head", *, new: bool = True) -> None:
    """Migrates the database at `url`; does nothing, and takes no lock, when it is up to date.

    An SQLite file that needs an upgrade is first copied beside itself. Everything happens in one
    transaction: a failure leaves the file as it was. Unless it may be a `new` one, `DatabaseError`
    is raised where there is none.
    """
    wanted = revisions()[-1] if revision == "head" else revision
    file = sqlite_file(url)
    if not new and file is not None and not file.exists():  # to connect would make it
        raise _none(url)
    engine = connect.migrator(url, busy_timeout_s)
    try:
        with engine.connect() as connection:
            current = _current(connection, url)
            if current is None and not new:
                raise _none(url)
            if current != wanted:
                _lock(connection)
                current = _current(connection, url)
            if current == wanted:
                append_only.check(connection, described(url))
                return
            if current is not None:
                _copy(url, wanted)
            n_votes = _count_votes(connection)
            _run_scripts(connection, revision)
            append_only.install(connection)
            _verify(connection, n_votes, url)
            connection.commit()
    finally:
        engine.dispose()


def revisions() -> list[str]:
    """Returns the steps of the schema in their order: each file's name begins with its own."""
    files = (SCRIPTS / "versions").glob("[0-9]*.py")
    return sorted(file.name.partition("_")[0] for file in files)


def _run_scripts(connection: Connection, revision: str) -> None:
    from alembic import command  # a start that has nothing to upgrade does not wait for it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _current(connection: Connection, url: URL) -> str | None:
    """Returns the revision of the tables, None for an empty database."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise DatabaseError(
                f"{described(url)} belongs to another program (it holds {min(tables)!r}); name "
                "another file."
            )
        return None
    rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    found = None if rows is None else str(rows[0])
    if found is not None and found not in revisions():
        raise DatabaseNewer(
            f"{described(url)} was written by a later version of this program (schema {found!r}); "
            "update the program, or name another data folder."
        )
    return found


def _none(url: URL) -> DatabaseError:
    return DatabaseError(f"There is nothing of Thrice at {described(url)} yet; name what holds it.")


def _lock(connection: Connection) -> None:
    """Lets one program at a time upgrade: the second finds the work done."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _copy(url: URL, wanted: str | None) -> None:
    file = sqlite_file(url)
    if file is not None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        target = file.with_name(f"{file.stem}-before-{wanted}-{stamp}{file.suffix}")
        backup(url.render_as_string(hide_password=False), target)


def _count_votes(connection: Connection) -> int:
    if not inspect(connection).has_table("votes"):
        return 0
    return int(connection.exec_driver_sql("SELECT count(*) FROM votes").scalar_one())


def _verify(connection: Connection, n_votes: int, url: URL) -> None:
    """Raises unless every vote and every reference survived the upgrade, which is then undone."""
    left = _count_votes(connection)
    if left != n_votes:
        raise DatabaseError(
            f"The upgrade of {described(url)} would have kept {left} of {n_votes} votes; nothing "
            "was changed. Report this."
        )
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise DatabaseCorrupt(
                f"{described(url)} has a row in {broken[0]!r} that refers to a missing row in "
                f"{broken[2]!r}; nothing was changed. Restore the latest backup."
            )
