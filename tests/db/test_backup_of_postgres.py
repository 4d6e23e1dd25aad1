"""A PostgreSQL database is copied while it is written to, and restored to an empty one alone."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url

from db.labelling import raters
from db.models import RaterKind
from db.storage import backup as module
from db.storage.backup import backup, restore, scratch_database
from db.storage.errors import DatabaseError
from db.storage.integrity import broken
from db.storage.session import open_database

pytestmark = pytest.mark.postgres


def _names(url: str) -> set[str]:
    database = open_database(url)
    with database.read() as session:
        found = {rater.name for rater in session.query(raters.Rater).all()}
        assert list(broken(session)) == []
    database.dispose()
    return found


def test_a_copy_is_restored_to_another_database(
    migrated_postgres_url: str, postgres_url: str, tmp_path: Path
) -> None:
    database = open_database(migrated_postgres_url)
    with database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "Ada")
    copy = backup(database.url, tmp_path / "kept" / "thrice.dump")
    with database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "Bob")
    database.dispose()
    restore(copy, postgres_url)
    assert "Ada" in _names(postgres_url)
    assert "Bob" not in _names(postgres_url)
    assert [path.name for path in copy.parent.iterdir()] == ["thrice.dump"]
    with pytest.raises(DatabaseError, match="is not empty"):
        restore(copy, postgres_url)


def test_a_scratch_database_is_dropped(postgres_url: str) -> None:
    with scratch_database(postgres_url) as url:
        engine = create_engine(url)
        assert inspect(engine).get_table_names() == []
        engine.dispose()
    with pytest.raises(DatabaseError, match="cannot be reached"):
        open_database(url)


def test_a_server_that_is_gone_leaves_no_half_copy(postgres_url: str, tmp_path: Path) -> None:
    gone = make_url(postgres_url).set(database="nothing_here", password="hush")
    with pytest.raises(DatabaseError, match=r"pg_dump failed on .*nothing_here") as error:
        backup(gone.render_as_string(hide_password=False), tmp_path / "thrice.dump")
    assert "hush" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_without_its_programs_it_says_what_to_install(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_INSTALLED", tmp_path)
    with pytest.raises(DatabaseError, match="Debian: postgresql-client"):
        backup(postgres_url, tmp_path / "thrice.dump")
