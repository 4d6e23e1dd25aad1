"""The tab of a campaign on which an administrator looks through what raters flagged."""

from datetime import datetime
from html import escape
from typing import Any

import gradio as gr

from ptrapp.core.people import ADMINS
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import flags
from ptrapp.services.labelling.flags import RaisedFlag
from ptrapp.ui import ruling
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed
from ptrapp.ui.campaign_compared import compared
from ptrapp.ui.corrected import corrected

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_STATES = {
    "done": "answered it", "late": "answered it too late", "skipped": "skipped it",
    "reserved": "has not answered it yet", "expired": "has not answered it",
}  # fmt: skip


def build(context: AppContext, campaign: gr.Number, head: gr.HTML, tab: gr.Tab) -> None:
    """Builds the tab, which reads when it is opened."""
    place = gr.Number(1, label="Flag", minimum=1, precision=0, elem_id="flag-place")
    text = gr.HTML(elem_id="flagged", elem_classes="disputed")
    remove = gr.Button(
        "Remove the flag", visible=False, size="md", scale=0, min_width=160, elem_id="flag-remove"
    )
    form = ruling.build("flag-")
    flag = gr.Number(visible=False, precision=0)
    outputs = [text, place, flag, remove, *form]

    def flags_read(request: gr.Request, campaign_id: int | None, place: float) -> list[Any]:
        allowed(request, ADMINS)
        if not campaign_id:
            return [gr.skip()] * len(outputs)
        return _read(context, campaign_id, int(place or 1))

    def flag_remove(request: gr.Request, campaign_id: int, flag_id: int) -> None:
        allowed(request, ADMINS)
        carried_out(lambda: flags.remove_flag(context, campaign_id, flag_id))
        gr.Info("The flag is removed; the pair and its labels stay.")

    read = {"fn": flags_read, "inputs": [campaign, place], "outputs": outputs, **_QUIET}
    gr.on([tab.select, place.input], trigger_mode="always_last", **read)
    remove.click(flag_remove, [campaign, flag], None, **_QUIET).success(**read)
    ruling.wire(context, campaign, head, form, read)


def drawn_flag(one: RaisedFlag | None, at: int, n: int) -> str:
    """Returns a flag with its comparison, and with what each rater said of it."""
    if one is None:
        return "<p role='status'>No pair is flagged. Raters flag one on Label (<kbd>F</kbd>).</p>"
    when = f", {datetime.fromisoformat(one.at):%d %b %Y %H:%M} UTC" if one.at else ""
    note = f"“{escape(one.note)}”" if one.note else "No note."
    kind = "" if one.kind == "plain" else f" It is a {one.kind} pair."
    return (
        f"<p role='status'>{at} of {n}, the newest first.</p>"
        f"<p class='flag'><b>Flagged by {escape(one.rater)}{when}.</b> {note} "
        f"{escape(one.rater)} {_STATES[one.state]}.{kind}</p>{compared(one.comparison)}"
    )


def _read(context: AppContext, campaign_id: int, place: int) -> list[Any]:
    """Returns one flag; where the place is past the last, the last one."""
    found = carried_out(lambda: flags.read_flags(context, campaign_id, max(0, place - 1), 1))
    asked = place
    if not found.shown and found.n:
        place = found.n
        found = carried_out(lambda: flags.read_flags(context, campaign_id, place - 1, 1))
    one = found.shown[0] if found.shown else None
    return [
        drawn_flag(one, place, found.n),
        gr.Number(maximum=max(1, found.n), visible=found.n > 1, **corrected(asked, place)),
        one.id if one else None,
        gr.Button(visible=one is not None),
        *ruling.shown(one.comparison if one else None),
    ]
