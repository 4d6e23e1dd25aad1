"""Browsing on the Data page: stored prompts, runs, pairs and votes, paged by the database."""

from typing import Any, NamedTuple

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.files import browsing
from ptrapp.services.files.browsing import DataQuery
from ptrapp.ui import data_view as drawn
from ptrapp.ui import pager
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.data_import import QUIET

_KINDS = [("Prompts", "prompt"), ("Runs", "run"), ("Pairs", "pair"), ("Votes", "vote")]
_SAYS = [
    ("anything", ""),
    ("the one", "left"),
    ("the other", "right"),
    ("a tie", "tie"),
    ("both bad", "both_bad"),
]


class BrowserForm(NamedTuple):
    """What is looked for, once as components and once as their values."""

    kind: Any
    text: Any
    source: Any
    tag: Any
    rater: Any
    outcome: Any
    deleted: Any

    @property
    def query(self) -> DataQuery:
        """Returns the values as what the use case takes."""
        return DataQuery(
            kind=self.kind,
            text=(self.text or "").strip(),
            source=self.source or "",
            tag=self.tag or "",
            rater=(self.rater or "").strip(),
            outcome=self.outcome or "",
            deleted=bool(self.deleted),
        )


class OpenedRow(NamedTuple):
    """One row seen whole, and what can be changed of it."""

    whole: Any
    row_id: Any
    prompt_id: Any
    editor: Any
    text: Any
    answer: Any
    tags: Any
    actions: Any
    delete: Any
    restore: Any


def build(context: AppContext, tab: gr.Tab) -> None:
    """Builds the table with its filters, and the row that is chosen below it."""
    with gr.Row(elem_id="browse-controls"):
        kind = gr.Dropdown(
            _KINDS, value="prompt", label="Show", min_width=170, elem_id="browse-kind"
        )
        text = gr.Textbox(label="Words of the prompt", max_lines=1, max_length=200, min_width=200,
                          elem_id="browse-text")  # fmt: skip
        source = gr.Dropdown([("any", "")], value="", label="Source", min_width=150)
        tag = gr.Dropdown([("any", "")], value="", label="Tag", min_width=120)
        rater = gr.Textbox(label="Who voted", max_lines=1, max_length=120, min_width=120,
                           visible=False)  # fmt: skip
        outcome = gr.Dropdown(_SAYS, value="", label="Says", min_width=120, visible=False)
        deleted = gr.Checkbox(label="Deleted ones", min_width=140, elem_id="browse-deleted")
        page = pager.built(min_width=90)
    counted = gr.HTML(elem_id="browse-counted", padding=False)
    table = gr.Dataframe(
        interactive=False, wrap=False, show_label=False, label="What is stored", buttons=[],
        elem_id="browse-table", max_height=720, line_breaks=False,
    )  # fmt: skip
    form = BrowserForm(kind, text, source, tag, rater, outcome, deleted)
    with gr.Row(elem_id="browse-open"):
        number = gr.Number(0, label="Open number", minimum=0, precision=0, min_width=140,
                           elem_id="browse-number")  # fmt: skip
        show = gr.Button("Open", elem_id="browse-show")
    whole = gr.HTML(elem_id="browse-whole", padding=False)
    with gr.Column(visible=False, elem_id="browse-editor") as editor:
        new_text = gr.Textbox(label="Prompt (while nobody has asked or pinned it)", lines=2)
        answer = gr.Textbox(label="Reference answer", lines=1, elem_id="browse-answer")
        tags = gr.Textbox(label="Tags, with commas between", max_lines=1, elem_id="browse-tags")
        keep = gr.Button("Keep", variant="primary", elem_id="browse-keep")
    with gr.Row(visible=False) as actions:
        delete = gr.Button("Delete", variant="stop", elem_id="browse-delete")
        restore = gr.Button("Restore", elem_id="browse-restore")
    said = gr.HTML(elem_id="browse-said", padding=False)
    row_id, prompt_id = (gr.Number(0, visible=False, precision=0) for _ in range(2))
    opened = OpenedRow(whole, row_id, prompt_id, editor, new_text, answer, tags, actions, delete,
                    restore)  # fmt: skip
    listed = [table, counted, page]

    def data_rows(request: gr.Request, page: float, *values: Any) -> list[Any]:
        if person(request).role not in ADMINS:
            return [gr.skip()] * len(listed)
        return _rows(context, BrowserForm(*values), page)

    def data_first(request: gr.Request, page: float, *values: Any) -> list[Any]:
        """Looks for what the filters say, from the first page on."""
        allowed(request, ADMINS)
        return _rows(context, BrowserForm(*values), 1, was=page)

    def data_kind(kind: str) -> list[Any]:
        """Returns the filters of votes, empty while something else is shown."""
        votes = {"visible": True} if kind == "vote" else {"visible": False, "value": ""}
        return [gr.Textbox(**votes), gr.Dropdown(**votes)]

    def data_choices(request: gr.Request) -> list[Any]:
        if person(request).role not in ADMINS:
            return [gr.skip(), gr.skip()]
        sources, tags = browsing.choices(context)
        return [gr.Dropdown(choices=[("any", ""), *((one, one) for one in of)])
                for of in (sources, tags)]  # fmt: skip

    def data_open(request: gr.Request, kind: str, number: float | None) -> list[Any]:
        allowed(request, ADMINS)
        return _open(context, kind, int(number or 0))

    def data_select(request: gr.Request, kind: str, event: gr.SelectData) -> list[Any]:
        allowed(request, ADMINS)
        number = int(event.row_value[0])
        return [number, *_open(context, kind, number)]

    def data_keep(request: gr.Request, prompt_id: int, text: str, answer: str, tags: str) -> str:
        sender = allowed(request, ADMINS)
        return _try(
            lambda: browsing.correct(
                context, sender, prompt_id, text=text, answer=answer, tags=tags
            )
        )

    def data_delete(request: gr.Request, kind: str, row_id: int) -> str:
        sender = allowed(request, ADMINS)
        return _try(lambda: browsing.delete(context, sender, kind, row_id))

    def data_restore(request: gr.Request, kind: str, row_id: int) -> str:
        sender = allowed(request, ADMINS)
        return _try(lambda: browsing.restore(context, sender, kind, row_id))

    again: dict[str, Any] = {"fn": data_rows, "inputs": [page, *form], "outputs": listed, **QUIET}
    gr.on([tab.select, page.input], trigger_mode="always_last", **again)
    tab.select(data_choices, None, [source, tag], **QUIET)
    first: dict[str, Any] = {"fn": data_first, "inputs": [page, *form], "outputs": listed,
                             "trigger_mode": "always_last", **QUIET}  # fmt: skip
    gr.on([text.submit, text.blur, source.input, tag.input, rater.submit, outcome.input,
           deleted.input], **first)  # fmt: skip
    of_kind = kind.input(data_kind, [kind], [rater, outcome], trigger_mode="always_last", **QUIET)
    of_kind.then(**first)
    gr.on([show.click, number.submit], data_open, [kind, number], list(opened),
          trigger_mode="always_last", **QUIET)  # fmt: skip
    table.select(data_select, [kind], [number, *opened], trigger_mode="always_last", **QUIET)
    reopen: dict[str, Any] = {"fn": data_open, "inputs": [kind, opened.row_id],
                              "outputs": list(opened), **QUIET}  # fmt: skip
    for button, act, inputs in (
        (keep, data_keep, [opened.prompt_id, new_text, answer, tags]),
        (delete, data_delete, [kind, opened.row_id]),
        (restore, data_restore, [kind, opened.row_id]),
    ):
        button.click(act, inputs, [said], **QUIET).then(**again).then(**reopen).then(
            data_choices, None, [source, tag], **QUIET
        )


def _rows(
    context: AppContext, form: BrowserForm, asked: float | None, *, was: float | None = None
) -> list[Any]:
    """Returns the rows of a page; `was` is what its field says, unless it is `asked`."""
    try:
        found = browsing.find(context, form.query, pager.number(asked))
    except (ThriceError, DatabaseError) as error:
        return [gr.skip(), drawn.problem(in_public(str(error))), gr.skip()]
    return [
        gr.Dataframe(value=found.rows, headers=list(found.headers)),
        drawn.note(found.said),
        pager.shown(asked if was is None else was, found.page, found.n_pages),
    ]


def _open(context: AppContext, kind: str, number: int) -> list[Any]:
    """Returns one row whole, and what can be done with it."""
    try:
        row = browsing.whole(context, kind, number)
    except (ThriceError, DatabaseError) as error:
        nothing = [gr.Column(visible=False), *[gr.skip()] * 3, gr.Row(visible=False)]
        return [drawn.problem(in_public(str(error))), 0, 0, *nothing, gr.skip(), gr.skip()]
    is_prompt = row.kind == "prompt"
    return list(
        OpenedRow(
            drawn.whole(row),
            row.id,
            row.prompt_id,
            gr.Column(visible=is_prompt and not row.deleted),
            row.text,
            row.answer,
            row.tags,
            gr.Row(visible=True),
            gr.Button(visible=not row.deleted),
            gr.Button(visible=row.deleted),
        )
    )


def _try(act: Any) -> str:
    """Returns what a change says; a mistake is said in the same place."""
    try:
        return drawn.note(act())
    except (ThriceError, DatabaseError) as error:
        return drawn.problem(in_public(str(error)))
