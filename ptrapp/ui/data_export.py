"""Exporting on the Data page: what, how many rows, three of them, and the file."""

import json
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlencode

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import InputError, ThriceError
from ptrapp.core.people import ADMINS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.files import export_request, exporting
from ptrapp.services.files.export_rows import Completions
from ptrapp.services.files.exporting import ExportRequest, What
from ptrapp.services.files.panel import read_panel
from ptrapp.ui import data_view as drawn
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.data_import import QUIET
from ptrapp.ui.looks import Looks

_WHAT = [
    ("Preferences: chosen and rejected (TRL, for DPO)", What.PREFERENCES.value),
    ("Single answers, good or bad (TRL, for KTO)", What.UNPAIRED.value),
    ("Votes: every one, can be imported again", What.VOTES.value),
    ("Trajectories: attempts and a better answer (for SFT)", What.REFINEMENTS.value),
    ("Prompts (TRL, prompt only)", What.PROMPTS.value),
    ("Scores: answers as judges rated them", What.SCORES.value),
]
_KINDS = [("JSON lines", "jsonl"), ("Parquet", "parquet"), ("CSV (votes alone)", "csv")]
_RATERS = [
    ("everybody", ""),
    ("people", "human"),
    ("judges", "judge"),
    ("imported files", "dataset"),
]
_TEXTS = [
    ("whole, with thoughts", Completions.FULL.value),
    ("responses alone", Completions.RESPONSE.value),
]
_LOG = "Each vote, change and undo is a row."
_CUT = 300
"""Characters of a value in the sample."""
_SOURCES = ["Source", "Prompts", "Answers", "Pairs", "Votes"]
_HEADING = "## Exports that were made"
_AGAIN = (
    "A command gives the same bytes again. Where the app was started with --data-dir, put that "
    "after `ptrapp`."
)
_SNAPSHOTS = ["What", "Rows", "Up to", "Campaign", "SHA-256", "The same bytes again"]


class ExportForm(NamedTuple):
    """What is exported, once as components and once as their values."""

    what: Any
    kind: Any
    campaign: Any
    raters: Any
    texts: Any
    up_to: Any
    names: Any

    @property
    def asked(self) -> ExportRequest:
        """Returns the values as what the use case takes."""
        return export_request.request_of(
            self.what, self.campaign or "", self.raters or "", self.texts,
            int(self.up_to or 0), names=bool(self.names),
        )  # fmt: skip

    @property
    def address(self) -> str:
        """Where the file is fetched, relative to the page."""
        asked: dict[str, Any] = {
            "what": self.what,
            "kind": self.kind,
            "completions": self.texts,
            "names": str(bool(self.names)).lower(),
        }
        given = {"campaign": self.campaign, "raters": self.raters, "up_to": self.up_to}
        asked |= {name: value for name, value in given.items() if value}
        return f"api/v1/export?{urlencode(asked)}"


def build(context: AppContext, tab: gr.Tab, looks: Looks) -> None:
    """Builds the form, what is stored by source, and the exports that were made."""
    gr.Markdown(
        "Choose what you want; the file is made by this machine and fetched by your browser. The "
        "same choice up to the same vote gives the same bytes."
    )
    with gr.Row(elem_id="export-form"):
        what = gr.Dropdown(_WHAT, value=What.PREFERENCES.value, label="What", min_width=320,
                           elem_id="export-what")  # fmt: skip
        kind = gr.Dropdown(
            _KINDS, value="jsonl", label="File", min_width=130, elem_id="export-kind"
        )
        campaign = gr.Dropdown([("all", "")], value="", label="Campaign", min_width=150)
        raters = gr.Dropdown(_RATERS, value="", label="Rated by", min_width=140)
        texts = gr.Dropdown(_TEXTS, value=Completions.FULL.value, label="Answers", min_width=220)
        up_to = gr.Number(0, label="Up to vote (0: all)", minimum=0, precision=0,
                          min_width=160)  # fmt: skip
        names = gr.Checkbox(label="With the names of people", min_width=160)
    form = ExportForm(what, kind, campaign, raters, texts, up_to, names)
    look = gr.Button("Show rows and a sample", elem_id="export-look")
    said = gr.HTML(elem_id="export-said", padding=False)
    sample = gr.Dataframe(visible=False, interactive=False, wrap=True, buttons=[],
                          label="The first rows", elem_id="export-sample")  # fmt: skip
    fetch = gr.HTML(elem_id="export-fetch", padding=False)
    gr.Markdown("## What is stored")
    counted = gr.HTML(elem_id="stored-votes", padding=False)
    stored = gr.Dataframe(headers=_SOURCES, interactive=False, label="Prompts by source",
                          show_label=False, buttons=[], max_height=320,
                          elem_id="stored")  # fmt: skip
    heading = gr.Markdown(_HEADING)
    made = gr.Dataframe(
        headers=_SNAPSHOTS, visible=False, interactive=False, label="Exports", show_label=False,
        buttons=[], max_height=320, elem_id="snapshots", wrap=True,
        column_widths=["110px", "70px", "70px", "110px", "300px", "560px"],
    )  # fmt: skip

    stamp = gr.Textbox(visible=False)
    listed = [heading, made, stamp]

    def data_sample(request: gr.Request, *values: Any) -> tuple[str, Any, str]:
        allowed(request, ADMINS)
        return _look(context, ExportForm(*values))

    def data_panel(request: gr.Request) -> list[Any]:
        if person(request).role not in ADMINS:
            return [gr.skip()] * 6
        return [*_panel(context), *_made(context)]

    def exports_stamp(_: gr.Request) -> str:
        return exporting.snapshots_stamp(context)

    def data_made(request: gr.Request) -> list[Any]:
        allowed(request, ADMINS)
        return _made(context)

    seen = {"fn": data_sample, "inputs": list(form), "outputs": [said, sample, fetch], **QUIET}
    gr.on([look.click, *(part.input for part in form)], trigger_mode="always_last", **seen)
    tab.select(data_panel, None, [campaign, counted, stored, *listed], **QUIET)
    looks.add_stamp(stamp, exports_stamp).change(data_made, None, listed, **QUIET)


def _look(context: AppContext, form: ExportForm) -> tuple[str, Any, str]:
    hidden = gr.Dataframe(visible=False)
    try:
        if form.kind == "csv" and form.what != What.VOTES:
            raise InputError("A CSV file holds no messages: take JSON lines or Parquet.")
        seen = exporting.look(context, form.asked)
    except (ThriceError, DatabaseError) as error:
        return drawn.problem(in_public(str(error))), hidden, ""
    count = _count(form.what, seen.n)
    if not seen.rows:
        return drawn.note(f"{count}; nothing that can be exported."), hidden, ""
    heads = list(seen.rows[0])
    rows = [[_short(row.get(name)) for name in heads] for row in seen.rows]
    link = f"<a href='{escape(form.address)}' download>Download</a>"
    return drawn.note(count), gr.Dataframe(value=rows, headers=heads, visible=True), link


def _count(what: str, n: int) -> str:
    if what == What.VOTES:
        return f"{counted(n, 'vote')}, a row each"
    if what == What.REFINEMENTS:
        return (
            f"At most {counted(n, 'row')}: later rounds that were found right or that a strong "
            "model wrote"
        )
    if what == What.PROMPTS:
        return f"{counted(n, 'prompt')}, held-out ones too"
    if what == What.SCORES:
        return f"{counted(n, 'score')}, a row each"
    if what == What.UNPAIRED:
        return f"At most {counted(2 * n, 'row')}, of {counted(n, 'judged pair')}"
    return f"At most {counted(n, 'row')}: judged pairs, without ties and what cannot be learnt"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _CUT else text[:_CUT] + "…"


def _panel(context: AppContext) -> list[Any]:
    panel = read_panel(context)
    kinds = {value: name for name, value in _RATERS}
    votes = ", ".join(f"{n:,} by {kinds[kind]}" for kind, n in panel.n_votes.items() if n)
    return [
        gr.Dropdown(choices=[("all", ""), *((one, one) for one in panel.campaigns)]),
        drawn.note(f"Rows of the vote log: {votes}. {_LOG}" if votes else "No votes yet."),
        [list(row) for row in panel.sources],
    ]


def _made(context: AppContext) -> list[Any]:
    """Returns the exports that were made, and the stamp that they are of."""
    stamp = exporting.snapshots_stamp(context)
    rows = [
        [one["what"], one["n_rows"], one["up_to"], one["campaign"] or "all", one["sha256"],
         exporting.again(one)]
        for one in exporting.snapshots(context)
    ]  # fmt: skip
    said = f"{_HEADING}\n{_AGAIN if rows else 'None yet.'}"
    return [said, gr.Dataframe(value=rows, visible=bool(rows)), stamp]
