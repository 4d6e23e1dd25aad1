"""The Data page: files in, what is stored, files out."""

import gradio as gr

from ptrapp.services.context import AppContext
from ptrapp.ui import data_browser, data_export, data_import, data_imports
from ptrapp.ui.looks import Looks


def build(context: AppContext, pages: gr.Blocks, looks: Looks) -> None:
    """Builds the page.

    Its components have no values from the database: everybody receives the configuration of a page,
    but only admins may read what is stored.
    """
    with gr.Tabs(elem_id="data-tabs"):
        with gr.Tab("Import", id="import"):
            stored, newest = data_import.build(context)
            data_imports.build(context, pages, stored, newest)
        with gr.Tab("Browse", id="browse") as browse:
            data_browser.build(context, browse)
        with gr.Tab("Export", id="export") as export:
            data_export.build(context, export, looks)
