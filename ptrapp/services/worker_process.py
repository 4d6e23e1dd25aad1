"""Keeps a training worker alive beside this process; the worker ends when this process does."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "training.worker")
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""Seconds until a worker that died is started again: doubled at each death in a row, up to this."""
STEADY_S = 60.0
"""Seconds a worker must live for its next death to count as the first one again."""
MANY = 3
"""Deaths in a row after which it is said that starting again does not help by itself."""
END_S = 10.0
_N_LINES = 3
_MAX_CHARS = 300


class WorkerSupervisor:
    """Starts a worker, and again whenever it dies, after a pause that grows with each death.

    The worker gets this process's import path and works in the same folder, so that a relative path
    of a model or a database means the same to both. What it writes is shown here too.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        command: Sequence[str] | None = None,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
        steady_s: float = STEADY_S,
    ) -> None:
        self._environment = with_import_path(os.environ | settings.as_environment())
        self._command = list(command or (*COMMAND, "--exit-with-parent", str(os.getpid())))
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._keep, name="worker supervisor", daemon=True)
        self._last_lines: deque[str] = deque(maxlen=_N_LINES)
        self._n_deaths = 0
        """In a row."""
        self._reason = ""
        self._started_at = 0.0
        self._next_start_at: float | None = None
        """On the monotonic clock, while no worker runs."""

    def start(self) -> None:
        """Starts the first worker and the thread that watches it. Raises `OSError`."""
        self._process = self._started()
        self._thread.start()

    def stop(self) -> None:
        """Ends the worker, which requeues its job first; kills it if that takes over 10 seconds."""
        with self._lock:
            self._stop.set()
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread.is_alive():
            self._thread.join(END_S)

    def trouble(self) -> str:
        """Returns in words what is wrong with the worker; empty while it does its work."""
        now = time.monotonic()
        with self._lock:
            n, reason, since = self._n_deaths, self._reason, now - self._started_at
            next_start = self._next_start_at
        if not n or (next_start is None and (n < MANY or since >= self._steady_s)):
            return ""
        what = "The training worker ended" if n < MANY else f"The training worker ended {n} times"
        when = f"was started again {since:.0f} s ago"
        if next_start is not None:
            when = f"is started again in {max(0.0, next_start - now):.0f} s"
        hint = "" if n < MANY else " While it ends like this no job is done: see to the cause."
        return f"{what} ({reason}). It {when}.{hint}"

    def _started(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            self._command,
            env=self._environment,
            # Ctrl-C in the terminal reaches the app alone. No session of its own: Linux gives each
            # session as much of the processors (autogroup), whatever the niceness inside it.
            process_group=0,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._started_at = time.monotonic()
        return process

    def _keep(self) -> None:
        """Runs in a thread: follows a worker to its end, and starts the next one."""
        while self._process is not None:
            self._last_lines.clear()
            for line in self._process.stderr or ():
                self._last_lines.append(line.strip())
                with suppress(OSError, ValueError):  # a terminal or a pipe that is gone
                    sys.stderr.write(line)
            self._note_death(self._process.wait())
            self._process = None
            while self._process is None and not self._stop.wait(self._pause_s()):
                with self._lock:
                    if self._stop.is_set():
                        return
                    try:
                        self._process = self._started()
                        self._next_start_at = None
                    except OSError as error:
                        self._reason = f"it cannot be started: {error}"
                        self._n_deaths += 1

    def _pause_s(self) -> float:
        pause = min(self._longest_pause_s, self._first_pause_s * 2.0 ** (self._n_deaths - 1))
        with self._lock:
            self._next_start_at = time.monotonic() + pause
        return pause

    def _note_death(self, status: int) -> None:
        if self._stop.is_set():
            return
        said = " · ".join(line for line in self._last_lines if line) or "it wrote nothing"
        with self._lock:
            steady = time.monotonic() - self._started_at >= self._steady_s
            self._n_deaths = 1 if steady else self._n_deaths + 1
            self._reason = f"{_in_words(status)}, its last words: {said[-_MAX_CHARS:]}"
        log.error("the training worker ended (%s)", self._reason)


def _in_words(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
