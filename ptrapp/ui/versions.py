"""The Versions page: is it better? A table, what waits at the gate, and plots of what was found."""

from typing import Any, NamedTuple

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS, READS
from ptrapp.core.public import in_public
from ptrapp.services import gate, versions
from ptrapp.services.context import AppContext
from ptrapp.services.leaderboard import findings, rows
from ptrapp.services.leaderboard.findings import Finding
from ptrapp.services.leaderboard.headline import is_it_better
from ptrapp.services.leaderboard.rows import Leaderboard, Order, VersionRow
from ptrapp.ui import pager
from ptrapp.ui import versions_plots as plots
from ptrapp.ui import versions_table as drawn
from ptrapp.ui.acting import refused
from ptrapp.ui.arriving import ARRIVED, when_seen
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.corrected import corrected
from ptrapp.ui.looks import Looks
from ptrapp.ui.plotting import drawn_once, plotted

_PLOTTED = 6
"""Versions in one plot by round: more cannot be told apart."""
_DRAW = (
    plots.accuracy_by_round,
    plots.forest,
    plots.fixed_and_broken,
    plots.progress,
    plots.lengths,
    plots.quality_by_votes,
)
"""How each finding is drawn, in the order of `_found`."""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class View(NamedTuple):
    """Everything that the page shows, once as components and once as their values."""

    stamp: Any
    headline: Any
    notice: Any
    actions: Any
    waiting: Any
    table: Any
    page: Any
    task: Any
    about: Any
    describing: Any
    sentences: tuple[Any, ...]
    figures: tuple[Any, ...]

    def flat(self) -> list[Any]:
        """Returns them in the order that Gradio is given."""
        *single, sentences, figures = self
        return [*single, *sentences, *figures]


def build(context: AppContext, pages: gr.Blocks, looks: Looks) -> None:
    """Builds the page. Its plots are drawn when they are first in view."""
    headline = gr.HTML(drawn.headline("Is it better?", ""), elem_id="versions-headline")
    notice = gr.HTML(elem_id="versions-gate")
    with gr.Row(visible=False, elem_id="versions-actions") as actions:
        waiting = gr.Dropdown(label="Version that waits", choices=[], min_width=180)
        reason = gr.Textbox(label="Why serve it all the same? (kept)", max_lines=2, scale=2)
        overrule = gr.Button("Serve all the same", variant="stop", elem_id="overrule")
        again = gr.Button("Measure again", elem_id="measure")
    with gr.Row(elem_id="versions-controls"):
        orders = [("best first", Order.BEST.value), ("newest first", Order.NEWEST.value)]
        order = gr.Dropdown(orders, value=Order.BEST.value, label="Order", min_width=140)
        task = gr.Dropdown([], label="Measured on", min_width=140)
        page = pager.built()
    table = gr.Dataframe(
        datatype="html", interactive=False, wrap=False, show_label=False, label="Leaderboard",
        elem_id="leaderboard", max_height=900, buttons=[],
    )  # fmt: skip
    sentences, figures = [], []
    with gr.Row(elem_id="versions-plots"):
        for number in range(len(_DRAW)):
            with gr.Column(min_width=320, elem_classes="finding"):
                sentences.append(gr.HTML(elem_classes="finding-said"))
                figures.append(gr.Plot(show_label=False, container=False, visible=False,
                                       elem_id=f"versions-plot-{number}"))  # fmt: skip
    describing = gr.Accordion("Name and note of a version", open=False)
    with describing, gr.Row():
        about = gr.Dropdown([], label="Version", min_width=180)
        title = gr.Textbox(label="Name", max_length=80, min_width=180)
        note = gr.Textbox(label="Note", max_length=1000, scale=2)
        keep = gr.Button("Keep", elem_id="keep-about")
    view = View(
        gr.Textbox("", visible=False), headline, notice, actions, waiting, table, page, task, about,
        describing, tuple(sentences), tuple(figures),
    )  # fmt: skip
    seen = gr.Checkbox(False, visible=False)  # whether the plots have been in view
    shown = [seen, waiting, task, order, page]

    def versions_read(
        request: gr.Request, seen: bool, waiting: str | None, task: str, order: str, page: float
    ) -> list[Any]:
        return _read(context, request, seen, waiting, task, order, page)

    def versions_draw(request: gr.Request, task: str, order: str, page: float) -> list[Any]:
        """Draws the plots, from now on whenever they are read again."""
        return [True, *_drawn(context, request, task, order, page)]

    def stamp_of(request: gr.Request) -> str | None:
        return rows.read_stamp(context) if person(request).role in READS else None

    def versions_serve(request: gr.Request, name: str, reason: str) -> None:
        who = allowed(request, ADMINS)
        _do(lambda: versions.serve(context, name, by=who.name, reason=reason))
        gr.Info(f"{name} answers the next prompt.")

    def versions_measure(request: gr.Request, name: str) -> None:
        allowed(request, ADMINS)
        _do(lambda: gate.measure_again(context, name))
        gr.Info(f"{name} is measured again; the queue is on the Train page.")

    def versions_describe(request: gr.Request, name: str, title: str, note: str) -> None:
        allowed(request, ADMINS)
        _do(lambda: versions.describe(context, name, title, note))
        gr.Info(f"What {name} is called and its note are kept.")

    def versions_described(request: gr.Request, name: str) -> tuple[str, str]:
        allowed(request, READS)
        return versions.description(context, name)

    everything = {"fn": versions_read, "inputs": shown, "outputs": view.flat(), **_QUIET}
    pages.load(**everything).then(**ARRIVED)
    gr.on([order.input, task.input, page.input], trigger_mode="always_last", **everything)
    pages.load(**when_seen("#versions-plots")).then(
        versions_draw, [task, order, page], [seen, *view.figures], **_QUIET
    )
    looks.add_stamp(view.stamp, stamp_of).change(**everything)
    overrule.click(versions_serve, [waiting, reason], None, **_QUIET).success(**everything)
    again.click(versions_measure, [waiting], None, **_QUIET).success(**everything)
    keep.click(versions_describe, [about, title, note], None, **_QUIET).success(**everything)
    about.input(versions_described, [about], [title, note], trigger_mode="always_last", **_QUIET)


def _do(act: Any) -> None:
    """Carries out what a person asked for; a mistake is said where Gradio says it."""
    try:
        act()
    except (ThriceError, DatabaseError) as error:
        raise refused(error) from error


def _read(
    context: AppContext,
    request: gr.Request,
    seen: bool,
    chosen: str | None,
    task: str,
    order: str,
    page: float,
) -> list[Any]:
    """Returns the values of the whole page for who may read it, and else only why not."""
    role = person(request).role
    nothing = [gr.skip()] * (len(View._fields) - 4 + 2 * len(_DRAW))
    if role not in READS:
        closed = drawn.headline("This page is for who runs the trainings.", "Yours is Label.")
        return ["", closed, *nothing]
    try:
        stamp = rows.read_stamp(context)
        board = _board(context, task, order, page)
        found = _found(context, board)
        said = is_it_better(context, board)
    except DatabaseError as error:
        return ["", drawn.headline("The versions cannot be read.", in_public(str(error))), *nothing]
    waiting = [row.name for row in board.waiting]
    names = [row.name for row in board.rows if row.id is not None]
    of = counted(board.n_versions, "version")
    return View(
        stamp,
        drawn.headline(*said),
        drawn.notice(board.waiting, board.serving.name) + drawn.ways(board.rows),
        gr.Row(visible=bool(waiting) and role in ADMINS),
        _kept(waiting, chosen),
        gr.Dataframe(value=drawn.cells(board), headers=drawn.headers(board)),
        pager.shown(page, board.page, board.n_pages, of),
        _kept([*board.tasks], task, board.task),
        gr.Dropdown(choices=names),
        gr.Accordion(visible=bool(names) and role in ADMINS),
        tuple(_said(one) for one in found),
        _figures(found) if seen else (gr.skip(),) * len(_DRAW),
    ).flat()


def _board(context: AppContext, task: str, order: str, page: float) -> Leaderboard:
    number = pager.number(page)
    return rows.read_leaderboard(context, task=task, order=Order(order), page=number)


def _kept(choices: list[str], chosen: str | None, usual: str = "") -> gr.Dropdown:
    """Returns a field with its choices; what a person chose stays while it is one of them."""
    first = usual if usual in choices else next(iter(choices), None)
    return gr.Dropdown(choices=choices, **corrected(chosen, chosen if chosen in choices else first))


def _drawn(
    context: AppContext, request: gr.Request, task: str, order: str, page: float
) -> tuple[Any, ...]:
    """Returns the plots alone, for who may read them."""
    if person(request).role not in READS:
        return (gr.skip(),) * len(_DRAW)
    try:
        board = _board(context, task, order, page)
        return _figures(_found(context, board))
    except DatabaseError as error:
        raise refused(error) from error


def _found(context: AppContext, board: Leaderboard) -> list[Finding]:
    plotted = _plotted(board)
    history = board.history
    return [
        findings.accuracy_by_round(plotted),
        findings.win_rate_forest(plotted, board.rows),
        findings.fixed_and_broken(plotted),
        findings.progress(history),
        findings.lengths(history),
        findings.quality_by_votes(history, rows.read_votes_learnt(context)),
    ]


def _plotted(board: Leaderboard) -> list[VersionRow]:
    """Returns the version that answers, what waits, the first of this page, and the base model."""
    chosen: dict[int | None, VersionRow] = {}
    for row in (board.serving, *board.waiting[:1], *board.rows):
        if row.id is not None and row.rounds and len(chosen) < _PLOTTED - 1:
            chosen[row.id] = row
    return [*chosen.values(), board.rows[-1]]


def _said(finding: Finding) -> str:
    """Returns a finding in words; one that is `drawn` as well is given the room of its plot."""
    heading, sentence = drawn.escape(finding.heading), drawn.escape(finding.sentence)
    drawn_too = " class='drawn'" if finding.points else ""
    return f"<h2{drawn_too}>{heading}</h2><p>{sentence}</p>"


def _figures(found: list[Finding]) -> tuple[Any, ...]:
    return tuple(_figure(draw, one) for draw, one in zip(_DRAW, found, strict=True))


def _figure(draw: Any, finding: Finding) -> Any:
    if not finding.points:
        return plotted(None)
    return plotted(drawn_once(draw, finding))
