"""A line at the foot of a page: until when everything is safe on the hub as well."""

import html

import gradio as gr

from ptrapp.services.context import AppContext
from ptrapp.services.keeping import words

EVERY_S = 20


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the line, which is read anew every 20 seconds; nothing where no copy is kept."""
    if context.kept is None:
        return

    def read() -> str:
        return f'<p class="kept" role="status">{html.escape(words.in_words(context))}</p>'

    shown = gr.HTML(elem_id="thrice-kept", apply_default_css=False)
    clock = gr.Timer(EVERY_S)
    for happens in (pages.load, clock.tick):
        happens(read, None, shown, queue=False, show_progress="hidden", api_visibility="private")
