"""The Campaigns page: every campaign in a table, and one campaign under a link of its own."""

from html import escape
from typing import Any

import gradio as gr

from db.models import CampaignState
from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS, READS
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns
from ptrapp.services.labelling.agreement import read_report
from ptrapp.services.labelling.panel import CampaignPanel, read_panel
from ptrapp.ui import agreement_drawn, campaign_new, campaign_page
from ptrapp.ui import campaigns_drawn as drawn
from ptrapp.ui import campaigns_plots as plots
from ptrapp.ui.acting import carried_out
from ptrapp.ui.arriving import ARRIVED
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.plotting import drawn_once, plotted

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_CLOSED = drawn.title("This page is for who runs the labelling.", "Yours is Label.")
_SAID = "A campaign is a set of pairs to label, with guidelines and a number of labels for each."


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page: the list, the page of one campaign, the dialog of a new one."""
    waiting = gr.HTML(drawn.WAITING, elem_id="campaigns-waiting")
    with gr.Column(visible=False, elem_id="campaigns-list") as listing:
        title = gr.HTML(drawn.title("Campaigns", _SAID), elem_id="campaigns-title")
        with gr.Row(elem_id="campaigns-acts"):
            opener = gr.Button(
                "New campaign", variant="primary", scale=0, size="md", min_width=150, visible=False,
                elem_id="campaign-open",
            )  # fmt: skip
        table = gr.Dataframe(
            headers=list(drawn.HEADERS), datatype="html", interactive=False, show_label=False,
            label="Campaigns", elem_id="campaigns-table", max_height=1600, buttons=[],
        )  # fmt: skip
        with gr.Accordion("Agreement over all votes that training uses", open=False) as everything:
            groups = gr.HTML(elem_id="everything-groups")
            kappas = gr.Plot(show_label=False, container=False, visible=False,
                             elem_id="everything-kappas")  # fmt: skip
        with gr.Row(visible=False, elem_id="campaigns-deleted") as deleted:
            gone = gr.Dropdown([], label="Deleted campaigns", min_width=200)
            restore = gr.Button(
                "Restore", scale=0, size="md", min_width=100, elem_id="campaign-restore"
            )
    with gr.Column(visible=False, elem_id="campaign-page") as page:
        view = campaign_page.build(context)
    chosen = campaign_new.build(context, opener)
    *single, parts = view
    outputs = [
        waiting,
        listing,
        title,
        opener,
        table,
        deleted,
        gone,
        page,
        *single,
        *parts,
        *chosen,
    ]
    nothing = [gr.skip()] * (len(outputs) - 3)
    there = [gr.HTML(visible=False), gr.Column(visible=True)]

    def campaigns_read(request: gr.Request) -> list[Any]:
        if person(request).role not in READS:
            return [*there, _CLOSED, *nothing]
        try:
            return _read(context, request, len(single) + len(parts))
        except (ThriceError, DatabaseError) as error:
            return [*there, drawn.title("Campaigns", in_public(str(error))), *nothing]

    def campaigns_agreement(request: gr.Request) -> list[Any]:
        allowed(request, READS)
        report = carried_out(lambda: read_report(context))
        matrix = drawn_once(plots.heat_map, report)
        said = "" if matrix is None else agreement_drawn.kappas_said(report)
        return [agreement_drawn.groups(report) + said, plotted(matrix)]

    def campaign_restore(request: gr.Request, campaign_id: int | None) -> None:
        allowed(request, ADMINS)
        if campaign_id:
            state = CampaignState.CLOSED.value
            carried_out(lambda: campaigns.set_state(context, campaign_id, state))

    read = {"fn": campaigns_read, "inputs": None, "outputs": outputs, **_QUIET}
    pages.load(**read).then(**ARRIVED).then(**campaign_new.OPEN_ASKED)
    everything.expand(campaigns_agreement, None, [groups, kappas], **_QUIET)
    restore.click(campaign_restore, [gone], None, **_QUIET).success(**read)


def _read(context: AppContext, request: gr.Request, n_page: int) -> list[Any]:
    """Returns the list, or the page of the campaign that the link names."""
    panel = read_panel(context)
    may_write = person(request).role in ADMINS
    query = dict(request.request.query_params) if request.request else {}
    asked = query.get("campaign", "")
    row = next((one for one in panel.campaigns if str(one.id) == asked), None)
    chosen = campaign_new.choices(panel.sources, query.get("import", ""))
    if row is not None:  # its page has no button for a new one
        view = campaign_page.shown(context, row, may_write=may_write, tab=query.get("tab", ""))
        hidden = [gr.HTML(visible=False), gr.Column(visible=False), *[gr.skip()] * 5]
        return [*hidden, gr.Column(visible=True), *view, *[gr.skip()] * len(chosen)]
    missing = f"There is no campaign {escape(asked)}." if asked else _summary(panel)
    gone = [(one.name, one.id) for one in campaigns.deleted(context)] if may_write else []
    return [
        gr.HTML(visible=False),
        gr.Column(visible=True),
        drawn.title("Campaigns", missing),
        gr.Button(visible=may_write),
        gr.Dataframe(
            value=[drawn.cells(one) for one in panel.campaigns], visible=bool(panel.campaigns)
        ),
        gr.Row(visible=bool(gone)),
        gr.Dropdown(choices=gone, value=gone[0][1] if gone else None),
        gr.Column(visible=False),
        *[gr.skip()] * n_page,
        *chosen,
    ]


def _summary(panel: CampaignPanel) -> str:
    if not panel.campaigns:
        return f"No campaign yet. {_SAID}"
    are_open = [one for one in panel.campaigns if one.state == CampaignState.OPEN.value]
    wanted = sum(max(0, one.n_wanted - one.n_done) for one in are_open if not one.hidden)
    said = f"{len(are_open)} of {len(panel.campaigns)} open"
    return f"{said}, {counted(wanted, 'label')} still wanted." if are_open else f"{said}."
