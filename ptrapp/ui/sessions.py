"""A visitor's state without a copy of what every component looks like, which only deep links read.

Gradio (6.31) writes the configuration of the components of all pages anew for each visitor, and of
each component again whenever one of its events answers: 0.3 s of the CPU at every page's first
event, and a megabyte a visitor. No page of ours has a deep link.
"""

from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import route_utils, state_holder
from gradio.state_holder import SessionState

MOST = 1000
"""Open pages whose state is kept; an older one goes on as a page does after a restart."""


class LightSession(SessionState):
    """What one open page has: its values, and the components as its events changed them."""

    def __init__(self, blocks: gr.Blocks) -> None:
        bare: Any = SimpleNamespace(default_config=blocks.default_config, blocks=())
        super().__init__(bare)

    def __setitem__(self, key: int, value: Any) -> None:
        if isinstance(self.blocks_config.blocks.get(key), gr.State):
            super().__setitem__(key, value)
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Keeps nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keeps nothing."""


def keep_light() -> None:
    """Has Gradio keep of each visitor what its events need, and nothing else."""
    for module in (state_holder, route_utils):
        vars(module)["SessionState"] = LightSession
