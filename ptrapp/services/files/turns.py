"""Has the process of an import write in the app's queue of writers: a turn for each transaction.

On SQLite a program waits for the transaction of another one by trying again after sleeps, so that
each side loses its turn to whoever did not sleep. Here the process asks, the app's queue grants in
the order in which votes and imports came, and is held until the process says that it has committed.
A process that dies gives its turn back with its end.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from db.storage.session import Database

ASKED, OVER, ALONE = "turn", "over", "alone"
LONGEST_S = 20.0
"""Seconds after which a process that keeps its turn is killed: a second's work took it that long.
Those who vote wait for thirty before they are refused."""


class TurnGiver:
    """The app's side: grants turns to one process."""

    def __init__(self, database: Database, process: "subprocess.Popen[str]") -> None:
        self._database = database
        self._process = process
        self._last_write = database.last_write

    def give(self) -> None:
        """Grants a turn that was asked for, and returns when it is over, or with the process."""
        assert self._process.stdin is not None, "asked for"
        assert self._process.stdout is not None, "asked for"
        with self._database.turn():
            too_long = threading.Timer(LONGEST_S, self._process.kill)
            too_long.start()
            try:
                alone = self._database.last_write is self._last_write
                answer = json.dumps({ALONE: alone}) + "\n"
                # what is in a file's buffer fails once more when the file is closed
                os.write(self._process.stdin.fileno(), answer.encode())
                self._process.stdout.readline()
            except BrokenPipeError:
                return  # it has ended; its last words, or their absence, say so
            finally:
                too_long.cancel()
            self._last_write = self._database.last_write


class AskedTurns:
    """The process's side: asks for a turn before each transaction."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self._say = say
        self._granted: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._alone = False

    @property
    def alone(self) -> bool:
        return self._alone

    def grant(self, answer: dict[str, Any]) -> None:
        """Is called with the app's answer, by another thread than the one that waits."""
        self._granted.put(answer)

    @contextmanager
    def turn(self) -> Iterator[None]:
        self._say({ASKED: True})
        self._alone = self._granted.get()[ALONE]
        try:
            yield
        finally:
            self._say({OVER: True})
