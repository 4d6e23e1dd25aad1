"""Keeps the tab that is open in the page's address, so that a reload and a link open it again."""

from collections.abc import Sequence

import gradio as gr

_NOTE = """() => {
    const at = new URL(location.href);
    if ("TAB" === "FIRST") at.searchParams.delete("tab");
    else at.searchParams.set("tab", "TAB");
    history.replaceState(history.state, "", at);
}"""


def keep(tabs: Sequence[gr.Tab]) -> None:
    """Has each tab note itself when it is opened; the first one is that of an address without."""
    for tab in tabs:
        script = _NOTE.replace("TAB", str(tab.id)).replace("FIRST", str(tabs[0].id))
        tab.select(None, None, None, js=script, show_progress="hidden", api_visibility="private")
