"""Fenced code is coloured by the language its author named; nothing is guessed."""

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
"""Every class a coloured piece can have."""

LONGEST = 10_000
"""Characters of code coloured in one text; a lexer takes up to 0.4 s for so many that mislead."""

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
"""The languages of answers, tried for their time on hostile code; five hundred others are not."""

_MISLEADING = re.compile(r"[^\n]{201}|[ \t]{81}|(?:[ \t]*\n){9}")
"""Long lines and gaps that code of people does not have: some lexers take the square of them."""

_FORMATTER = HtmlFormatter(nowrap=True)


def highlighted(code: str, language: str) -> str:
    """Return the code as HTML: in `<span class="k">…` where its language is known, else escaped."""
    known = _LANGUAGES.get(language.lower())
    if known is None or len(code) > LONGEST or _MISLEADING.search(code):
        return escape(code, quote=False)
    return str(highlight(code, _lexer(known), _FORMATTER))


@cache
def _lexer(language: str) -> Lexer:
    if language == "curly":
        return CurlyLexer(stripnl=False, ensurenl=False)
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
