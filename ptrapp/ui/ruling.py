"""The form in which an administrator settles a comparison: which side is right, and why."""

from typing import Any, NamedTuple
from uuid import uuid4

import gradio as gr

from ptrapp.core.people import ADMINS
from ptrapp.core.types import Choice
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import adjudicating
from ptrapp.services.labelling.adjudicating import Ruling
from ptrapp.services.labelling.answering import MAX_NOTE
from ptrapp.services.labelling.disagreements import Disagreement
from ptrapp.ui import campaign_head
from ptrapp.ui import campaigns_drawn as drawn
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_ANSWERS = [(words, outcome) for outcome, words in drawn.OUTCOMES.items()]


class RulingForm(NamedTuple):
    """What the form shows of one comparison."""

    comparison: Any
    column: Any
    """All of it, hidden where there is nothing to settle."""
    answer: Any
    much: Any
    reason: Any
    gold: Any
    settle: Any
    back: Any


def build(of: str = "") -> RulingForm:
    """Builds the form, hidden; `of` begins its elements' ids."""
    with gr.Column(visible=False, elem_id=f"{of}ruling") as column:
        with gr.Row():
            answer = gr.Radio(_ANSWERS, label="Which is right?", elem_id=f"{of}ruling-answer")
            much = gr.Checkbox(False, label="Much better")
        reason = gr.Textbox(label="Why (optional)", max_length=MAX_NOTE, lines=2)
        gold = gr.Checkbox(
            False,
            label="Make it gold",
            info="raters are measured by this answer, also by what they answered before",
        )
        with gr.Row():
            settle = gr.Button(
                "Settle it", variant="primary", size="md", scale=0, min_width=140,
                elem_id=f"{of}settle",
            )  # fmt: skip
            back = gr.Button(
                "Take the ruling back", visible=False, size="md", scale=0, min_width=180,
                elem_id=f"{of}take-back",
            )  # fmt: skip
    comparison = gr.Number(visible=False, precision=0)
    return RulingForm(comparison, column, answer, much, reason, gold, settle, back)


def wire(
    context: AppContext, campaign: gr.Number, head: gr.HTML, form: RulingForm, read: dict[str, Any]
) -> None:
    """Has the buttons settle and take back, and then `read` again what is shown.

    The campaign's `head` too: a pair that became gold is none of those that are wanted.
    """

    def dispute_settle(
        request: gr.Request, campaign_id: int, comparison_id: int, answer: str | None, much: bool,
        reason: str, gold: bool,
    ) -> str:  # fmt: skip
        who = allowed(request, ADMINS)
        if not answer:
            raise gr.Error("Choose which is right first.", print_exception=False)
        decided = answer in (Choice.LEFT.value, Choice.RIGHT.value)
        said = Ruling(Choice(answer), 2 if much and decided else 1, reason or "", bool(gold))
        key = uuid4().hex
        carried_out(
            lambda: adjudicating.settle(context, who, campaign_id, comparison_id, said, key)
        )
        also = ", and gold from now on" if gold else ""
        gr.Info(f"Settled: it is learnt in place of the labels{also}.")
        return carried_out(lambda: campaign_head.read(context, campaign_id))

    def dispute_take_back(request: gr.Request, campaign_id: int, comparison_id: int) -> None:
        who = allowed(request, ADMINS)
        key = uuid4().hex
        carried_out(lambda: adjudicating.take_back(context, who, campaign_id, comparison_id, key))
        gr.Info("Taken back: the labels count again.")

    given = [campaign, form.comparison, form.answer, form.much, form.reason, form.gold]
    form.settle.click(dispute_settle, given, head, **_QUIET).success(**read)
    form.back.click(dispute_take_back, [campaign, form.comparison], None, **_QUIET).success(**read)


def shown(one: Disagreement | None) -> RulingForm:
    """Returns the form's values for a comparison: those of the ruling, where it has one."""
    settled = one.settled if one else None
    return RulingForm(
        one.comparison_id if one else None,
        gr.Column(visible=one is not None),
        settled.outcome if settled else None,
        bool(settled and settled.strength > 1),
        settled.reason if settled else "",
        False,
        gr.skip(),
        gr.Button(visible=settled is not None),
    )
