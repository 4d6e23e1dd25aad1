"""Collects the statements that a piece of work has the database execute."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def executed() -> Iterator[list[str]]:
    """Collects those of this thread, without those around a transaction.

    Threads of an app that another test has begun may still be reading.
    """
    said: list[str] = []
    here = threading.get_ident()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        around = statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE"))
        if threading.get_ident() == here and not around:
            said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)
