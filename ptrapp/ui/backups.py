"""A paragraph for admins: how old the last backup is, and whether it could be restored."""

import gradio as gr

from ptrapp.core.people import Role
from ptrapp.services.backups import state
from ptrapp.services.backups.schedule import BACKUP
from ptrapp.services.context import AppContext
from ptrapp.ui.arriving import ARRIVED
from ptrapp.ui.auth import person


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the paragraph, which is read when the page is loaded, and empty for others."""

    def read(request: gr.Request) -> str:
        if person(request).role is not Role.ADMIN:
            return ""
        return f"## Backups\n{state.in_words(context, context.troubles.get(BACKUP, ''))}"

    shown = gr.Markdown(elem_id="thrice-backups")
    pages.load(
        read, None, shown, queue=False, show_progress="hidden", api_visibility="private"
    ).then(**ARRIVED)
