"""Carries out what a person asked for on a page."""

from collections.abc import Callable
from typing import TypeVar

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import ThriceError
from ptrapp.core.public import in_public

Answer = TypeVar("Answer")


def carried_out(act: Callable[[], Answer]) -> Answer:
    """Returns what `act` returns; a mistake is said where Gradio says it. Raises `gr.Error`."""
    try:
        return act()
    except (ThriceError, DatabaseError) as error:
        raise gr.Error(in_public(str(error)), print_exception=False) from error
