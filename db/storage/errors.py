"""The errors of the database; each message is one sentence that says what to do.

::

    DatabaseError
    ├── DatabaseLocked        another program holds the write lock for longer than the timeout
    ├── DatabaseReadOnly      file or folder may not be written
    ├── DatabaseCorrupt       the file is no database, or damaged
    ├── DatabaseNewer         the schema is of a later version of the product
    ├── DatabaseGone          the open file was moved, deleted or replaced
    ├── DiskFull              nothing more can be stored
    └── Conflict              the row changed or is gone since it was read
        ├── Missing           an id that names no row
        └── AlreadyQueued     the same job is queued or running
"""


class DatabaseError(Exception):
    """A failure of the database with one clear sentence as its message."""


class DatabaseLocked(DatabaseError):
    """Another program holds the write lock for longer than the busy timeout."""


class DatabaseReadOnly(DatabaseError):
    """The file or its folder may not be written."""


class DatabaseCorrupt(DatabaseError):
    """The file is not a database, or is damaged."""


class DatabaseNewer(DatabaseError):
    """The schema was written by a later version of the product."""


class DatabaseGone(DatabaseError):
    """The open file was moved, deleted or replaced: what is written to it would be lost."""


class DiskFull(DatabaseError):
    """Nothing more can be stored."""


class Conflict(DatabaseError):
    """The row changed or vanished since it was read."""


class Missing(Conflict):
    """The id names no row; it may come from a page that was loaded long ago."""


class AlreadyQueued(Conflict):
    """The same job is queued or running already; `job_id` says which one, where it is known."""

    def __init__(self, message: str, job_id: int | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
