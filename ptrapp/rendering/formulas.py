r"""Finds formulas in Markdown: `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and `\begin{align}…`.

They are found before Markdown parses their content, because `_` and `\\` have a meaning in both.
No search is longer than a formula may be, so that a thousand openings cost a thousand short ones.
"""

import re
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from ptrapp.rendering.mathml import MAX_CHARS

_MAX_LINES = 100

_BLOCK = re.compile(
    r"\$\$|\\\[|\\begin\{(?P<name>(?:equation|align|gather|multline|eqnarray|alignat)\*?)\}"
)
_PUNCTUATION = re.compile(r"[ \t]*[.,;:]?[ \t]*")
_MONEY = re.compile(r"(?:<<|[\d.,]).*(?<![\\A-Za-z{])[A-Za-z]{2,}[\s,.;].*")
"""An amount followed by words: `$5 or 10$`."""
_AFTER = re.compile(r"(?:th|st|nd|rd|s)?(?![\w$])")
"""What may follow a closing dollar directly: nothing, or as in `$n$th`."""
_CODE = re.compile(r"[\"\n]|(?<!\\)[-+*/=({]$")
"""What is between two dollars in shells and PHP, but not in formulas: `$(mktemp)date=$`."""


class _Span(NamedTuple):
    """A formula in a text: its TeX, and the position after it."""

    tex: str
    end: int


def formulas(md: MarkdownIt) -> None:
    """Adds the rules; their tokens are `formula`, a display's `markup` is "block"."""
    md.inline.ruler.before("escape", "formula", _inline)
    md.block.ruler.before(
        "fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def _inline(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos : state.pos + 2]
    if opening == "$$":
        span = _until(state.src, state.pos + 2, "$$")
    elif opening in (r"\(", r"\["):
        span = _until(state.src, state.pos + 2, r"\)" if opening == r"\(" else r"\]")
    elif opening.startswith("$"):
        span = _dollars(state.src, state.pos)
    else:
        return False
    if span is None or span.end > state.posMax:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = span.tex
        token.markup = "block" if opening in ("$$", r"\[") else "inline"
        token.info = state.src[state.pos : span.end]
    state.pos = span.end
    return True


def _until(text: str, start: int, closing: str) -> _Span | None:
    end = text.find(closing, start, start + MAX_CHARS + len(closing))
    return (
        _Span(text[start:end], end + len(closing)) if text[start:end].strip() and end > 0 else None
    )


def _dollars(text: str, start: int) -> _Span | None:
    """Finds a formula as Pandoc does: no space inside the dollars, nothing joined on. `$5 and $6`
    is money."""
    if start and (text[start - 1].isalnum() or text[start - 1] == "$"):
        return None
    end = start
    while (end := text.find("$", end + 1, start + MAX_CHARS + 2)) > 0 and text[end - 1] == "\\":
        pass
    tex = text[start + 1 : end]
    if (
        end < 0
        or not tex
        or tex[0].isspace()
        or tex[-1].isspace()
        or not _AFTER.match(text, end + 1)
    ):
        return None
    return None if _CODE.search(tex) or _MONEY.fullmatch(tex) else _Span(tex, end + 1)


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Parses a formula that begins a line and ends one; others are left to the inline rule."""
    if state.is_code_block(first):
        return False
    start = state.bMarks[first] + state.tShift[first]
    opening = _BLOCK.match(state.src, start, state.eMarks[first])
    if opening is None:
        return False
    name = opening["name"]
    closing = rf"\end{{{name}}}" if name else "$$" if opening[0] == "$$" else r"\]"
    found = _lines(state, first, min(last, first + _MAX_LINES), len(opening[0]), closing)
    if found is None or len(found.tex) > MAX_CHARS:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.block, token.markup, token.map = True, "block", [first, found.end]
        token.content = f"{opening[0]}{found.tex}{closing}" if name else found.tex
        token.info = f"{opening[0]}{found.tex}{closing}"
        state.line = found.end
    return True


def _lines(state: StateBlock, first: int, last: int, skip: int, closing: str) -> _Span | None:
    """Collects whole lines up to `closing`; an empty line or a container's end ends the search."""
    begin = state.bMarks[first] + state.tShift[first] + skip
    if state.src.find(closing, begin, begin + MAX_CHARS + len(closing)) < 0:
        return None
    lines: list[str] = []
    for line in range(first, last):
        if line > first and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return None
        start = state.bMarks[line] + state.tShift[line] + (skip if line == first else 0)
        text = state.src[start : state.eMarks[line]]
        end = text.find(closing)
        if end < 0:
            lines.append(text)
            continue
        rest = text[end + len(closing) :]
        tex = "\n".join([*lines, text[:end]])
        ends = _PUNCTUATION.fullmatch(rest) and tex.strip()
        return _Span(tex + rest.rstrip(), line + 1) if ends else None
    return None
