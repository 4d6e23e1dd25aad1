"""Looks every few seconds whether anything that a page shows has changed: once for all of it.

A look brings nothing but what has changed; what is read then is another event's, wired to the
component that the look changes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError

_MOST_CHANGES = 1_000_000
"""What changes are counted to, before the count begins anew: a page is told that it differs."""


class Looks:
    """What one page looks at, collected while the page is built."""

    def __init__(self) -> None:
        self._looks: list[tuple[Callable[..., Any], Sequence[Any], Any]] = []

    def add(self, look: Callable[..., Any], inputs: Sequence[Any], output: Any) -> None:
        """Has `look(request, *values of the inputs)` asked; it returns `gr.skip()` or a value."""
        self._looks.append((look, inputs, output))

    def add_stamp(self, known: Any, read: Callable[..., Any], *inputs: Any) -> Any:
        """Returns a component whose `change` says that what is `known` is no longer so.

        `read(request, *values of the inputs)` returns the newest stamp. What reads it all sets
        `known`; nothing is looked at before that is true.
        """
        # no state: that tells of a change only where the event has waited in the queue
        n_changes = gr.Number(0, visible="hidden", precision=0)

        def look(request: gr.Request, stamp: Any, n: float, *values: Any) -> Any:
            try:
                same = not stamp or read(request, *values) == stamp
            except DatabaseError:  # what reads it all says so in its own place
                same = False
            return gr.skip() if same else (n or 0) % _MOST_CHANGES + 1

        self.add(look, [known, n_changes, *inputs], n_changes)
        return n_changes

    def start(self, every_s: float) -> None:
        """Builds the page's timer, when everything has been added."""
        looks = list(self._looks)

        def page_looks(request: gr.Request, *values: Any) -> list[Any]:
            found, rest = [], list(values)
            for look, inputs, _ in looks:
                found.append(look(request, *rest[: len(inputs)]))
                rest = rest[len(inputs) :]
            return found if len(found) > 1 else found[0]

        gr.Timer(every_s).tick(
            page_looks,
            [one for _, inputs, _ in looks for one in inputs],
            [output for _, _, output in looks],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
