"""Renders model text to safe HTML, by the same rules for every model."""

import re
from functools import lru_cache
from html import escape

from ptrapp.rendering.characters import visible

__all__ = ["is_plain", "render", "visible"]

MAX_CHARS = 50_000
"""Longest text that is parsed as Markdown; a longer one is shown as plain text."""

_SHORT = 8_000
"""Nearly every response is shorter; more of these are cached than of longer ones."""


_MARKED = re.compile(
    r"[\n*_`#|$<>\[\]\\~&]|://|www\.|^\s*(?:[-+]|\d+[.)])(?:\s|$)|^\s*-[-\s]*$|^(?: {4}|\t)"
)


_MAX_CELLS = 10_000
"""Limit on columns of the widest line times lines: short rows are padded to their table's width."""

_MAX_IMAGES = 1_000
"""Limit on image starts: the parser searches the rest of the paragraph for each unclosed one."""


def render(text: str) -> str:
    """Returns the text as an HTML fragment for an element of class `rendered` (rendered.css).

    The same text always gives the same HTML.
    """
    return _short(text) if len(text) <= _SHORT else _long(text)


def is_plain(text: str) -> bool:
    """Returns whether the text is one paragraph without anything that Markdown would draw."""
    return not _MARKED.search(text)


def _render(text: str) -> str:
    text = visible(text)
    if len(text) > MAX_CHARS or _is_pathological(text):
        return f'<pre class="plain">{escape(text, quote=False)}</pre>'
    if is_plain(text) and text.strip() == text:  # half of all prompts are, and of short answers
        return f"<p>{escape(text, quote=False)}</p>\n" if text else ""
    # the parsers: no start waits for them
    from ptrapp.rendering.markdown import to_html
    from ptrapp.rendering.sanitising import sanitised

    return sanitised(visible(to_html(text)))


def _is_pathological(text: str) -> bool:
    """Returns whether parsing could take seconds: too many table cells or image starts."""
    lines = text.split("\n")
    n_cells = max(line.count("|") for line in lines) * len(lines)
    return n_cells > _MAX_CELLS or text.count("![") > _MAX_IMAGES


_short = lru_cache(2_048)(_render)
_long = lru_cache(64)(_render)
