"""Reports how far the fetching of a model has come: on the terminal, and beside a command."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ptrapp.core.progress import OnProgress

POLL_S = 0.3


class TerminalBar:
    """A `OnProgress` that draws a bar on a terminal, and elsewhere writes each new text once."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._text = ""
        self._bar: Progress | None = None

    def __call__(self, text: str, fraction: float | None = None) -> None:
        if not self._console.is_terminal:
            if text != self._text:
                print(text, file=sys.stderr, flush=True)  # noqa: T201
            self._text = text
            return
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
        if text != self._text:
            for task in self._bar.task_ids:
                self._bar.stop_task(task)
            self._bar.add_task(text, total=None)
            self._text = text
        newest = self._bar.task_ids[-1]
        if fraction is not None:
            self._bar.update(newest, total=1.0, completed=fraction)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def run_reporting(command: Sequence[str], report: Callable[[], None], **more: object) -> str:
    """Runs a command to its end and calls `report` meanwhile; returns what it wrote to stderr.

    When `report` raises, the command is killed. Raises `CalledProcessError`, which has its stderr,
    for a status that is not 0.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        **more,  # type: ignore[call-overload]
    ) as process:
        try:
            said = _wait(process, report)
        finally:
            if process.poll() is None:
                process.kill()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), stderr=said)
    return said


def _wait(process: "subprocess.Popen[bytes]", report: Callable[[], None]) -> str:
    while True:
        try:
            _, said = process.communicate(timeout=POLL_S)
            return said.decode(errors="replace")
        except subprocess.TimeoutExpired:
            report()


def throttled(report: OnProgress, every_s: float = POLL_S) -> OnProgress:
    """Returns a report that passes on at most one call in `every_s` of the same text."""
    last: tuple[str, float] = ("", 0.0)

    def pass_on(text: str, fraction: float | None = None) -> None:
        nonlocal last
        if text != last[0] or time.monotonic() - last[1] >= every_s:
            last = (text, time.monotonic())
            report(text, fraction)

    return pass_on
