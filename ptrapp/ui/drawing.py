"""The settings of how answers are drawn, folded below the prompt on the Play page."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr

from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.core.types import Sampling


class DrawingInputs(NamedTuple):
    """The components, in the order in which the form's handler takes their values."""

    temperature: gr.Slider
    top_p: gr.Slider
    max_tokens: gr.Slider
    seed: gr.Number
    max_thought_tokens: gr.Slider
    system: gr.Textbox
    refine_instruction: gr.Textbox


def build() -> DrawingInputs:
    drawn = Sampling()
    with gr.Row(elem_id="drawing"):
        temperature = gr.Slider(0, 2, drawn.temperature, step=0.05, label="Temperature")
        top_p = gr.Slider(0.05, 1, drawn.top_p, step=0.05, label="Top-p")
        max_tokens = gr.Slider(16, 2048, drawn.max_tokens, step=16, label="Max tokens per response")
        max_thought_tokens = gr.Slider(
            16, 2048, drawn.max_thought_tokens, step=16, label="Max tokens per thought"
        )
        seed = gr.Number(-1, precision=0, label="Seed", info="-1 draws a new seed for each run")
    with gr.Row():
        system = gr.Textbox("", label="System message (optional)", elem_id="system")
        refine_instruction = gr.Textbox(
            REFINE_INSTRUCTION, label="Instruction between two rounds", elem_id="instruction"
        )
    return DrawingInputs(
        temperature, top_p, max_tokens, seed, max_thought_tokens, system, refine_instruction
    )


def stored(settings: Mapping[str, Any], system: str | None) -> list[Any]:
    """Returns the values with which a run was drawn, except for its seed."""
    drawn = settings["sampling"]
    return [
        drawn["temperature"],
        drawn["top_p"],
        drawn["max_tokens"],
        gr.skip(),
        drawn.get("max_thought_tokens", drawn["max_tokens"]),
        system or "",
        settings.get("refine_instruction", REFINE_INSTRUCTION),
    ]
