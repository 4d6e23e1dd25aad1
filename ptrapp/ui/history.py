"""The History page: the runs that people asked for, searched, filtered, starred, put away."""

import json
from typing import Any, NamedTuple

import gradio as gr

from ptrapp.core.people import ADMINS, READS
from ptrapp.services import history, pins, versions
from ptrapp.services.context import AppContext
from ptrapp.ui import history_list as drawn
from ptrapp.ui.acting import carried_out
from ptrapp.ui.arriving import ARRIVED
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.history_filters import KEEP_IN_ADDRESS, Filters, page_of
from ptrapp.ui.widgets import script

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class FoundRuns(NamedTuple):
    """What the page shows of what was found, and what was looked for."""

    rows: Any
    counted: Any
    page: Any
    newer: Any
    older: Any
    asked: Any
    """The filters as JSON."""


class Naming(NamedTuple):
    """The row in which a run is named, and which run it is."""

    row: Any
    run_id: Any
    title: Any


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page."""
    filters = Filters.built()
    notice = gr.HTML(elem_id="history-notice", js_on_load=script("history"))
    with gr.Row(visible=False, elem_id="history-naming") as row:
        title = gr.Textbox(label="Name", max_length=history.MAX_TITLE, max_lines=1, scale=3,
                           elem_id="history-title")  # fmt: skip
        save = gr.Button("Keep", variant="primary", min_width=80, elem_id="history-keep")
        cancel = gr.Button("Cancel", min_width=80, elem_id="history-cancel")
    naming = Naming(row, gr.Number(visible=False, precision=0), title)
    rows = gr.HTML(elem_id="history-list", js_on_load=script("history"), apply_default_css=False)
    with gr.Row(elem_id="history-pages"):
        newer = gr.Button("Newer", min_width=90)
        counted = gr.HTML(elem_id="history-counted")
        older = gr.Button("Older", min_width=90)
    page = gr.Number(1, precision=0, visible=False)
    view = FoundRuns(rows, counted, page, newer, older, gr.Textbox(visible=False))
    _wire(context, pages, filters, view, notice, naming, save, cancel)


def _wire(
    context: AppContext,
    pages: gr.Blocks,
    filters: Filters,
    view: FoundRuns,
    notice: gr.HTML,
    naming: Naming,
    save: gr.Button,
    cancel: gr.Button,
) -> None:
    def history_read(request: gr.Request, asked: str, *given: Any) -> list[Any]:
        # A text that the address gave is a change of its field, too: its page stays.
        if asked == json.dumps(given):
            return [gr.skip()] * len(view)
        return [*_read(context, request, Filters(*given), 1)]

    def history_older(request: gr.Request, page: float, *given: Any) -> FoundRuns:
        return _read(context, request, Filters(*given), (page or 1) + 1)

    def history_newer(request: gr.Request, page: float, *given: Any) -> FoundRuns:
        return _read(context, request, Filters(*given), (page or 1) - 1)

    def history_open(request: gr.Request) -> list[Any]:
        """Looks for what the address of the page says."""
        if person(request).role not in READS:
            return [*[gr.skip()] * len(filters), *_read(context, request, Filters(), 1)]
        names = [one.name for one in versions.listing(context)]
        asked = Filters.of_address(request.query_params, names)
        found = _read(context, request, asked, page_of(request.query_params))
        return [*asked.shown(names), *found]

    def history_do(request: gr.Request, event: gr.EventData, page: float, *given: Any) -> list[Any]:
        who = allowed(request, ADMINS)
        said, name = _do(context, who.rater, event.act, int(event.run))
        return [*_read(context, request, Filters(*given), page), said, *name]

    def history_name(
        request: gr.Request, run_id: int, title: str, page: float, *given: Any
    ) -> list[Any]:
        allowed(request, ADMINS)
        carried_out(lambda: history.describe(context, run_id, title=title))
        said = drawn.said(f"Run {run_id} is called {title.strip()}." if title.strip()
                          else f"Run {run_id} has no name.")  # fmt: skip
        shown = _read(context, request, Filters(*given), page)
        return [*shown, said, *_no_naming()]

    everything = [*view, notice, *naming]
    keep: dict[str, Any] = {"fn": None, "inputs": [*filters, view.page], "js": KEEP_IN_ADDRESS}
    keep["api_visibility"] = "private"
    pages.load(history_open, None, [*filters, *view], **_QUIET).then(**ARRIVED)
    gr.on(
        [filters.text.change, *(one.input for one in filters[1:])],
        history_read,
        [view.asked, *filters],
        [*view],
        trigger_mode="always_last",
        **_QUIET,
    ).then(**keep)
    for button, turn in ((view.newer, history_newer), (view.older, history_older)):
        button.click(turn, [view.page, *filters], [*view], **_QUIET).then(**keep)
    for drawn_here in (view.rows, notice):
        drawn_here.click(history_do, [view.page, *filters], everything, **_QUIET)
    gr.on(
        [save.click, naming.title.submit],
        history_name,
        [naming.run_id, naming.title, view.page, *filters],
        everything,
        **_QUIET,
    )
    cancel.click(_no_naming, None, [*naming], queue=False, **_QUIET)


def _read(context: AppContext, request: gr.Request, filters: Filters, page: float) -> FoundRuns:
    sender = person(request)
    if sender.role not in READS:
        nothing = drawn.said("This page is for who reads results. Yours is Label.")
        hidden = gr.Button(visible=False)
        return FoundRuns(nothing, "", 1, hidden, hidden, json.dumps(filters))
    query = filters.query(page)
    found = carried_out(lambda: history.search(context, query, sender.rater))
    several = found.n_pages > 1
    return FoundRuns(
        drawn.listing(found, query, may_change=sender.role in ADMINS),
        drawn.where(found, history.PER_PAGE),
        found.page,
        gr.Button(visible=several, interactive=found.page > 1),
        gr.Button(visible=several, interactive=found.page < found.n_pages),
        json.dumps(filters),
    )


def _do(context: AppContext, rater: str, act: str, run_id: int) -> tuple[str, Naming]:
    """Does what a button of a row says. Returns what is said of it, and the row to name the run."""
    match act:
        case "star":
            starred = carried_out(lambda: history.star(context, run_id))
            return drawn.said(
                f"Run {run_id} is {'starred' if starred else 'not starred'}."
            ), _no_naming()
        case "delete":
            carried_out(lambda: history.delete(context, run_id))
            return drawn.deleted(run_id), _no_naming()
        case "restore":
            carried_out(lambda: history.restore(context, run_id))
            return drawn.said(f"Run {run_id} is back."), _no_naming()
        case "pin":
            carried_out(lambda: pins.pin(context, rater, run_id))
            words = f"The prompt of run {run_id} is pinned: each version answers it on Versions."
            return drawn.said(words), _no_naming()
        case "unpin":
            carried_out(lambda: pins.unpin_run(context, run_id))
            words = f"The prompt of run {run_id} is not pinned; what was answered stays."
            return drawn.said(words), _no_naming()
        case "name":
            title = carried_out(lambda: history.title_of(context, run_id))
            field = gr.Textbox(value=title, label=f"Name of run {run_id}")
            return "", Naming(gr.Row(visible=True), run_id, field)
        case _:
            raise gr.Error(f"There is no action {act!r}.", print_exception=False)


def _no_naming() -> Naming:
    return Naming(gr.Row(visible=False), 0, gr.Textbox(value=""))
