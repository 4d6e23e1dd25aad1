"""Ends what lets somebody in, on the People page: it asks first, in a sentence with its number."""

from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from ptrapp.core.people import ADMINS
from ptrapp.services.accounts import identifying, inviting, roster
from ptrapp.services.accounts.roster import Roster
from ptrapp.services.context import AppContext
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class Ending(NamedTuple):
    """A kind of thing that an admin ends: what there is of it, what is asked, said and done."""

    what: str
    choices: Callable[[Roster], list[tuple[str, int]]]
    asks: str
    told: str
    end: Callable[[AppContext, int], None]


class EndingAsked(NamedTuple):
    """The row that asks, and which thing it asks about."""

    row: Any
    words: Any
    about: Any


MEMBER = Ending(
    "a member",
    lambda found: [(f"{one.name}, {one.role}", one.id) for one in found.members],
    "Remove {one}? They are signed out everywhere. Their votes stay.",
    "{one}: removed and signed out; the votes stay.",
    roster.remove,
)
INVITATION = Ending(
    "an invitation",
    lambda found: [
        (f"#{one.id} {one.name or 'whoever has the link'}, {one.role}", one.id)
        for one in found.invitations
    ],
    "Revoke invitation {one}? Its link lets nobody in any more. Who came in by it stays.",
    "Invitation {one}: its link lets nobody in any more.",
    inviting.end_invitation,
)
BROWSER = Ending(
    "a browser",
    lambda found: [(f"#{one.id} {one.name}: {one.browser}", one.id) for one in found.browsers],
    "Sign out {one}? Whoever sits there has to sign in again.",
    "{one}: signed out.",
    identifying.end,
)
TOKEN = Ending(
    "a token",
    lambda found: [(f"#{one.id} {one.name}, {one.role}", one.id) for one in found.tokens],
    "Revoke token {one}? The program is refused from then on.",
    "Token {one}: the program is refused from now on.",
    inviting.end_token,
)


def build(
    context: AppContext, ending: Ending, ask: gr.Button, chosen: gr.Dropdown, word: str
) -> Any:
    """Builds the question that `ask` opens on what is `chosen`. Returns what happens on a yes."""
    with gr.Row(visible=False, elem_classes="people-acts people-question") as row:
        words = gr.HTML(apply_default_css=False)
        yes = gr.Button(word, variant="stop", min_width=120)
        no = gr.Button("Cancel", min_width=120)
    question = EndingAsked(row, words, gr.Number(visible=False, precision=0))

    def people_ask(request: gr.Request, one: int | None) -> EndingAsked:
        allowed(request, ADMINS)
        label = _label(context, ending, one)
        asked = escape(ending.asks.format(one=label))
        return EndingAsked(gr.Row(visible=True), f"<p role='status'>{asked}</p>", one)

    def people_end(request: gr.Request, one: int | None) -> EndingAsked:
        allowed(request, ADMINS)
        label = _label(context, ending, one)
        carried_out(lambda: ending.end(context, int(one or 0)))
        gr.Info(escape(ending.told.format(one=label)))
        return _closed()

    ask.click(people_ask, chosen, [*question], **_QUIET)
    no.click(_closed, None, [*question], queue=False, **_QUIET)
    return yes.click(people_end, question.about, [*question], **_QUIET)


def _label(context: AppContext, ending: Ending, one: int | None) -> str:
    """Returns how the page calls what was chosen. Raises `gr.Error` where nothing of it is."""
    found = carried_out(lambda: roster.read(context))
    label = next((label for label, known in ending.choices(found) if known == one), None)
    if label is None:
        raise gr.Error(f"Choose {ending.what} first.", print_exception=False)
    return label


def _closed() -> EndingAsked:
    return EndingAsked(gr.Row(visible=False), "", None)
