"""What is chosen in a dropdown is judged by the handler, not by what a session was sent.

Most choices are read after a page is built. Gradio (6.31) checks a value against the choices that
the session knows, and a page that was open while the app started again has a new session, which
knows none of them.
"""

from typing import Any

import gradio as gr


def leave_choices_to_handlers() -> None:
    """Has Gradio pass on whatever is chosen in any dropdown, if it has the form of a choice.

    A handler answers an unknown one in words; `ptrapp.ui.answering` does where its code raises.
    """
    gr.Dropdown.preprocess = _as_sent  # type: ignore[assignment,method-assign]


def _as_sent(field: gr.Dropdown, sent: Any) -> Any:
    """Returns what was sent. Raises `ValueError` where no dropdown sends such a thing."""
    many = isinstance(sent, list) and field.multiselect
    for one in sent if many else [sent]:
        if not isinstance(one, str | int | float | None):
            raise ValueError(f"{field.label} is sent a {type(one).__name__}")
    return sent
