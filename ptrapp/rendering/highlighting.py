"""Highlights fenced code by the language that its author names, and guesses none."""

import re
from functools import cache
from html import escape

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from ptrapp.rendering.curly import CurlyLexer

CLASSES = frozenset(name for name in STANDARD_TYPES.values() if name)
"""Every class that highlighted code can have."""

MAX_CHARS = 10_000
"""Limit on highlighted code in one text; a lexer takes up to 0.4 s for so much misleading code."""

_LANGUAGES = {
    name: language
    for language, names in {
        "bash": "bash sh shell zsh",
        "curly": "c h cpp c++ cc hpp csharp c# cs java",
        "css": "css",
        "diff": "diff patch",
        "docker": "docker dockerfile",
        "go": "go golang",
        "haskell": "haskell hs",
        "html": "html",
        "ini": "ini cfg",
        "javascript": "javascript js jsx node",
        "json": "json",
        "julia": "julia jl",
        "kotlin": "kotlin kt",
        "lua": "lua",
        "matlab": "matlab",
        "perl": "perl pl",
        "php": "php",
        "python": "python py python3",
        "r": "r",
        "ruby": "ruby rb",
        "rust": "rust rs",
        "scala": "scala",
        "sql": "sql mysql postgresql sqlite",
        "swift": "swift",
        "tex": "tex latex",
        "toml": "toml",
        "typescript": "typescript ts tsx",
        "xml": "xml svg",
        "yaml": "yaml yml",
    }.items()
    for name in names.split()
}
"""The languages used in answers, whose lexers were timed on hostile code; others are not used."""

_MISLEADING = re.compile(r"[^\n]{201}|[ \t]{81}|(?:[ \t]*\n){9}")
"""Long lines and gaps that real code lacks; the time of some lexers is quadratic in them."""

_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(code: str, language: str) -> str:
    """Returns the code as HTML: in `<span class="k">…` for a known language, else escaped."""
    known = _LANGUAGES.get(language.lower())
    if known is None or len(code) > MAX_CHARS or _MISLEADING.search(code):
        return escape(code, quote=False)
    return str(highlight(code, _lexer(known), _FORMATTER))


@cache
def _lexer(language: str) -> Lexer:
    if language == "curly":
        return CurlyLexer(stripnl=False, ensurenl=False)
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
