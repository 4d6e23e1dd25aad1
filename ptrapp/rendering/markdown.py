"""Converts models' Markdown to HTML; images and hidden link targets become text."""

import re
from collections.abc import Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from ptrapp.rendering.formulas import formulas
from ptrapp.rendering.highlighting import MAX_CHARS, highlighted
from ptrapp.rendering.mathml import to_mathml

_MAX_TEX = 12_000
"""Limit on characters of formulas in one text, ten more for each; further ones stay TeX source."""

_HEADINGS = {"h1": "h4", "h2": "h5", "h3": "h6", "h4": "h6", "h5": "h6", "h6": "h6"}
"""A heading in an answer ranks below those of the page."""

_LIST_OF_NOTHING = ["open", "list_item_open", "list_item_close", "close"]
_ALIGNED = {"text-align:right": "right", "text-align:center": "center"}
_TIMES = re.compile(
    r"(?<=[\w)\]%])\*(?=\w|\.\d)|(?<=[\d)])\*(?=[($\[-])|(?<=[\d)])\*\*(?=[\d(])", re.ASCII
)
"""ASCII alone: in Chinese, emphasis stands within words, which have no spaces."""
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)


def to_html(text: str) -> str:
    """Returns the text as HTML that still has to be sanitised."""
    return str(_PARSER.render(text, {"tex": _MAX_TEX, "code": MAX_CHARS}))


def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    md.enable(["table", "strikethrough"])
    md.disable(["html_block", "html_inline"])
    md.use(formulas)
    md.inline.ruler.before("emphasis", "times", _times)
    md.validateLink = lambda url: bool(_WEB.match(url))  # type: ignore[method-assign]
    md.core.ruler.push("plain_pages", _adapt_to_page)
    md.add_render_rule("formula", _formula)
    md.add_render_rule("fence", _fence)
    return md


def _times(state: StateInline, silent: bool) -> bool:
    """Leaves a star between letters or digits as it is: 3*3 is a product, and no emphasis."""
    found = _TIMES.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.pending += found[0]
    state.pos = found.end()
    return True


def _adapt_to_page(state: StateCore) -> None:
    state.tokens = _with_lone_marks(state.tokens)
    for token in state.tokens:
        token.tag = _HEADINGS.get(token.tag, token.tag)
        if aligned := token.attrs.pop("style", None):
            token.attrs["class"] = _ALIGNED.get(str(aligned), "")
        if token.children:
            token.children = _with_addresses(token.children)


def _with_lone_marks(tokens: list[Token]) -> list[Token]:
    """Makes a list of nothing what was written: an answer "4." is a number, and "-" a dash."""
    shown: list[Token] = []
    at = 0
    while at < len(tokens):
        four = tokens[at : at + 4]
        if [one.type.partition("_list_")[2] or one.type for one in four] == _LIST_OF_NOTHING:
            item = four[1]
            written = f"{item.info}{item.markup}"
            inside = Token("inline", "", 0, content=written, children=[_text_token(written)])
            shown += [Token("paragraph_open", "p", 1, block=True), inside]
            shown.append(Token("paragraph_close", "p", -1, block=True))
            at += 4
        else:
            shown.append(tokens[at])
            at += 1
    return shown


def _with_addresses(tokens: list[Token]) -> list[Token]:
    """Adds the address of every link whose text is not the address, and that of every image."""
    shown: list[Token] = []
    opened = 0
    for token in tokens:
        if token.type == "image":
            token = _text_token(f"[image: {token.content} ({token.attrs['src']})]")
        shown.append(token)
        if token.type == "link_open":
            opened = len(shown)
        elif token.type == "link_close":
            address = str(shown[opened - 1].attrs.pop("href"))
            shown[opened - 1].attrs = {"href": address}
            if "".join(inside.content for inside in shown[opened:]) != address:
                shown.append(_text_token(f" ({address})"))
    return shown


def _text_token(text: str) -> Token:
    return Token("text", "", 0, content=text)


def _formula(
    self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[idx]
    env["tex"] -= len(token.content) + 10
    maths = to_mathml(token.content, token.markup == "block") if env["tex"] >= 0 else None
    html = maths or f'<code class="formula">{escape(token.info, quote=False)}</code>'
    return f"<p>{html}</p>\n" if token.block else html


def _fence(
    self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[idx]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    env["code"] -= len(token.content) if language else 0
    code = highlighted(token.content, language if env["code"] >= 0 else "")
    return f"<pre><code>{code}</code></pre>\n"


_PARSER = _parser()
