"""Who sends a page event, and whether that role may: hidden components can be called by anybody."""

import gradio as gr

from ptrapp.api.session import person_of
from ptrapp.core.people import Person, Role


def person(request: gr.Request) -> Person:
    """Who sends this event."""
    assert request.request is not None, "a page event comes with its HTTP request"
    return person_of(request.request)


def allowed(request: gr.Request, roles: frozenset[Role]) -> Person:
    """Who sends this event. Raises `gr.Error` for a role that may not."""
    asking = person(request)
    if asking.role not in roles:
        raise gr.Error(f"This is not for the role {asking.role.value}.", print_exception=False)
    return asking
