"""The whole interface: theme, navigation and the pages."""

import gradio as gr

from ptrapp.services.context import AppContext
from ptrapp.ui import backups, campaigns, data, label, named, play, train, versions
from ptrapp.ui.widgets import stylesheet, widget

CSS = ":root { --thrice-accent: var(--accent); }\n" + stylesheet()

MAIN_PAGE = "Play"


def build(context: AppContext) -> gr.Blocks:
    """Builds every page over one context."""
    with gr.Blocks(title="Thrice", analytics_enabled=False, fill_width=False) as pages:
        _top()
        play.build(context, pages)
        named.build(context)
    with pages.route("Label", "/label"):
        _top()
        gr.Markdown(
            "# Label\nWhich of two responses is better? One key answers; `?` shows the keys."
        )
        label.build()
    with pages.route("Campaigns", "/campaigns"):
        _top()
        gr.Markdown(
            "# Campaigns\nWhat is being labelled, by whom, the progress, and how well raters agree."
        )
        campaigns.build()
    with pages.route("Versions", "/versions"):
        _top()
        versions.build(context, pages)
    with pages.route("Train", "/train"):
        _top()
        gr.Markdown("# Train\nPreferences and refined rounds become a new version of the model.")
        train.build(context, pages)
    with pages.route("Data", "/data"):
        _top()
        gr.Markdown("# Data\nImport files of other programs, export files for training elsewhere.")
        data.build()
        backups.build(context, pages)
    return pages


def _top() -> None:
    """Builds what every page begins with: the navigation, and a banner while the app is unwell."""
    gr.Navbar(main_page_name=MAIN_PAGE)
    widget("health")
