"""Importing on the Data page: drop a file, see what it was read as, and only then store it."""

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import AnswerUnclear, ThriceError
from ptrapp.core.people import ADMINS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.files import import_form, imports
from ptrapp.services.files.import_form import FORMATS, MOST, PAIRS, ImportOrder
from ptrapp.services.files.imported import Imported
from ptrapp.services.files.importing import MAX_NAME
from ptrapp.ui import data_view as drawn
from ptrapp.ui.acting import refused
from ptrapp.ui.auth import allowed
from ptrapp.ui.speaking import tell

POLL_S = 0.3
"""Seconds between two looks at how far an import is."""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_SAID = (
    f"JSONL, JSON, CSV, TSV or Parquet, also gzipped, up to {MOST}; "
    "larger ones from the terminal. First you see what the file was read as; nothing is stored "
    "before you say so. A file is imported whole or not at all; importing it again adds nothing."
)


class ImportForm(NamedTuple):
    """What is imported and how, once as components and once as their values."""

    file: Any
    hub: Any
    name: Any
    fmt: Any
    answer: Any
    pairs: Any
    skip_bad: Any

    @property
    def order(self) -> ImportOrder:
        """Returns the values as what the use case takes."""
        return ImportOrder(
            file=self.file or "",
            hub=(self.hub or "").strip(),
            name=(self.name or "").strip(),
            fmt=self.fmt or "",
            answer_column=(self.answer or "").strip(),
            pairs=self.pairs or PAIRS[0][1],
            skip_bad=bool(self.skip_bad),
        )


class ImportSight(NamedTuple):
    """What the form shows of its file."""

    said: Any
    sample: Any
    answer: Any
    store: Any
    cancel: Any
    after: Any
    campaign: Any
    """The button that leads to a campaign of what was imported."""
    done_id: Any


def build(context: AppContext) -> tuple[Any, gr.Number]:
    """Builds the form; returns the event of an import, and which one was made last."""
    gr.Markdown(_SAID)
    with gr.Row():
        file = gr.File(
            label="Drop a file here", elem_id="import-file", height=132,
            file_types=[".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gz"],
        )  # fmt: skip
        with gr.Column(min_width=280):
            hub = gr.Textbox(label="Or a data set of the hub",
                             placeholder="OWNER/NAME:CONFIG:SPLIT",
                             max_lines=1, max_length=300)  # fmt: skip
            name = gr.Textbox(label="Name of the import", placeholder="name of the file",
                              max_lines=1, max_length=MAX_NAME, elem_id="import-name")  # fmt: skip
    with gr.Accordion("How it is read", open=False), gr.Row():
        found = "found from its columns"
        fmt = gr.Dropdown(
            [(found, ""), *((drawn.FORMATS[one], one) for one in FORMATS)],
            value="", label="Format",
        )  # fmt: skip
        answer = gr.Dropdown(
            [("found from its values", "")], value="", label="Column that says which is preferred",
            allow_custom_value=True, elem_id="import-answer",
        )  # fmt: skip
        pairs = gr.Dropdown(
            PAIRS, value=PAIRS[0][1], label="Of several answers",
        )  # fmt: skip
        skip_bad = gr.Checkbox(label="Leave out rows that cannot be read", elem_id="import-skip")
    form = ImportForm(file, hub, name, fmt, answer, pairs, skip_bad)
    look = gr.Button("See what it is read as", elem_id="import-look")
    said = gr.HTML(elem_id="import-said", padding=False)
    sample = gr.HTML(visible=False, elem_id="import-sample", padding=False)
    with gr.Row():
        store = gr.Button("Import", variant="primary", visible=False, elem_id="import-store")
        cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="import-cancel")
    with gr.Row(visible=False, elem_id="import-after") as after:
        campaign = gr.Button("Make a campaign", link="campaigns", elem_id="import-campaign")
        gr.Button("Train", link="/train", elem_id="import-train")
    done_id, running = (gr.Number(0, precision=0, visible=False) for _ in range(2))
    sight = ImportSight(said, sample, answer, store, cancel, after, campaign, done_id)

    def data_look(request: gr.Request, *values: Any) -> ImportSight:
        allowed(request, ADMINS)
        return _look(context, ImportForm(*values).order)

    def data_store(request: gr.Request, *values: Any) -> Iterator[Any]:
        sender = allowed(request, ADMINS)
        yield from import_steps(context, ImportForm(*values).order, sender.name)

    def data_cancel(request: gr.Request, import_id: int) -> None:
        allowed(request, ADMINS)
        if not import_id:
            raise gr.Error("Its rows are still being read; in a moment.", print_exception=False)
        try:
            imports.cancel(context, import_id)
        except (ThriceError, DatabaseError) as error:
            raise refused(error) from error

    shown = list(sight)
    asks = (look.click, file.upload, hub.submit)
    chosen = (fmt.input, answer.input, pairs.input, skip_bad.input)
    for asked in (asks, chosen):
        gr.on([*asked], data_look, list(form), shown, trigger_mode="always_last", **QUIET).then(
            **tell("#import-said")
        )
    gr.on([file.clear], lambda: _sight(""), None, shown, **QUIET)
    stored = store.click(data_store, list(form), [*shown, running], concurrency_limit=4, **QUIET)
    cancel.click(data_cancel, [running], None, queue=False, **QUIET)
    return stored, done_id


def _sight(said: str, **more: Any) -> ImportSight:
    """Returns what is shown: nothing but a sentence, unless more is said."""
    nothing: dict[str, Any] = {
        "sample": gr.HTML(visible=False),
        "answer": gr.skip(),
        "store": gr.Button(visible=False),
        "cancel": gr.Button(visible=False),
        "after": gr.Row(visible=False),
        "campaign": gr.skip(),
        "done_id": gr.skip(),
    }
    return ImportSight(said, **(nothing | more))


def _look(context: AppContext, order: ImportOrder) -> ImportSight:
    if not order.given:
        return _sight(drawn.problem("Choose a file first, or name a data set of the hub."))
    try:
        seen = import_form.preview(context, order)
    except AnswerUnclear as error:
        columns = [(name, name) for name in error.columns]
        chosen = gr.Dropdown(choices=[("found from its values", ""), *columns])
        said = f"{error} Name the column under “How it is read”."
        return _sight(drawn.problem(said), answer=chosen)
    except ThriceError as error:
        return _sight(drawn.problem(in_public(str(error))))
    blocked = seen.n_bad and not order.skip_bad
    return _sight(
        drawn.preview(order.called, seen, skip_bad=order.skip_bad),
        sample=gr.HTML(drawn.samples(seen), visible=bool(seen.samples)),
        store=gr.Button(visible=not blocked and seen.n_records > 0),
    )


class _Storing(threading.Thread):
    """An import that runs while its progress is looked at."""

    def __init__(self, context: AppContext, order: ImportOrder, by: str) -> None:
        super().__init__(name="import", daemon=True)
        self.import_id = 0
        self.result: Imported | None = None
        self.problem = "The import failed for a reason that is in the app's log."
        self._context, self._order, self._by = context, order, by

    def run(self) -> None:
        try:
            self.result = import_form.store(self._context, self._order, self._by, self._begin)
        except (ThriceError, DatabaseError) as error:
            self.problem = in_public(str(error))

    def _begin(self, import_id: int) -> None:
        self.import_id = import_id


def import_steps(context: AppContext, order: ImportOrder, by: str) -> Iterator[list[Any]]:
    """Stores a file; yields how far it is, and at the end what became of it.

    Each is what `ImportSight` holds, and then the number of the import while it runs.
    """
    if not order.given:
        yield [*_sight(drawn.problem("Choose a file first.")), 0]
        return
    storing = _Storing(context, order, by)
    storing.start()
    while storing.is_alive():
        one = imports.view(context, storing.import_id) if storing.import_id else None
        said = _sight(drawn.progress(one, order.called), cancel=gr.Button(visible=True))
        yield [*said, storing.import_id]
        storing.join(POLL_S)
    if storing.result is None:
        yield [*_sight(drawn.problem(storing.problem)), 0]
        return
    done_id = storing.result.import_id or gr.skip()
    told = drawn.done(storing.result)
    campaign = gr.Button(link=f"campaigns?{urlencode({'import': storing.result.name})}")
    after = gr.Row(visible=True)
    yield [*_sight(told, after=after, campaign=campaign, done_id=done_id), 0]
