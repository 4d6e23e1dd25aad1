"""A visitor's state holds values and changed components, and no copy of every component."""

from typing import Any

import gradio as gr
from gradio.state_holder import StateHolder

from ptrapp.ui.answering import QUEUE_LOOKS_S, AnsweringBlocks
from ptrapp.ui.sessions import LightSession, keep_light


def pages() -> tuple[gr.Blocks, Any, Any]:
    keep_light()
    with gr.Blocks() as blocks:
        counted, shown = gr.State(1), gr.Textbox("a")
    return blocks, counted, shown


def test_a_visitor_s_values_are_kept_and_nothing_else_is_written() -> None:
    blocks, counted, shown = pages()
    holder = StateHolder()
    holder.set_blocks(blocks)
    mine, other = holder["me"], holder["other"]
    assert isinstance(mine, LightSession)

    mine[counted._id] = 7
    mine[shown._id] = gr.Textbox("b", render=False)
    mine._update_config(shown._id)
    mine._update_value_in_config(shown._id, "b")

    assert mine[counted._id] == 7
    assert mine[shown._id].value == "b"
    assert (other[counted._id], other[shown._id].value) == (1, "a")
    assert set(mine.config_values) <= {counted._id}
    assert not other.config_values


def test_the_queue_looks_for_events_some_times_a_second_and_not_a_thousand() -> None:
    assert 0.005 <= QUEUE_LOOKS_S <= 0.05
    with AnsweringBlocks() as blocks:
        pass
    assert blocks._queue.sleep_when_free == QUEUE_LOOKS_S
    assert blocks.queue()._queue.sleep_when_free == QUEUE_LOOKS_S
