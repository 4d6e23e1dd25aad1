"""Checks who sends a page event: anybody can call the events of hidden components, too."""

import gradio as gr

from ptrapp.api.session import person_of
from ptrapp.core.people import Person, Role


def person(request: gr.Request) -> Person:
    """Returns the person who sends this event."""
    assert request.request is not None, "a page event comes with its HTTP request"
    return person_of(request.request)


def allowed(request: gr.Request, roles: frozenset[Role]) -> Person:
    """Returns the person who sends this event. Raises `gr.Error` for a role that may not."""
    sender = person(request)
    if sender.role not in roles:
        raise gr.Error(f"This is not for the role {sender.role.value}.", print_exception=False)
    return sender
