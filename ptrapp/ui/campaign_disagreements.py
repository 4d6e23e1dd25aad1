"""The tab of a campaign on which an administrator settles what raters disagree on."""

from typing import Any, NamedTuple
from uuid import uuid4

import gradio as gr

from ptrapp.core.people import ADMINS
from ptrapp.core.types import Choice
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import adjudicating
from ptrapp.services.labelling.adjudicating import Ruling
from ptrapp.services.labelling.answering import MAX_NOTE
from ptrapp.services.labelling.disagreements import read_gallery
from ptrapp.ui import campaigns_drawn as drawn
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed
from ptrapp.ui.corrected import corrected

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_ANSWERS = [(words, outcome) for outcome, words in drawn.OUTCOMES.items()]


class Shown(NamedTuple):
    """What the tab shows of one disagreement."""

    text: Any
    place: Any
    comparison: Any
    ruling: Any
    """The form, hidden where there is nothing to settle."""
    answer: Any
    much: Any
    reason: Any
    gold: Any
    back: Any


def build(context: AppContext, campaign: gr.State, tab: gr.Tab) -> None:
    """Builds the tab, which reads when it is opened."""
    place = gr.Number(1, label="Disagreement", minimum=1, precision=0, elem_id="dispute-place")
    text = gr.HTML(elem_id="dispute")
    with gr.Column(visible=False, elem_id="ruling") as ruling:
        with gr.Row():
            answer = gr.Radio(_ANSWERS, label="Which is right?", elem_id="ruling-answer")
            much = gr.Checkbox(False, label="Much better")
        reason = gr.Textbox(label="Why (optional)", max_length=MAX_NOTE, lines=2)
        gold = gr.Checkbox(
            False, label="Make it gold", info="raters are measured by this answer from now on"
        )
        with gr.Row():
            settle = gr.Button(
                "Settle it", variant="primary", size="md", scale=0, min_width=140, elem_id="settle"
            )
            back = gr.Button(
                "Take the ruling back",
                visible=False,
                size="md",
                scale=0,
                min_width=180,
                elem_id="take-back",
            )
    comparison = gr.State(None)
    view = Shown(text, place, comparison, ruling, answer, much, reason, gold, back)

    def disputes_read(request: gr.Request, campaign_id: int | None, place: float) -> Shown:
        allowed(request, ADMINS)
        return _read(context, campaign_id, int(place or 1))

    def dispute_settle(
        request: gr.Request, campaign_id: int, comparison_id: int, answer: str | None, much: bool,
        reason: str, gold: bool,
    ) -> None:  # fmt: skip
        who = allowed(request, ADMINS)
        if not answer:
            raise gr.Error("Choose which is right first.", print_exception=False)
        decided = answer in (Choice.LEFT.value, Choice.RIGHT.value)
        said = Ruling(Choice(answer), 2 if much and decided else 1, reason or "", bool(gold))
        key = uuid4().hex
        carried_out(
            lambda: adjudicating.settle(context, who, campaign_id, comparison_id, said, key)
        )
        gr.Info("Settled: it is learnt in place of the labels.")

    def dispute_take_back(request: gr.Request, campaign_id: int, comparison_id: int) -> None:
        who = allowed(request, ADMINS)
        key = uuid4().hex
        carried_out(lambda: adjudicating.take_back(context, who, campaign_id, comparison_id, key))
        gr.Info("Taken back: the labels count again.")

    read = {"fn": disputes_read, "inputs": [campaign, place], "outputs": [*view], **_QUIET}
    # What is typed while an answer is on its way is answered next, and not lost.
    gr.on([tab.select, place.input], trigger_mode="always_last", **read)
    given = [campaign, comparison, answer, much, reason, gold]
    settle.click(dispute_settle, given, None, **_QUIET).success(**read)
    back.click(dispute_take_back, [campaign, comparison], None, **_QUIET).success(**read)


def _read(context: AppContext, campaign_id: int | None, place: int) -> Shown:
    """Returns one disagreement; where the place is past the last, the last one."""
    if not campaign_id:
        return Shown(*[gr.skip()] * len(Shown._fields))
    gallery = carried_out(lambda: read_gallery(context, campaign_id, max(0, place - 1), 1))
    asked = place
    if not gallery.shown and gallery.n:
        place = gallery.n
        gallery = carried_out(lambda: read_gallery(context, campaign_id, place - 1, 1))
    one = gallery.shown[0] if gallery.shown else None
    settled = one.settled if one else None
    return Shown(
        drawn.disagreement(one, place, gallery.n, gallery.n_settled),
        gr.Number(maximum=max(1, gallery.n), visible=gallery.n > 1, **corrected(asked, place)),
        one.comparison_id if one else None,
        gr.Column(visible=one is not None),
        settled.outcome if settled else None,
        bool(settled and settled.strength > 1),
        settled.reason if settled else "",
        False,
        gr.Button(visible=settled is not None),
    )
