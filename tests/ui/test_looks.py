"""A page's looks are one request, and tell only what has changed."""

from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.ui.looks import Looks


def wired(stamps: list[Any]) -> Any:
    """The handler of a page that looks at a stamp, which is the next of these, and at a text."""

    def read(_: Any) -> Any:
        now = stamps.pop(0)
        if isinstance(now, DatabaseError):
            raise now
        return now

    looks = Looks()
    with gr.Blocks() as pages:
        looks.add_stamp(gr.State("a"), read)
        looks.add(lambda _, text: text + "!", [gr.Textbox("b")], gr.Textbox())
        looks.start(3)
    (tick,) = pages.fns.values()
    assert (len(tick.inputs), len(tick.outputs)) == (3, 2)
    return tick.fn


def is_skipped(value: Any) -> bool:
    return value == gr.skip()


def test_only_what_has_changed_is_told() -> None:
    look = wired(["a", "b"])
    same, text = look(None, "a", 0, "hello")
    assert is_skipped(same)
    assert text == "hello!"
    assert look(None, "a", 0, "hello")[0] == 1


def test_nothing_is_looked_at_before_the_first_reading() -> None:
    assert is_skipped(wired([])(None, "", 0, "x")[0])
    assert is_skipped(wired([])(None, None, 0, "x")[0])


def test_what_cannot_be_read_is_left_to_what_reads_it() -> None:
    assert wired([DatabaseError("away")])(None, "a", 4, "x")[0] == 5
