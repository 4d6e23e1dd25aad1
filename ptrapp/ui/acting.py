"""Carries out what a person asked for on a page."""

from collections.abc import Callable
from html import escape
from typing import TypeVar

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import ThriceError
from ptrapp.core.public import in_public

Answer = TypeVar("Answer")


def refused(error: Exception) -> gr.Error:
    """Returns how a page says one of our errors: Gradio shows HTML, and a name in it is a text."""
    return gr.Error(escape(in_public(str(error)), quote=False), print_exception=False)


def carried_out(act: Callable[[], Answer]) -> Answer:
    """Returns what `act` returns; a mistake is said where Gradio says it. Raises `gr.Error`."""
    try:
        return act()
    except (ThriceError, DatabaseError) as error:
        raise refused(error) from error
