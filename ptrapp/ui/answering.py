"""Answers page events in words whatever is sent to them: anybody can send anything."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import ThriceError
from ptrapp.ui.acting import refused

log = logging.getLogger(__name__)

_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What code raises at values that it was not made for."""
_WORDS = (
    "This cannot be done with what was sent. Load the page again; if it is said again, the "
    "server's log names the place."
)
QUEUE_LOOKS_S = 0.02
"""Seconds between two looks whether an event waits. Gradio (6.31) looks a thousand times a second,
for which an app that nobody uses takes 5 % of a core; no event waits for longer than this more."""
PROGRESS_LOOKS_S = 1.0
"""Seconds between two looks whether `gr.Progress` has something to tell: nothing here uses it."""
_OURS = Path(__file__).resolve().parents[2]


class AnsweringBlocks(gr.Blocks):
    """Gradio's pages, whose events end in a sentence and one line of the log, never in a traceback.

    Gradio's own checks print one wherever a value is not what the component sends.
    """

    def queue(self, *args: Any, **named: Any) -> gr.Blocks:
        blocks: gr.Blocks = super().queue(*args, **named)
        self._queue.sleep_when_free = QUEUE_LOOKS_S
        self._queue.progress_update_sleep_when_free = PROGRESS_LOOKS_S
        return blocks

    async def preprocess_data(self, block_fn: Any, *args: Any, **named: Any) -> Any:
        with _in_words(block_fn):
            return await super().preprocess_data(block_fn, *args, **named)

    async def call_function(self, block_fn: Any, *args: Any, **named: Any) -> Any:
        with _in_words(block_fn):
            return await super().call_function(block_fn, *args, **named)


@contextmanager
def _in_words(block_fn: Any) -> Iterator[None]:
    """Turns refusals and what is raised at odd values to `gr.Error`; logs where the latter was."""
    try:
        yield
    except gr.Error as error:
        error.print_exception = False
        raise
    except (ThriceError, DatabaseError) as error:
        raise refused(error) from error
    except _ODD as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_OURS)]
        last = (ours or list(frames))[-1]
        log.error(
            "the event %s cannot be done: %s: %s (%s:%d)", getattr(block_fn, "name", block_fn),
            type(error).__name__, str(error).partition("\n")[0][:200], last.filename, last.lineno,
        )  # fmt: skip
        raise gr.Error(_WORDS, print_exception=False) from error
