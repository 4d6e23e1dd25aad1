"""One job: its stages with time left, its curves, samples, notes, results and log."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from ptrapp.core.people import ADMINS, Role
from ptrapp.services.context import AppContext
from ptrapp.services.training import log
from ptrapp.services.training.for_role import for_role
from ptrapp.services.training.job import JobPage, read_job
from ptrapp.services.training.samples import CheckpointSamples
from ptrapp.ui import train_drawn as drawn
from ptrapp.ui import train_made
from ptrapp.ui import train_plots as plots
from ptrapp.ui import train_results as results
from ptrapp.ui.corrected import corrected
from ptrapp.ui.plotting import drawn_once, plotted

N_PLOTS_IN_SHORT = 3
"""Plots of the running job above the cards; its own page has all of them."""
_TABLES = {"table": "right by round", "given": "given answers"}
MAX_REASON = 500
"""Characters of the reason why a version that waits is served."""
LOSS = (
    "What it did so far is deleted for good: checkpoints, frozen data and log. "
    "It cannot be resumed. Votes and versions stay."
)


@dataclass(frozen=True, slots=True)
class JobParts:
    """The components of a job's view."""

    whole: Any
    head: Any
    page_link: Any
    acts: Any
    cancel: Any
    resume: Any
    discard: Any
    again: Any
    serve: Any
    made: Any
    about: Any
    headings: tuple[Any, ...]
    figures: tuple[Any, ...]
    details: Any
    notes: Any
    sampled: Any
    samples: Any
    found: Any
    chosen: Any
    table: Any
    logged: Any
    log: Any
    whole_log: Any
    confirming: Any
    really: Any
    keep: Any
    asking: Any
    """The question why a version that waits is served."""
    reason: Any
    overrule: Any

    def flat(self) -> list[Any]:
        """Returns all of them that change, in the order of the values that `read` returns."""
        return [
            self.whole, self.head, self.page_link, self.acts, self.cancel, self.resume,
            self.discard, self.again, self.serve, self.made, self.about, self.details,
            self.notes, self.sampled, self.samples, self.found, self.chosen, self.table,
            self.logged, self.log, self.whole_log, *self.headings, *self.figures,
        ]  # fmt: skip


def build() -> JobParts:
    """Builds the view, empty until a job is read."""
    with gr.Column(visible=False, elem_id="train-job") as whole:
        head = gr.HTML(elem_id="job-head", apply_default_css=False)
        made = gr.HTML(elem_id="job-made", apply_default_css=False)
        about = gr.HTML(elem_id="job-about", apply_default_css=False)
        with gr.Row(elem_id="job-acts") as acts:
            serve = gr.Button("Serve it", variant="primary", elem_id="job-serve", size="md")
            page_link = gr.HTML(elem_id="job-link", apply_default_css=False)
            cancel = gr.Button(
                "Cancel", variant="stop", elem_id="job-cancel", min_width=100, size="md"
            )
            resume = gr.Button("Resume", elem_id="job-resume", min_width=100, size="md")
            discard = gr.Button("Discard …", elem_id="job-discard", min_width=100, size="md")
            again = gr.HTML(elem_id="job-again", apply_default_css=False)
        with gr.Column(visible=False, elem_id="job-confirm") as confirming:
            gr.HTML(f"<p>{LOSS}</p>", apply_default_css=False)
            with gr.Row():
                really = gr.Button(
                    "Really discard", variant="stop", elem_id="job-really", size="md"
                )
                keep = gr.Button("Keep it", elem_id="job-keep", size="md")
        asking, reason, overrule = _why()
        headings, figures = [], []
        with gr.Row(elem_id="job-plots"):
            for number, _ in enumerate(plots.PLOTS):
                with gr.Column(min_width=280, elem_classes="job-plot"):
                    headings.append(gr.HTML(apply_default_css=False))
                    figures.append(gr.Plot(show_label=False, container=False, visible=False,
                                           elem_id=f"job-plot-{number}"))  # fmt: skip
        with gr.Column(visible=False, elem_id="job-details") as details:
            gr.HTML("<h3>Notes</h3>", apply_default_css=False)
            notes = gr.HTML(elem_id="job-notes", apply_default_css=False)
            sampled = gr.HTML(elem_id="job-sampled", apply_default_css=False)
            samples = gr.Dataframe(
                datatype="str", interactive=False, wrap=True, show_label=False,
                label="Samples at checkpoints", elem_id="job-samples", visible=False, buttons=[],
            )  # fmt: skip
            found = gr.HTML(elem_id="job-found", apply_default_css=False)
            chosen = gr.Dropdown([], label="Table", visible=False, elem_id="job-table-choice")
            table = gr.Dataframe(
                datatype="html", interactive=False, wrap=True, show_label=False, label="Result",
                elem_id="job-table", visible=False, buttons=[],
            )  # fmt: skip
            with gr.Column() as logged:
                gr.HTML("<h3>Log, its end</h3>", apply_default_css=False)
                log_end = gr.Textbox(
                    lines=8, max_lines=16, interactive=True, show_label=False, label="Log",
                    elem_id="job-log", autoscroll=True, elem_classes="only-read",
                )  # fmt: skip
                whole_log = gr.HTML(elem_id="job-whole-log", apply_default_css=False)
    return JobParts(
        whole, head, page_link, acts, cancel, resume, discard, again, serve, made, about,
        tuple(headings), tuple(figures), details, notes, sampled, samples, found, chosen, table,
        logged, log_end, whole_log, confirming, really, keep, asking, reason, overrule,
    )  # fmt: skip


def _why() -> tuple[Any, Any, Any]:
    """Builds the question why a version that waits is served; Enter answers it."""
    with gr.Row(visible=False, elem_id="job-why") as asking:
        reason = gr.Textbox(
            label="Why serve it all the same? (kept)", placeholder="Enter serves it", scale=2,
            max_length=MAX_REASON, elem_id="job-reason",
        )  # fmt: skip
        overrule = gr.Button(
            "Serve it", variant="stop", size="md", scale=0, min_width=120, elem_id="job-overrule"
        )
    return asking, reason, overrule


def hidden(parts: JobParts) -> list[Any]:
    """Returns the values of a view of no job."""
    return [gr.Column(visible=False), *[gr.skip()] * (len(parts.flat()) - 1)]


def read(
    context: AppContext, job_id: int, role: Role, *, whole: bool, chosen: str | None
) -> list[Any]:
    """Returns the values of the view of a job, in short or whole. Raises `NotFound`."""
    found = read_job(context, job_id)
    page = replace(found, job=for_role(found.job, role))
    job, admin = page.job, role in ADMINS
    running = job.status in ("queued", "running") and not job.stopping
    stopped = job.status in ("failed", "cancelled")
    tables = results.names(job.result)
    words = train_made.serve_words(page.made)
    against = page.made is not None and train_made.needs_reason(page.made)
    link = "<a class='btn' href='train'>All jobs</a>" if whole else (
        f"<a class='btn' href='train?job={job.id}'>Job page</a>"
    )  # fmt: skip
    return [
        gr.Column(visible=True),
        drawn.head(page),
        link,
        gr.Row(visible=True),
        gr.Button(visible=running and admin),
        gr.Button(visible=stopped and admin),
        gr.Button(visible=(stopped or job.status == "queued") and admin and whole),
        f"<a class='btn' href='train?again={job.id}'>Run again with changes</a>"
        if admin and whole
        else "",
        gr.Button(
            words,
            visible=bool(words) and admin and whole,
            variant="secondary" if against else "primary",
        ),
        train_made.made(page) + train_made.measures(page) if whole else "",
        drawn.came_of_it(page) + train_made.follows(page) if whole else "",
        gr.Column(visible=whole),
        *(_details(context, page, admin, tables, chosen) if whole else [gr.skip()] * 9),
        *_plots(page, whole),
    ]


def table_of(context: AppContext, job_id: int, name: str | None) -> Any:
    """Returns one table of a job's result, or hides it."""
    result = read_job(context, job_id).job.result
    return _result_table(result, name if name in results.names(result) else None)


def _details(
    context: AppContext, page: JobPage, admin: bool, tables: list[str], chosen: str | None
) -> list[Any]:
    job, found = page.job, page.samples
    shown = chosen if chosen in tables else (tables[0] if tables else None)
    link = f"api/v1/jobs/{job.id}/log"
    lines = log.tail(context, job.id) if admin else ""
    figures = results.figures(job.result) or results.learnt(page.made.metrics if page.made else {})
    if not figures and job.status in ("queued", "running"):
        figures = "Nothing yet."
    return [
        drawn.notes(job.notes, page.method),
        drawn.samples(found, job.kind),
        _samples(found),
        results.found(figures, tables),
        gr.Dropdown(
            [(_TABLES.get(name, name.replace("_", " ")), name) for name in tables],
            visible=bool(tables),
            **corrected(chosen, shown),
        ),
        _result_table(job.result, shown),
        gr.Column(visible=admin),
        lines,
        f"<a class='btn' href='{link}' download>Download the whole log</a>" if lines else "",
    ]


def _samples(found: CheckpointSamples | None) -> Any:
    if found is None:
        return gr.Dataframe(visible=False)
    rows = [[prompt, *row] for prompt, row in zip(found.prompts, found.responses, strict=True)]
    widths: list[str | int] = ["260px", *["180px"] * len(found.versions)]
    return gr.Dataframe(
        visible=True, headers=["Prompt", *found.versions], value=rows, column_widths=widths
    )


def _result_table(result: dict[str, Any], name: str | None) -> Any:
    if name is None:
        return gr.Dataframe(visible=False)
    found = results.table(result, name)
    return gr.Dataframe(headers=found.headers, value=found.cells, visible=True)


def _plots(page: JobPage, whole: bool) -> list[Any]:
    """Returns the headings with their newest values, then the plots."""
    curves = dict(page.curves)
    if page.samples is not None:
        curves["lengths"] = list(page.samples.mean_characters)
    headings, figures = [], []
    for number, plot in enumerate(plots.PLOTS):
        figure = None
        if whole or number < N_PLOTS_IN_SHORT:
            figure = drawn_once(plots.draw, plot, curves, page.compared)
        value = plots.latest(plot, curves)
        heading = f"<h3>{plot.heading} <span>{value}</span></h3>"
        headings.append(gr.HTML(heading if figure else "", visible=figure is not None))
        figures.append(plotted(figure))
    return [*headings, *figures]
