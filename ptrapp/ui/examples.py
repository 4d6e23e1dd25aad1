"""The examples of the Play page and the sentence on what to expect, of the model that answers."""

from textwrap import shorten
from typing import Any

import gradio as gr

from ptrapp.services import base_models, examples, fitting
from ptrapp.services.context import AppContext

LABEL_CHARS = 36
OF_SUMS = (
    "The bundled model is tiny (about a million parameters). It solves small word problems like "
    "the examples, and makes mistakes at them; it knows nothing about the world. A real language "
    "model is one flag away: `thrice --model smollm2`."
)
OF_LANGUAGE = (
    "**{model}** answers. A language model writes on any subject, and says what is wrong as "
    "fluently as what is right; a small one often does. ✓ and ✗ say whether the constraints of an "
    "example were kept, not whether the rest is true."
)


def build(
    context: AppContext,
    pages: gr.Blocks,
    prompt: gr.Textbox,
    reference: gr.Textbox,
    reference_of: gr.Textbox,
) -> gr.Markdown:
    """Builds the examples, and returns the sentence, which the page places."""
    dataset = gr.Dataset(
        components=[gr.Textbox(visible=False), gr.Textbox(visible=False)],
        samples=_samples(context),
        sample_labels=_labels(context),
        label="Examples",
        elem_id="examples",
    )
    honest = gr.Markdown(in_words(context), elem_id="honest", render=False)
    dataset.click(
        lambda sample: [sample[0], sample[1], sample[0]],
        dataset,
        [prompt, reference, reference_of],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )

    def show_examples() -> tuple[Any, str]:
        return gr.Dataset(samples=_samples(context), sample_labels=_labels(context)), in_words(
            context
        )

    pages.load(show_examples, None, [dataset, honest], queue=False, show_progress="hidden",
               api_visibility="private")  # fmt: skip
    return honest


def in_words(context: AppContext) -> str:
    """Returns what is to be expected of the model."""
    if fitting.knows_sums_only(context):
        return OF_SUMS
    return OF_LANGUAGE.format(model=base_models.name_of(context))


def _samples(context: AppContext) -> list[list[str]]:
    return examples.examples(sums=fitting.knows_sums_only(context))


def _labels(context: AppContext) -> list[str]:
    """Returns the prompts, cut to what stands beside others on one line."""
    return [shorten(prompt, LABEL_CHARS, placeholder="…") for prompt, _ in _samples(context)]
