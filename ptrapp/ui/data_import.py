"""Importing on the Data page: drop a file, see what it was read as, and only then store it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import AnswerUnclear, ThriceError
from ptrapp.core.people import ADMINS
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.limits import MIB, NETWORK
from ptrapp.services import sources
from ptrapp.services.context import AppContext
from ptrapp.services.files import importing, imports
from ptrapp.services.files.import_preview import preview_named
from ptrapp.services.files.importing import MAX_NAME, Imported
from ptrapp.tasks.hub import PREFIX
from ptrapp.ui import data_view as drawn
from ptrapp.ui.auth import allowed

POLL_S = 0.3
"""Seconds between two looks at how far an import is."""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_SAID = (
    f"JSONL, JSON, CSV or Parquet, up to {NETWORK.n_bytes // MIB} MiB and {NETWORK.n_rows:,} rows; "
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
    def given(self) -> str:
        """A path, or `hf:NAME`; empty where nothing was given."""
        named = (self.hub or "").strip()
        if named:
            return named if named.startswith(PREFIX) else PREFIX + named
        return self.file or ""

    @property
    def called(self) -> str:
        return self.given if self.given.startswith(PREFIX) else Path(self.given).name

    @property
    def options(self) -> Options:
        fmt = Format(self.fmt) if self.fmt else None
        return Options(fmt, (self.answer or "").strip(), Pairs(self.pairs or Pairs.ALL))


class ImportSight(NamedTuple):
    """What the form shows of its file."""

    said: Any
    sample: Any
    answer: Any
    store: Any
    cancel: Any
    after: Any
    done_id: Any


def build(context: AppContext) -> gr.State:
    """Builds the form; returns a state that changes when something was imported."""
    gr.Markdown(_SAID)
    with gr.Row():
        file = gr.File(
            label="Drop a file here", elem_id="import-file", height=132,
            file_types=[".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz"],
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
            [(found, ""), *((drawn.FORMATS[one], one.value) for one in Format)],
            value="", label="Format",
        )  # fmt: skip
        answer = gr.Dropdown(
            [("found from its values", "")], value="", label="Column that says which is preferred",
            allow_custom_value=True, elem_id="import-answer",
        )  # fmt: skip
        pairs = gr.Dropdown(
            [("every two", Pairs.ALL.value), ("the best and the worst", Pairs.BEST_WORST.value)],
            value=Pairs.ALL.value, label="Of several answers",
        )  # fmt: skip
        skip_bad = gr.Checkbox(label="Leave out rows that cannot be read", elem_id="import-skip")
    form = ImportForm(file, hub, name, fmt, answer, pairs, skip_bad)
    look = gr.Button("See what it is read as", elem_id="import-look")
    said = gr.HTML(elem_id="import-said", padding=False)
    sample = gr.Dataframe(
        label="The first records as they will be stored", visible=False, interactive=False,
        wrap=True, elem_id="import-sample", buttons=[],
    )  # fmt: skip
    with gr.Row():
        store = gr.Button("Import", variant="primary", visible=False, elem_id="import-store")
        cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="import-cancel")
    with gr.Row(visible=False, elem_id="import-after") as after:
        gr.Button("Make a campaign", link="/campaigns", elem_id="import-campaign")
        gr.Button("Train", link="/train", elem_id="import-train")
    done_id, running = gr.State(0), gr.State(0)
    sight = ImportSight(said, sample, answer, store, cancel, after, done_id)

    def data_look(request: gr.Request, *values: Any) -> ImportSight:
        allowed(request, ADMINS)
        return _look(context, ImportForm(*values))

    def data_store(request: gr.Request, *values: Any) -> Iterator[Any]:
        sender = allowed(request, ADMINS)
        yield from _store(context, ImportForm(*values), sender.name)

    def data_cancel(request: gr.Request, import_id: int) -> None:
        allowed(request, ADMINS)
        if not import_id:
            raise gr.Error("Its rows are still being read; in a moment.", print_exception=False)
        try:
            imports.cancel(context, import_id)
        except (ThriceError, DatabaseError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    shown = list(sight)
    gr.on([look.click, file.upload, hub.submit], data_look, list(form), shown, **QUIET)
    gr.on([fmt.input, answer.input, pairs.input, skip_bad.input], data_look, list(form), shown,
          **QUIET)  # fmt: skip
    gr.on([file.clear], lambda: _sight(""), None, shown, **QUIET)
    store.click(data_store, list(form), [*shown, running], concurrency_limit=4, **QUIET)
    cancel.click(data_cancel, [running], None, queue=False, **QUIET)
    return done_id


def _sight(said: str, **more: Any) -> ImportSight:
    """Returns what is shown: nothing but a sentence, unless more is said."""
    nothing: dict[str, Any] = {
        "sample": gr.Dataframe(visible=False),
        "answer": gr.skip(),
        "store": gr.Button(visible=False),
        "cancel": gr.Button(visible=False),
        "after": gr.Row(visible=False),
        "done_id": gr.skip(),
    }
    return ImportSight(said, **(nothing | more))


def _look(context: AppContext, form: ImportForm) -> ImportSight:
    if not form.given:
        return _sight(drawn.problem("Choose a file first, or name a data set of the hub."))
    try:
        _refuse_paths(context, form)
        seen = preview_named(form.given, form.options, limits=NETWORK, called=form.called)
    except AnswerUnclear as error:
        columns = [(name, name) for name in error.columns]
        chosen = gr.Dropdown(choices=[("found from its values", ""), *columns])
        said = f"{error} Name the column under “How it is read”."
        return _sight(drawn.problem(said), answer=chosen)
    except ThriceError as error:
        return _sight(drawn.problem(str(error)))
    headers, rows = drawn.samples(seen)
    blocked = seen.n_bad and not form.skip_bad
    return _sight(
        drawn.preview(form.called, seen, skip_bad=form.skip_bad),
        sample=gr.Dataframe(value=rows, headers=headers, visible=bool(rows)),
        store=gr.Button(visible=not blocked and seen.n_records > 0),
    )


def _refuse_paths(context: AppContext, form: ImportForm) -> None:
    """Raises `InputError` where a page names a file of the server instead of sending one."""
    if form.given.startswith(PREFIX):
        sources.check(context.settings, {"prompts": form.given})


class _Storing(threading.Thread):
    """An import that runs while its progress is looked at."""

    def __init__(self, context: AppContext, form: ImportForm, by: str) -> None:
        super().__init__(name="import", daemon=True)
        self.import_id = 0
        self.result: Imported | None = None
        self.problem = ""
        self._context, self._form, self._by = context, form, by

    def run(self) -> None:
        form = self._form
        try:
            _refuse_paths(self._context, form)
            self.result = importing.import_named(
                self._context, form.given, fmt=form.options.fmt, name=(form.name or "").strip(),
                skip_bad=bool(form.skip_bad), limits=NETWORK, called=form.called,
                answer_column=form.options.answer_column, pairs=form.options.pairs, by=self._by,
                begun=self._begin,
            )  # fmt: skip
        except (ThriceError, DatabaseError) as error:
            self.problem = str(error)
        except Exception:  # the thread ends here: whoever waits is told
            self.problem = "The import failed for a reason that is in the app's log."
            raise

    def _begin(self, import_id: int) -> None:
        self.import_id = import_id


def _store(context: AppContext, form: ImportForm, by: str) -> Iterator[list[Any]]:
    """Stores a file; yields how far it is, and at the end what became of it."""
    if not form.given:
        yield [*_sight(drawn.problem("Choose a file first.")), 0]
        return
    storing = _Storing(context, form, by)
    storing.start()
    while storing.is_alive():
        one = imports.view(context, storing.import_id) if storing.import_id else None
        said = _sight(drawn.progress(one, form.called), cancel=gr.Button(visible=True))
        yield [*said, storing.import_id]
        storing.join(POLL_S)
    if storing.result is None:
        yield [*_sight(drawn.problem(storing.problem)), 0]
        return
    import_id = storing.result.import_id or 0
    yield [
        *_sight(
            drawn.done(storing.result),
            after=gr.Row(visible=True),
            done_id=import_id or gr.skip(),
        ),
        0,
    ]
