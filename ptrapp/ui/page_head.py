"""Writes into each page's HTML what it needs before a file of it has come: its colours, what a
shared link shows, and the scripts that notice when a file or an answer does not come.

Gradio's page (gradio 6.31) has no colours until its scripts are there, so that a dark page begins
white; it introduces itself as Gradio wherever its link is shown; and it waits in silence for a file
that was lost, and takes a lost answer for the end of the page.
"""

import re
from collections.abc import Callable

from gradio.routes import templates
from jinja2 import BaseLoader, Environment

from ptrapp.core.settings import ASSETS
from ptrapp.ui.page_own import read_styles

FIRST = ("tokens", "part_not_whole")
"""The files of styles that a page has from its first moment."""
_WATCH = (ASSETS / "head" / "whole.js", ASSETS / "head" / "restarts.js")
"""What loads a page again that did not come whole, and what has one go on over a restart."""
_UNTIL_SCRIPTS = """\
@media (prefers-color-scheme: dark) { :root:not(:has(.gradio-container)) { color-scheme: dark; } }
body { background: var(--bg); color: var(--ink); font-family: var(--font); }
.gradio-container > .nav-holder { display: none; }
"""
"""The theme of the browser until Gradio has set its own; Gradio's bar is never seen."""
_INTRODUCTION = """\
<title>Thrice</title>
<meta name="description" content="{what}" />
<meta property="og:type" content="website" />
<meta property="og:site_name" content="Thrice" />
<meta property="og:title" content="Thrice" />
<meta property="og:description" content="{what}" />
"""
_WHAT = "Watch a language model think again, say which answer is better, have it trained on that."
_INTRODUCTIONS = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')
_COMMENT = re.compile(r"^\s*(?://.*|/\*\*.*\*/)\n", re.MULTILINE)
"""A line of a script that is for who reads it in its file; it is in each page anew."""
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


def send_own_head() -> None:
    """Has each page begin with our colours and introduce itself."""
    loader = templates.env.loader
    if loader is not None and not isinstance(loader, _OwnHead):  # built more than once in a test
        templates.env.loader = _OwnHead(loader)


class _OwnHead(BaseLoader):
    """Loads Gradio's templates, with a head of our own."""

    def __init__(self, gradio: BaseLoader) -> None:
        self._gradio = gradio

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, is_fresh = self._gradio.get_source(environment, template)
        return _with_own_head(source), path, is_fresh


def _with_own_head(source: str) -> str:
    styles = f"<style>{read_styles(FIRST)}\n{_UNTIL_SCRIPTS}</style>"
    scripts = (_COMMENT.sub("", one.read_text(encoding="utf-8")) for one in _WATCH)
    watch = "".join(f"<script>{one}</script>" for one in scripts)
    own = f"{{% raw %}}{_INTRODUCTION.format(what=_WHAT)}{styles}{watch}{{% endraw %}}"
    return _STYLE.sub(lambda _: own, _INTRODUCTIONS.sub("", source), count=1)
