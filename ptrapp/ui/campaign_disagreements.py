"""The tab of a campaign on which an administrator settles what raters disagree on."""

from typing import Any

import gradio as gr

from ptrapp.core.people import ADMINS
from ptrapp.services.context import AppContext
from ptrapp.services.labelling.disagreements import read_gallery
from ptrapp.ui import ruling
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed
from ptrapp.ui.campaign_compared import disagreement
from ptrapp.ui.corrected import corrected

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build(context: AppContext, campaign: gr.Number, head: gr.HTML, tab: gr.Tab) -> None:
    """Builds the tab, which reads when it is opened."""
    place = gr.Number(1, label="Disagreement", minimum=1, precision=0, elem_id="dispute-place")
    text = gr.HTML(elem_id="dispute", elem_classes="disputed")
    form = ruling.build()
    outputs = [text, place, *form]

    def disputes_read(request: gr.Request, campaign_id: int | None, place: float) -> list[Any]:
        allowed(request, ADMINS)
        if not campaign_id:
            return [gr.skip()] * len(outputs)
        return _read(context, campaign_id, int(place or 1))

    read = {"fn": disputes_read, "inputs": [campaign, place], "outputs": outputs, **_QUIET}
    # What is typed while an answer is on its way is answered next, and not lost.
    gr.on([tab.select, place.input], trigger_mode="always_last", **read)
    ruling.wire(context, campaign, head, form, read)


def _read(context: AppContext, campaign_id: int, place: int) -> list[Any]:
    """Returns one disagreement; where the place is past the last, the last one."""
    gallery = carried_out(lambda: read_gallery(context, campaign_id, max(0, place - 1), 1))
    asked = place
    if not gallery.shown and gallery.n:
        place = gallery.n
        gallery = carried_out(lambda: read_gallery(context, campaign_id, place - 1, 1))
    one = gallery.shown[0] if gallery.shown else None
    return [
        disagreement(one, place, gallery.n, gallery.n_settled),
        gr.Number(maximum=max(1, gallery.n), visible=gallery.n > 1, **corrected(asked, place)),
        *ruling.shown(one),
    ]
