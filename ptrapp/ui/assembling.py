"""Gradio's application is put together once, when all pages are there, not anew after each page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.routes import App


def assembled(build: Callable[[], gr.Blocks]) -> gr.Blocks:
    """Returns what `build` builds, a multipage app to be mounted, without what is made in between.

    `Blocks.__exit__` (gradio 6.31) writes the whole configuration and makes an application of some
    ninety routes at the end of every page, which the end of the next page throws away: over a
    second of the start with eight pages.
    """
    create = App.create_app
    with _replaced(gr.Blocks, "get_config_file", lambda *_, **__: {}):
        with _replaced(App, "create_app", staticmethod(lambda *_, **__: None)):
            pages = build()
        pages.app = create(pages, mcp_server=False)  # the queue's, beside the one that is mounted
    return pages


@contextmanager
def _replaced(kind: type, name: str, other: Any) -> Iterator[None]:
    was = vars(kind)[name]
    setattr(kind, name, other)
    try:
        yield
    finally:
        setattr(kind, name, was)
