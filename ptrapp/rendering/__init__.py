"""Model text becomes HTML that is safe to show, by the same rules for whoever wrote it."""

from functools import lru_cache
from html import escape

from ptrapp.rendering.characters import visible
from ptrapp.rendering.markdown import to_html
from ptrapp.rendering.sanitising import sanitised

__all__ = ["render", "visible"]

LONGEST = 50_000
"""Characters of a text that is read as Markdown; a longer one is shown as it is."""

_SHORT = 8_000
"""Nearly every response is shorter; more of them are remembered than of longer ones."""


_MOST_CELLS = 10_000
"""Columns of the widest line times lines: a short row is filled up to the width of its table."""

_MOST_IMAGES = 1_000
"""Each unclosed one looks through the rest of its paragraph."""


def render(text: str) -> str:
    """Return the text as an HTML fragment for an element of class `rendered` (rendered.css).

    The same text gives the same HTML, always: nothing depends on time or on what came before.
    """
    return _short(text) if len(text) <= _SHORT else _long(text)


def _render(text: str) -> str:
    text = visible(text)
    if len(text) > LONGEST or _is_a_trap(text):
        return f'<pre class="plain">{escape(text, quote=False)}</pre>'
    return sanitised(visible(to_html(text)))


def _is_a_trap(text: str) -> bool:
    """Whether reading it could take seconds: too many cells of tables, or images begun."""
    lines = text.split("\n")
    n_cells = max(line.count("|") for line in lines) * len(lines)
    return n_cells > _MOST_CELLS or text.count("![") > _MOST_IMAGES


_short = lru_cache(2_048)(_render)
_long = lru_cache(64)(_render)
