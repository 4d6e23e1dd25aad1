"""The composer of the Play page: the prompt, one row of choices, the rest behind a gear."""

from typing import Any, NamedTuple

import gradio as gr

from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE
from ptrapp.services.context import AppContext
from ptrapp.services.play import LIMITS, Mode
from ptrapp.ui import drawing, examples
from ptrapp.ui.drawing import DrawingInputs

HELLO = (
    "# Watch a small model think again\n"
    "It answers, reads its own answer and tries to better it. Say which is better, and it is "
    "trained on that."
)
KEYS = "<kbd>Enter</kbd> sends · <kbd>⇧ Enter</kbd> new line"

HISTORY = "<a href='history'>History: everything asked before</a>"

BY_VERSIONS = "versions"
"""The form's third mode: a candidate of each chosen version."""

THINKING = [
    ("in every round", Thinking.ALWAYS.value),
    ("from round 2 on", Thinking.LATER.value),
    ("never", Thinking.NEVER.value),
]
AS_THE_MODEL_DOES = "model"
THINKING_OF_A_MODEL_TO_COME = [("as the model does", AS_THE_MODEL_DOES), *THINKING]
"""While no model is there, nobody knows how it does: it is asked when it is."""
THINKING_OF_CANDIDATES = [
    ("in every candidate", Thinking.ALWAYS.value),
    ("never", Thinking.NEVER.value),
]

DROP_REFERENCE = "(prompt, reference, of) => of && prompt !== of ? ['', ''] : [reference, of]"
"""A reference answer belongs to one exact prompt. In the browser, so that nothing overtakes it."""
OF_THIS_PROMPT = "(prompt, reference) => reference ? prompt : ''"
SHOW_MORE = """() => {
  const open = document.querySelector("#composer").classList.toggle("more");
  document.querySelector("#gear").setAttribute("aria-expanded", open);
}"""


class Inputs(NamedTuple):
    """The components of the form, in the order in which the handler takes their values."""

    prompt: gr.Textbox
    reference: gr.Textbox
    mode: gr.Radio
    rounds: gr.Number
    candidates: gr.Number
    thinking: gr.Dropdown
    drawing: DrawingInputs
    versions: gr.Dropdown

    def flat(self) -> list[Any]:
        return [*self[:-2], *self.drawing, self.versions]


class Composer(NamedTuple):
    """The form, the prompt that its reference answer belongs to, and the button that sends it."""

    inputs: Inputs
    reference_of: gr.Textbox
    run: gr.Button
    honest: gr.Markdown
    """What to expect of the model that answers; `build_below` places it."""


def build(context: AppContext, pages: gr.Blocks) -> Composer:
    """Builds the composer. The board's script folds it to one line when an answer begins."""
    with gr.Column(elem_id="composer"):
        gr.Markdown(HELLO, elem_id="hello")
        with gr.Column(elem_id="composer-card"):
            prompt = gr.Textbox(
                label="Prompt",
                placeholder="Ask something easy to get wrong",
                lines=1,
                max_lines=8,
                container=False,
                elem_id="prompt",
            )
            with gr.Row(elem_id="composer-row"):
                mode, rounds, candidates, versions, thinking = _choices()
                gr.HTML(KEYS, elem_id="composer-keys", apply_default_css=False)
                gear = gr.Button("Settings", elem_id="gear", min_width=0)
                run = gr.Button("Think again", variant="primary", elem_id="run", min_width=0)
            with gr.Column(elem_id="composer-more"):
                reference = gr.Textbox(
                    label="Reference answer (optional)",
                    info="The correct answer: responses are checked against it",
                    elem_id="reference",
                )
                drawn = drawing.build()
        reference_of = gr.Textbox(visible=False)
        honest = examples.build(context, pages, prompt, reference, reference_of)
    gear.click(None, None, None, js=SHOW_MORE, api_visibility="private")
    _keep_reference_with_its_prompt(prompt, reference, reference_of)
    inputs = Inputs(prompt, reference, mode, rounds, candidates, thinking, drawn, versions)
    return Composer(inputs, reference_of, run, honest)


def build_below(honest: gr.Markdown) -> None:
    """Builds what stands under a page that nobody has asked anything yet, below the recorded run:
    that is what a visitor shall see first."""
    with gr.Column(elem_id="composer-below"):
        honest.render()
        gr.HTML(HISTORY, elem_id="composer-history", apply_default_css=False)


def _choices() -> tuple[gr.Radio, gr.Number, gr.Number, gr.Dropdown, gr.Dropdown]:
    modes = [
        ("Refine", Mode.REFINE.value),
        ("Sample", Mode.SAMPLE.value),
        ("Versions", BY_VERSIONS),
    ]
    mode = gr.Radio(modes, value=Mode.REFINE.value, label="Mode", container=False, elem_id="mode")
    rounds, candidates = (
        gr.Number(
            value,
            label=label,
            step=1,  # its limits are told by what is asked: Gradio's words name no field
            precision=0,
            min_width=0,
            elem_id=label.lower(),
            visible=kind is Mode.REFINE,
        )
        for kind, label, value in ((Mode.REFINE, "Rounds", 3), (Mode.SAMPLE, "Candidates", 4))
    )
    thinking = gr.Dropdown(
        THINKING_OF_A_MODEL_TO_COME,
        value=AS_THE_MODEL_DOES,
        label="Think",
        filterable=False,
        min_width=0,
        elem_id="think",
    )
    versions = gr.Dropdown(
        [BASE.label],
        value=[BASE.label],
        multiselect=True,
        max_choices=LIMITS[Mode.SAMPLE][1],
        label="Who answers",
        container=False,
        visible=False,
        elem_id="asked-versions",
    )
    return mode, rounds, candidates, versions, thinking


def _keep_reference_with_its_prompt(
    prompt: gr.Textbox, reference: gr.Textbox, reference_of: gr.Textbox
) -> None:
    """Clear the reference answer with any change of the prompt: typed, pasted, or by a script."""
    both = [reference, reference_of]
    prompt.change(None, [prompt, *both], both, js=DROP_REFERENCE, api_visibility="private")
    reference.input(
        None, [prompt, reference], reference_of, js=OF_THIS_PROMPT, api_visibility="private"
    )
