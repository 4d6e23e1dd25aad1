"""Gradio's application is put together once, when all pages are there, not anew after each page."""

from collections.abc import Callable

import gradio as gr
from gradio.routes import App


def assembled(build: Callable[[], gr.Blocks]) -> gr.Blocks:
    """Returns what `build` builds, a multipage app to be mounted, without what is made in between.

    `Blocks.__exit__` (gradio 6.31) writes the whole configuration and makes an application of some
    ninety routes at the end of every page, which the end of the next page throws away: over a
    second of the start with eight pages.
    """
    create, configuration = App.create_app, gr.Blocks.get_config_file
    App.create_app = staticmethod(lambda *_, **__: None)
    gr.Blocks.get_config_file = lambda *_, **__: {}
    try:
        pages = build()
        pages.app = create(pages, mcp_server=False)  # the queue's, beside the one that is mounted
    finally:
        App.create_app, gr.Blocks.get_config_file = staticmethod(create), configuration
    return pages
