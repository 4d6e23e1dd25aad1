"""The Train page: what runs, three ways to go on, and every job with a page of its own."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import ConfigurationError, InputError, ThriceError
from ptrapp.core.people import ADMINS, READS
from ptrapp.core.public import in_public
from ptrapp.services import jobs
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import people
from ptrapp.services.outlook import read_outlook
from ptrapp.services.training import form
from ptrapp.services.training.job import going, read_stamps
from ptrapp.services.training.settings_words import by_labels
from ptrapp.services.training.table import read_table
from ptrapp.ui import base_model, pager, train_cards, train_job, train_serving
from ptrapp.ui import train_drawn as drawn
from ptrapp.ui.acting import carried_out
from ptrapp.ui.arriving import ARRIVED, arrived
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.looks import Looks
from ptrapp.ui.speaking import rest

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_NEVER = ""
"""The stamps of a page that has not looked yet: the form is being filled until then."""
_CLOSED = "This page is for who runs the trainings. Yours is Label."
_GO = "(id) => { if (id) location.assign(`train?job=${id}`); }"
"""Shows a job that was started on a page of its own."""
_ASKED = """[...new URLSearchParams(location.search).keys()].some((key) => !key.startsWith("__"))
  && !location.search.includes("job=")"""
"""Says that the link asks something of the cards, which are then filled after the first reading."""
_FORGET = "() => ''"
"""What was wrong is said of settings as they were."""
_NO_WORKER = "No worker is running, so jobs stay queued. Start one: python -m training.worker"
_ABOUT = (
    "<div class='train-title'><h1>Train</h1><p>Votes and refined answers become a new version. "
    "It serves when it passes the <a href='versions'>gate</a>.</p></div>"
)


def build(context: AppContext, pages: gr.Blocks, looks: Looks) -> None:
    """Builds the page, then wires it."""
    gr.HTML(_ABOUT, apply_default_css=False)
    problem = gr.HTML(elem_id="train-problem", apply_default_css=False)
    # the job of the link, else none: then it is the one that runs
    watched = gr.Number(visible=False, precision=0)
    stamps = gr.Textbox(_NEVER, visible=False)
    job = train_job.build()
    with gr.Column(visible=False, elem_id="train-overview") as overview:
        cards = train_cards.build()
        table, filters = _table()
        base_model.build(context, pages, looks)
        with gr.Accordion("Served model", open=False):
            engine = gr.HTML(elem_id="train-engine", apply_default_css=False)
    inputs = [part for card in cards for part in card.inputs]
    shown = [part for card in cards for part in card.shown]
    listed = [table, filters[2]]
    choosing, filling = train_cards.choosing(cards), train_cards.inputs_and_folds(cards)

    def train_open(request: gr.Request) -> list[Any]:
        """Opens what the link names, for who may read it."""
        same = [gr.skip()] * len(choosing)
        if person(request).role not in READS:
            return [f"<p role='status'>{_CLOSED}</p>", None, gr.skip(), gr.skip(), *same]
        if job_id := _number(_query(request).get("job")):
            return [_worker(context), job_id, gr.skip(), gr.skip(), *same]  # it shows no cards
        try:
            offered, said = train_cards.offered(context, cards), _worker(context)
        except (ThriceError, DatabaseError) as error:
            offered, said = same, _said(str(error))
        return [said, None, gr.Column(visible=True), _engine(context), *offered]

    def train_fill(request: gr.Request) -> list[Any]:
        """Fills the cards as the link asks."""
        if person(request).role not in READS:
            return [gr.skip()] * (1 + len(filling))
        query = _query(request)
        again = _number(query.get("again"))
        try:
            earlier = jobs.view(context, again) if again else None
            return [gr.skip(), *train_cards.filled(context, cards, query, earlier)]
        except (ThriceError, DatabaseError) as error:
            return [_said(str(error)), *([gr.skip()] * len(filling))]

    def train_read(request: gr.Request, *values: Any) -> list[Any]:
        """Reads the cards, for what is chosen on them."""
        role = person(request).role
        if role not in READS:
            return [gr.skip()] * len(shown)
        now = read_outlook(context)
        return train_cards.read(context, cards, values, now, may_start=role in ADMINS)

    def train_list(request: gr.Request, kind: str, state: str, page: float) -> list[Any]:
        allowed(request, READS)
        return _listed(context, kind, state, page)

    def train_look(
        request: gr.Request, job_id: int | None, stamps: str, chosen: str | None,
        kind: str, state: str, page: float, *values: Any,
    ) -> list[Any]:  # fmt: skip
        """Reads what has changed since the look that `stamps` are of."""
        role, n = person(request).role, len(job.flat())
        cards_same = [gr.skip()] * (len(listed) + len(shown))
        same = [*[gr.skip()] * (2 + n), *cards_same]
        if role not in READS:
            return same
        try:
            now = _stamps(context, job_id)
            if now == stamps:
                return same
            one = job_id or going(context)
            view = train_job.hidden(job)
            if one is not None:
                view = train_job.read(context, one, role, whole=bool(job_id), chosen=chosen)
            if job_id or (stamps and _of_all(now) == _of_all(stamps)):
                return [gr.skip(), now, *view, *cards_same]
            may_start, counted = role in ADMINS, read_outlook(context)
            read = train_cards.read(context, cards, values, counted, may_start=may_start)
            rows = _listed(context, kind, state, page)
            return [_worker(context), now, *view, *rows, *read]
        except (ThriceError, DatabaseError) as error:
            return [_said(str(error)), *same[1:]]

    def train_first(request: gr.Request, job_id: int | None, _: Any, *rest: Any) -> list[Any]:
        """Reads all of the page; cards that a link has something to say of wait until it is."""
        found = train_look(request, job_id, _NEVER, *rest)
        asked = not job_id and bool(_query(request))
        return [*(_but_last(found, len(shown)) if asked else found), asked]

    def stamps_of(request: gr.Request, job_id: int | None) -> str | None:
        return _stamps(context, job_id) if person(request).role in READS else None

    def train_table(request: gr.Request, job_id: int | None, name: str | None) -> Any:
        allowed(request, READS)
        return train_job.table_of(context, job_id, name) if job_id else gr.skip()

    everything = [problem, stamps, *job.flat(), *listed, *shown]
    look: dict[str, Any] = {
        "inputs": [watched, stamps, job.chosen, *filters, *inputs], "outputs": everything, **_QUIET,
    }  # fmt: skip
    opening = [problem, watched, overview, engine, *choosing]
    asked = gr.Checkbox(False, visible=False)  # whether the link asks something of the cards
    pages.load(train_open, None, opening, **_QUIET).then(
        train_first, look["inputs"], [*everything, asked], **_QUIET
    ).then(**arrived(unless=_ASKED))
    asked.change(train_fill, None, [problem, *filling], **_QUIET).then(
        train_read, inputs, shown, **_QUIET
    ).then(**ARRIVED)
    looks.add_stamp(stamps, stamps_of, watched).change(train_look, **look)
    chosen = [part.input for part in inputs if hasattr(part, "input")]
    gr.on(chosen, train_read, inputs, shown, trigger_mode="always_last", **_QUIET)
    gr.on([one.input for one in filters], train_list, filters, listed, trigger_mode="always_last",
          **_QUIET)  # fmt: skip
    job.chosen.input(train_table, [watched, job.chosen], job.table, trigger_mode="always_last",
                     **_QUIET)  # fmt: skip
    queued = gr.Number(visible=False, precision=0)
    for card in cards:
        started = card.button.click(
            _starter(context, card), card.inputs, [queued, card.problem], **_QUIET
        )
        started.success(None, [queued], None, js=_GO)
        entered = [part.input for part in card.inputs if hasattr(part, "input")]
        gr.on(entered, None, None, card.problem, js=_FORGET, **_QUIET)
    _wire_acts(context, job, watched, {"fn": train_look, **look})
    train_serving.wire(context, job, watched, {"fn": train_look, **look})


def _stamps(context: AppContext, job_id: int | None) -> str:
    """Returns two lines: what tells that any job has changed, and that the one in view has."""
    return "\n".join(read_stamps(context, job_id))


def _of_all(stamps: str) -> str:
    return stamps.partition("\n")[0]


def _table() -> tuple[Any, list[Any]]:
    """Builds the list of jobs with its filters."""
    gr.HTML("<h2 class='train-jobs'>Jobs</h2>", apply_default_css=False)
    with gr.Row(elem_id="train-filters"):
        kinds = [("every kind", ""), *((label, kind) for kind, label in form.KINDS.items())]
        kind = gr.Dropdown(kinds, value="", label="Kind", min_width=140)
        states = [("all but discarded", ""), *((one, one) for one in form.STATES)]
        state = gr.Dropdown(states, value="", label="State", min_width=140)
        page = pager.built()
    table = gr.Dataframe(
        headers=list(drawn.HEADERS), datatype="html", interactive=False, wrap=False,
        show_label=False, label="Jobs", elem_id="train-jobs", max_height=1200, buttons=[],
    )  # fmt: skip
    return table, [kind, state, page]


def _listed(context: AppContext, kind: str, state: str, page: float) -> list[Any]:
    found = read_table(context, kind=kind, state=state, page=pager.number(page))
    of = counted(found.n_jobs, "job")
    return [drawn.cells(found), pager.shown(page, found.page, found.n_pages, of)]


def _starter(
    context: AppContext, card: train_cards.CardParts
) -> Callable[..., tuple[int | None, str]]:
    """Returns what starts a card's job; what is wrong with it is said below its button."""

    def train_start(request: gr.Request, *values: Any) -> tuple[int | None, str]:
        who = allowed(request, ADMINS)
        by, asked = people.name_of(context, who), card.asked(values)
        try:
            return _start(context, asked, by, who.rater), ""
        except (ThriceError, DatabaseError) as error:
            return None, _said(str(error))

    return train_start


def _start(context: AppContext, asked: train_cards.AskedJob, by: str, rater: str) -> int:
    if asked.method.key != "judge":
        kind, parent = asked.method.kind, asked.parent
        try:
            return jobs.start(context, kind, asked.settings, parent=parent, by=by, rater=rater)
        except ConfigurationError as error:
            raise ConfigurationError(by_labels(asked.method, str(error))) from error
    campaign_id = asked.settings.get("campaign_id")
    if campaign_id is None:
        raise InputError("Choose the campaign that the judge labels.")
    judge = asked.settings.get("judge", "")
    return jobs.start_judging(context, campaign_id, judge, by=by, rater=rater)


def _wire_acts(context: AppContext, job: train_job.JobParts, watched: Any, look: Any) -> None:
    """Wires the buttons of a job; discarding asks first, in place."""

    def train_cancel(request: gr.Request, job_id: int | None) -> None:
        allowed(request, ADMINS)
        one = job_id or going(context)
        if one is not None:
            carried_out(lambda: jobs.cancel(context, one))
            gr.Info(f"Job {one} is being stopped; its last checkpoint is kept.")

    def train_resume(request: gr.Request, job_id: int) -> None:
        allowed(request, ADMINS)
        carried_out(lambda: jobs.resume(context, job_id))
        gr.Info(f"Job {job_id} resumes from its last checkpoint.")

    def train_ask() -> Any:
        return gr.Column(visible=True)

    def train_keep() -> Any:
        return gr.Column(visible=False)

    def train_discard(request: gr.Request, job_id: int) -> Any:
        allowed(request, ADMINS)
        carried_out(lambda: jobs.discard(context, job_id))
        gr.Info(f"Job {job_id} is discarded.")
        return train_keep()

    back = rest("#job-head h2")
    job.cancel.click(train_cancel, watched, None, **_QUIET).success(**look).then(**back)
    job.resume.click(train_resume, watched, None, **_QUIET).success(**look).then(**back)
    job.discard.click(train_ask, None, job.confirming, **_QUIET)
    job.keep.click(train_keep, None, job.confirming, **_QUIET)
    done = job.really.click(train_discard, watched, job.confirming, **_QUIET)
    done.success(**look).then(**back)


def _worker(context: AppContext) -> str:
    return "" if jobs.has_worker(context) else _said(_NO_WORKER)


def _engine(context: AppContext) -> str:
    said = "".join(f"<li>{drawn.escape(one)}</li>" for one in context.engine.about)
    return f"<p>Up to {context.engine.context_length:,} tokens.</p><ul>{said}</ul>"


def _said(text: str) -> str:
    return f"<p class='job-error' role='alert'>{drawn.escape(in_public(text))}</p>"


def _query(request: gr.Request) -> dict[str, str]:
    """Returns what the link asks; names such as `__theme` are Gradio's own."""
    given = request.request.query_params if request.request else {}
    return {name: value for name, value in given.items() if not name.startswith("__")}


def _but_last(values: list[Any], n: int) -> list[Any]:
    """Returns the values with the last `n` as they are on the page."""
    return [*values[: len(values) - n], *([gr.skip()] * n)]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
