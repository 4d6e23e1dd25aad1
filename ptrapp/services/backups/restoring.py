"""Restores a backup to a data folder at any place, and tests that this would work."""

import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from db.storage.backup import restore as restore_database
from db.storage.backup import scratch_database
from db.storage.errors import DatabaseError
from db.storage.session import open_database
from ptrapp.core.errors import InputError, StorageError
from ptrapp.core.settings import Settings
from ptrapp.services.backups.checking import check
from ptrapp.services.backups.folder import (
    POSTGRES,
    SQLITE,
    Backup,
    RestoreTest,
    damaged,
    write_test,
)
from ptrapp.services.backups.left_over import TEST

log = logging.getLogger(__name__)

_NAMED = 3
"""Most names of what stands in the way of a restore."""


def restore(settings: Settings, backup: Backup, *, link: bool = False) -> None:
    """Restores a backup to the data folder and database of the settings, both empty so far.

    Everything is compared with its hash first, and the database comes last: a folder without one
    was not restored to its end. `link` makes hard links of the files, for a folder that is only
    read. Raises `InputError` when there is something already or the backup is damaged, and
    `StorageError`, `DatabaseError`.
    """
    target = settings.data_dir
    wanted = SQLITE if settings.database.startswith("sqlite") else POSTGRES
    if backup.database != wanted:
        raise InputError(
            f"{backup.folder} holds {backup.database}, and {wanted} is needed for this "
            "--database-url; a backup is restored to the kind of database that it was made of."
        )
    own = backup.folder.parent.resolve()
    kept = [path for path in target.glob("[!.]*") if path.resolve() != own]
    if kept:
        raise InputError(
            f"{target} is not empty (it holds {_listed(kept)}); move that away, or restore to "
            "another folder: --data-dir FOLDER"
        )
    if broken := list(damaged(backup)):
        raise InputError(f"{backup.folder} is damaged: {broken[0]}. Restore another backup.")
    try:
        for name in backup.files:
            if name != backup.database:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                _place(backup.folder / name, target / name, link=link)
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{backup.folder} cannot be restored to {target} ({error.strerror}). Remove what is "
            "there, and try again with room."
        ) from error
    restore_database(backup.folder / backup.database, settings.database)


def _listed(paths: Sequence[Path]) -> str:
    """Names what stands in the way, the database first."""
    names = sorted((path.name for path in paths), key=lambda name: (".db" not in name, name))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _place(source: Path, target: Path, *, link: bool) -> None:
    if link:
        try:
            os.link(source, target)
            return
        except OSError as error:
            log.debug("no hard links in %s: %s", target.parent, error)
    shutil.copy2(source, target)


def test(settings: Settings, backup: Backup) -> RestoreTest:
    """Restores a backup beside itself, checks everything, removes it again, and keeps the result.

    On PostgreSQL it is restored to a database of its own on the same server.
    """
    problems: list[str] = []
    try:
        with ExitStack() as stack:
            parent = backup.folder.parent
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=TEST, dir=parent)))
            url = ""
            if backup.database == POSTGRES:
                url = stack.enter_context(scratch_database(settings.database))
            chosen = {"data_dir": folder / "data", "database_url": url}
            elsewhere = settings.model_copy(update=chosen)
            restore(elsewhere, backup, link=True)
            database = open_database(elsewhere.database)
            stack.callback(database.dispose)
            problems += check(elsewhere, database).problems
    except (InputError, StorageError, DatabaseError) as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f"{error.filename} cannot be used ({error.strerror})")
    done = RestoreTest(datetime.now(UTC), tuple(problems))
    write_test(backup, done)
    return done
