"""The imports on the Data page, and the undo of one: first what it hides and what stays."""

from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.files import imports
from ptrapp.ui import data_view as drawn
from ptrapp.ui import pager
from ptrapp.ui.arriving import ARRIVED
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.data_import import QUIET

_HEADING = "## Imports"
_HEADERS = ["Number", "Name", "State", "New records", "Read as", "By", "When"]


def build(context: AppContext, pages: gr.Blocks, stored: Any, newest: gr.Number) -> None:
    """Builds the list, which is read again after `stored`; `newest` is the import made here."""
    heading = gr.Markdown(_HEADING)
    table = gr.Dataframe(
        headers=_HEADERS, visible=False, interactive=False, label="Imports", show_label=False,
        elem_id="imports", buttons=[], max_height=360,
    )  # fmt: skip
    with gr.Row(visible=False, elem_id="imports-undo") as undoing:
        chosen = gr.Dropdown([], label="Undo an import", elem_id="undo-which", min_width=220)
        page = pager.built(min_width=90)
        ask = gr.Button("Undo this import", elem_id="undo-ask")
        confirm = gr.Button("Hide it", variant="stop", visible=False, elem_id="undo-confirm")
    said = gr.HTML(elem_id="undo-said", padding=False)
    listed = [heading, table, undoing, chosen, page]

    def data_imports(request: gr.Request, page: float, newest: int) -> list[Any]:
        if person(request).role not in ADMINS:
            return [gr.skip()] * len(listed)
        return _listed(context, page, newest)

    def data_ask(request: gr.Request, import_id: int | None) -> tuple[str, Any]:
        allowed(request, ADMINS)
        if not import_id:
            return drawn.problem("Choose an import first."), gr.Button(visible=False)
        return _try(lambda: imports.preview_undo(context, import_id).said), gr.Button(visible=True)

    def data_undo(request: gr.Request, import_id: int | None, page: float) -> list[Any]:
        sender = allowed(request, ADMINS)
        told = _try(lambda: imports.undo(context, import_id or 0, sender.name).said)
        return [told, gr.Button(visible=False), *_listed(context, page, 0)]

    read: dict[str, Any] = {"fn": data_imports, "inputs": [page, newest], "outputs": listed}
    gr.on([pages.load, page.input], trigger_mode="always_last", **read, **QUIET).then(**ARRIVED)
    stored.then(**read, **QUIET)
    ask.click(data_ask, [chosen], [said, confirm], **QUIET)
    confirm.click(data_undo, [chosen, page], [said, confirm, *listed], **QUIET)
    chosen.input(lambda: ("", gr.Button(visible=False)), None, [said, confirm],
                 trigger_mode="always_last", **QUIET)  # fmt: skip


def _listed(context: AppContext, asked: float | None, newest: int) -> list[Any]:
    page = pager.number(asked)
    rows, n = imports.listing(context, page=page)
    n_pages = max(1, -(-n // imports.AT_ONCE))
    if page > n_pages:
        page = n_pages
        rows, _ = imports.listing(context, page=page)
    done = [(f"{one.id}: {one.name}", one.id) for one in rows if one.state == "done"]
    first = next((value for _, value in done if value == newest), done[0][1] if done else None)
    return [
        _HEADING if rows else f"{_HEADING}\nNone yet.",
        gr.Dataframe(value=drawn.import_rows(rows), headers=_HEADERS, visible=bool(rows)),
        gr.Row(visible=bool(rows)),
        gr.Dropdown(choices=done, value=first),
        pager.shown(asked, page, n_pages),
    ]


def _try(act: Any) -> str:
    """Returns what an undo says; a mistake is said in the same place."""
    try:
        return drawn.note(act())
    except (ThriceError, DatabaseError) as error:
        return drawn.problem(in_public(str(error)))
