"""A campaign's own page: how far it is, agreement, disagreements, flags, people, settings …"""

from typing import Any, NamedTuple

import gradio as gr

from db.models import CampaignState
from ptrapp.core.people import ADMINS, READS
from ptrapp.services import jobs
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns, changing, items
from ptrapp.services.labelling.agreement import drift_in_words, read_drift, read_report
from ptrapp.services.labelling.campaigns import MAX_GUIDELINES, guidelines_html
from ptrapp.services.labelling.overview import in_words, read_overview
from ptrapp.services.labelling.panel import CampaignRow
from ptrapp.services.labelling.people import name_of
from ptrapp.ui import agreement_drawn, campaign_flags, campaign_head, tab_address
from ptrapp.ui import campaign_disagreements as disputes
from ptrapp.ui import campaigns_drawn as drawn
from ptrapp.ui import campaigns_plots as plots
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed
from ptrapp.ui.plotting import drawn_once, plotted

TABS = ("overview", "agreement", "disagreements", "flags", "guidelines", "people", "settings")
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_GO = "(id) => { location.assign(id ? `campaigns?campaign=${id}` : 'campaigns'); }"
_KNOWN = ["Kind", "Prompt", "Left", "Right", "Answer", "Explanation"]


class CampaignShown(NamedTuple):
    """What the page shows when it is opened and after each change."""

    campaign: Any
    head: Any
    acts: Any
    label: Any
    pause: Any
    judge: Any
    plot: Any
    about: Any
    guidelines: Any
    as_shown: Any
    name: Any
    deadline: Any
    tabs: Any


def build(context: AppContext) -> CampaignShown:
    """Builds the page. Returns what `shown` fills."""
    campaign = gr.Number(visible=False, precision=0)
    head = gr.HTML(elem_id="campaign-head")
    with gr.Row(visible=False, elem_id="campaign-acts") as acts:
        label = gr.Button(
            "Label it", variant="primary", min_width=100, size="md", elem_id="campaign-label"
        )
        pause = gr.Button("Pause", min_width=100, size="md", elem_id="campaign-pause")
        judge = gr.Button(
            "Have the judge label it", min_width=180, size="md", elem_id="campaign-judge"
        )
        votes = gr.Button("Export", min_width=100, size="md", elem_id="campaign-export")
    with gr.Tabs(selected="overview", elem_id="campaign-tabs") as tabs:
        with gr.Tab("Overview", id="overview") as overview:
            plot = _plot("campaign-burn-down")
            about = gr.HTML(elem_id="campaign-about")
        with gr.Tab("Agreement", id="agreement") as agreement:
            figures = _agreement()
        with gr.Tab("Disagreements", id="disagreements", visible=False) as disagreeing:
            disputes.build(context, campaign, head, disagreeing)
        with gr.Tab("Flags", id="flags", visible=False) as flagged:
            campaign_flags.build(context, campaign, head, flagged)
        with gr.Tab("Guidelines", id="guidelines") as guiding:
            guidelines = gr.Textbox(
                label="Markdown, shown beside every pair", lines=10, max_length=MAX_GUIDELINES,
                elem_id="campaign-guidelines",
            )  # fmt: skip
            save = gr.Button("Save the guidelines", size="md", scale=0, elem_id="guidelines-save")
            as_shown = gr.HTML(elem_id="guidelines-shown", elem_classes="rendered")
        with gr.Tab("People", id="people") as people:
            raters = _table("Raters", "campaign-people", agreement_drawn.PEOPLE_HEADERS)
        with gr.Tab("Settings", id="settings", visible=False) as settings:
            name, deadline = _settings(context, campaign, head, settings)
    tab_address.keep([overview, agreement, disagreeing, flagged, guiding, people, settings])
    _wire_figures(context, campaign, agreement, figures, people, raters)
    view = CampaignShown(
        campaign,
        head,
        acts,
        label,
        pause,
        judge,
        plot,
        about,
        guidelines,
        as_shown,
        name,
        deadline,
        tabs,
    )
    _wire_acts(context, view, label, judge, votes)
    guidelines.change(lambda text: _as_shown(text or ""), [guidelines], [as_shown], **_QUIET)
    save.click(_saver(context), [campaign, guidelines], None, **_QUIET)
    return view._replace(tabs=[tabs, disagreeing, flagged, settings, save])


def shown(context: AppContext, row: CampaignRow, *, may_write: bool, tab: str = "") -> list[Any]:
    """Returns the values of `CampaignShown`, those of the tabs' own parts last."""
    view = read_overview(context, row.id)
    heading, sentence = in_words(view)
    is_open = row.state == CampaignState.OPEN.value
    may_label = is_open and not row.hidden
    parts = [
        gr.Tabs(selected=tab if tab in TABS else "overview"),
        *[gr.Tab(visible=may_write)] * 3,
        gr.Button(visible=may_write),
    ]
    return [
        row.id,
        drawn.head(row, heading, sentence, may_train=may_write),
        gr.Row(visible=may_write),
        gr.Button(interactive=may_label, variant="secondary" if view.is_done else "primary"),
        gr.Button("Pause" if is_open else "Open", interactive=row.state != "preparing"),
        gr.Button(interactive=not row.hidden),
        plotted(drawn_once(plots.burn_down, view, heading)),
        drawn.about(row),
        gr.Textbox(value=row.guidelines, visible=may_write),
        _as_shown(row.guidelines),
        row.name,
        row.deadline.date().isoformat() if row.deadline else "",
        *parts,
    ]


def _agreement() -> list[Any]:
    groups = gr.HTML(agreement_drawn.COUNTING, elem_id="campaign-groups")
    matrix_said = gr.HTML(visible=False, elem_id="campaign-kappas-said")
    matrix = _plot("campaign-kappas")
    over_time = gr.HTML(elem_id="campaign-drift-said")
    drift = _plot("campaign-drift")
    return [groups, matrix_said, matrix, over_time, drift]


def _settings(
    context: AppContext, campaign: gr.Number, head: gr.HTML, tab: gr.Tab
) -> tuple[Any, Any]:
    with gr.Row():
        name = gr.Textbox(label="Name", max_length=campaigns.MAX_NAME, elem_id="campaign-name")
        rename = gr.Button("Rename", min_width=100, scale=0, size="md", elem_id="campaign-rename")
    with gr.Row():
        deadline = gr.Textbox(  # Gradio's calendar button has no name that can be read aloud
            label="Deadline, a day in UTC; nothing ends by itself then",
            placeholder="2026-12-31, or empty",
            max_length=10,
            elem_id="campaign-deadline",
        )
        keep = gr.Button(
            "Keep the deadline", min_width=170, scale=0, size="md", elem_id="deadline-keep"
        )
    known_said = gr.HTML(elem_id="campaign-known-said")
    known = _table("Gold and practice", "campaign-known", _KNOWN)
    with gr.Row():
        copy = gr.Button(
            "Duplicate", size="md", scale=0, min_width=140, elem_id="campaign-duplicate"
        )
        close = gr.Button("Close", size="md", scale=0, min_width=140, elem_id="campaign-close")
        delete = gr.Button(
            "Delete", variant="stop", size="md", scale=0, min_width=140, elem_id="campaign-delete"
        )
    gr.HTML("<p>A deleted campaign is shown nowhere and can be restored from the list; its votes "
            "stay and count.</p>")  # fmt: skip
    there = gr.Number(visible=False, precision=0)

    def campaign_rename(request: gr.Request, campaign_id: int, name: str) -> str:
        allowed(request, ADMINS)
        carried_out(lambda: changing.rename(context, campaign_id, name or ""))
        gr.Info("Renamed. Links to it stay.")
        return carried_out(lambda: campaign_head.read(context, campaign_id))

    def campaign_due(request: gr.Request, campaign_id: int, due: str | None) -> str:
        allowed(request, ADMINS)
        carried_out(lambda: changing.set_deadline(context, campaign_id, changing.day_of(due or "")))
        gr.Info("The deadline is kept." if due else "It has no deadline now.")
        return carried_out(lambda: campaign_head.read(context, campaign_id))

    def campaign_copy(request: gr.Request, campaign_id: int) -> int:
        allowed(request, ADMINS)
        return carried_out(lambda: changing.duplicate(context, campaign_id))

    def campaign_close(request: gr.Request, campaign_id: int) -> int:
        allowed(request, ADMINS)
        carried_out(lambda: campaigns.set_state(context, campaign_id, CampaignState.CLOSED.value))
        return campaign_id

    def campaign_delete(request: gr.Request, campaign_id: int) -> int:
        allowed(request, ADMINS)
        carried_out(lambda: campaigns.set_state(context, campaign_id, CampaignState.DELETED.value))
        return 0

    def campaign_known(request: gr.Request, campaign_id: int | None) -> list[Any]:
        allowed(request, ADMINS)
        if not campaign_id:
            return [gr.skip(), gr.skip()]
        rows = drawn.known(carried_out(lambda: items.known(context, campaign_id)))
        return [drawn.known_heading(len(rows)), gr.Dataframe(value=rows, visible=bool(rows))]

    rename.click(campaign_rename, [campaign, name], [head], **_QUIET)
    keep.click(campaign_due, [campaign, deadline], [head], **_QUIET)
    for press, act, inputs in (
        (copy, campaign_copy, [campaign]),
        (close, campaign_close, [campaign]),
        (delete, campaign_delete, [campaign]),
    ):
        press.click(act, inputs, [there], **_QUIET).success(None, [there], None, js=_GO)
    tab.select(campaign_known, [campaign], [known_said, known], **_QUIET)
    return name, deadline


def _wire_figures(
    context: AppContext, campaign: gr.Number, agreement: Any, figures: list[Any], people: Any,
    raters: Any,
) -> None:  # fmt: skip
    def campaign_agreement(request: gr.Request, campaign_id: int | None) -> list[Any]:
        allowed(request, READS)
        if not campaign_id:
            return [gr.skip()] * 5
        report = carried_out(lambda: read_report(context, campaign_id))
        parts = carried_out(lambda: read_drift(context, campaign_id))
        heading, sentence = drift_in_words(parts)
        matrix = drawn_once(plots.heat_map, report)
        said = f"<h2>{heading}</h2><p>{sentence}</p>"
        return [
            agreement_drawn.groups(report),
            gr.HTML(value=agreement_drawn.kappas_said(report), visible=matrix is not None),
            plotted(matrix), said,
            plotted(drawn_once(plots.over_time, parts, heading)),
        ]  # fmt: skip

    def campaign_people(request: gr.Request, campaign_id: int | None) -> list[list[str]]:
        allowed(request, READS)
        if not campaign_id:
            return []
        report = carried_out(lambda: read_report(context, campaign_id))
        return agreement_drawn.people(
            report, carried_out(lambda: read_overview(context, campaign_id))
        )

    agreement.select(campaign_agreement, [campaign], figures, **_QUIET)
    people.select(campaign_people, [campaign], [raters], **_QUIET)


def _wire_acts(
    context: AppContext, view: CampaignShown, label: Any, judge: Any, votes: Any
) -> None:
    there = gr.Number(visible=False, precision=0)

    def campaign_pause(request: gr.Request, campaign_id: int, pressed: str) -> int:
        allowed(request, ADMINS)
        state = CampaignState.PAUSED if pressed == "Pause" else CampaignState.OPEN
        carried_out(lambda: campaigns.set_state(context, campaign_id, state.value))
        return campaign_id

    def campaign_judge(request: gr.Request, campaign_id: int) -> None:
        who = allowed(request, ADMINS)
        by = name_of(context, who)
        job = carried_out(lambda: jobs.start_judging(context, campaign_id, by=by, rater=who.rater))
        gr.Info(f"Job {job} is queued: the judge labels every comparison it has not labelled yet.")

    go = "(id) => { location.assign(`label?campaign=${id}`); }"
    file = "(name) => { location.assign(`api/v1/export?what=preferences&campaign=${encodeURIComponent(name)}`); }"  # noqa: E501 - an address
    label.click(None, [view.campaign], None, js=go, api_visibility="private")
    votes.click(None, [view.name], None, js=file)
    judge.click(campaign_judge, [view.campaign], None, **_QUIET)
    view.pause.click(campaign_pause, [view.campaign, view.pause], [there], **_QUIET).success(
        None, [there], None, js=_GO
    )


def _as_shown(guidelines: str) -> str:
    return guidelines_html(guidelines) or "<p>This campaign has no guidelines.</p>"


def _saver(context: AppContext) -> Any:
    def guidelines_save(request: gr.Request, campaign_id: int, guidelines: str) -> None:
        allowed(request, ADMINS)
        carried_out(lambda: campaigns.set_guidelines(context, campaign_id, guidelines or ""))
        gr.Info("Saved. Raters see them when they next open the Label page.")

    return guidelines_save


def _plot(elem_id: str) -> gr.Plot:
    return gr.Plot(show_label=False, container=False, visible=False, elem_id=elem_id)


def _table(label: str, elem_id: str, headers: Any) -> gr.Dataframe:
    return gr.Dataframe(
        headers=list(headers), datatype="html", interactive=False, show_label=False, label=label,
        elem_id=elem_id, max_height=900, buttons=[],
    )  # fmt: skip
