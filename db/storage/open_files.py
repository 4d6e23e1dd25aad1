"""Notices when the files of an SQLite database are moved, deleted or replaced while in use.

SQLite would go on writing to a deleted file, which is gone for good when the program ends.
"""

from pathlib import Path

from sqlalchemy import Connection

from db.storage.errors import DatabaseGone

_SIDES = ("-wal", "-shm")
"""Files that hold the latest rows and the locks. SQLite keeps them while a connection is open."""
_Identity = tuple[int, int] | None


class OpenFiles:
    """The files of a database as they were when it was opened; a check costs three `stat`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._beside = [file.with_name(file.name + end) for end in _SIDES]
        self._main = _identity(self._file)
        self._sides: list[_Identity] | None = None

    def check(self) -> None:
        """Raises `DatabaseGone` unless every file is the one that was opened."""
        if self._main != _identity(self._file):
            raise DatabaseGone(
                f"{self._file} was moved, deleted or replaced while in use, so nothing is stored. "
                "Put the file back, or end the app, restore the latest backup and start again."
            )
        if self._sides is not None and (None in self._sides or self._sides != self._found()):
            raise DatabaseGone(
                f"{self._file}-wal or -shm, which hold the latest rows of the database, were "
                "moved, deleted or replaced while in use, so nothing is stored. Put them back, or "
                "end the app and start again."
            )

    def check_of(self, connection: Connection) -> None:
        """Does the same for a connection inside a transaction; the first time learns its files."""
        if "files_known" not in connection.info:
            self._sides = self._found()
            connection.info["files_known"] = True
        self.check()

    def _found(self) -> list[_Identity]:
        return [_identity(file) for file in self._beside]


def _identity(file: Path) -> _Identity:
    """Returns what tells a file from another of the same name; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
