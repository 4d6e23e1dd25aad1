"""Converts a formula in TeX to MathML, or returns None where it cannot be read."""

import re
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element

MAX_CHARS = 2_000
"""Longest formula. The time of parsing is quadratic in its length: 0.1 s for the worst."""

_MAX_DEPTH = 40
"""Nesting of elements. Formulas that people write have fewer than 15."""

_COMMAND = re.compile(r"\\[A-Za-z]+")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([A-Za-z]+\*?)\}")
_NUMBERING = re.compile(r"\\(?:label\s*\{[^{}]*\}|nonumber\b|notag\b)")

_KNOWN_AS = {
    **dict.fromkeys(
        ("aligned", "alignedat", "align", "split", "eqnarray", "eqnarray*", "flalign", "flalign*"),
        "align*",
    ),
    **dict.fromkeys(("gathered", "gather", "gather*", "multline", "multline*"), "matrix"),
    **dict.fromkeys(("dcases", "rcases"), "cases"),
    "array*": "array",
}
"""Environments unknown to the parser, and the known one that looks most similar."""

_NO_BOX = ("equation", "equation*", "displaymath", "math")
"""Environments that only mark a formula."""

_UNREADABLE: tuple[type[Exception], ...] = (
    *(
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
"""The parser's own errors have no common base class, and broken TeX raises others too."""


def to_mathml(tex: str, display: bool = False) -> str | None:
    """Returns `<math>…</math>`, or None for what cannot be read, so that its source is shown.

    >>> to_mathml("x")
    '<math display="inline"><mrow><mi>x</mi></mrow></math>'
    """
    if len(tex) > MAX_CHARS or not _balanced(tex):
        return None
    try:
        root = convert_to_element(_prepared(tex, display), display="block" if display else "inline")
    except _UNREADABLE:
        return None
    return _written(root)


def _balanced(tex: str) -> bool:
    """Returns whether braces are balanced and not nested too deeply."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", tex, re.DOTALL):
        depth += (brace == "{") - (brace == "}")
        if not 0 <= depth <= _MAX_DEPTH:
            return False
    return depth == 0


def _prepared(tex: str, display: bool) -> str:
    def known(match: re.Match[str]) -> str:
        verb, name = match.groups()
        return "" if name in _NO_BOX else rf"\{verb}{{{_KNOWN_AS.get(name, name)}}}"

    tex = _ENVIRONMENT.sub(known, _NUMBERING.sub("", tex)).strip()
    if display and r"\\" in tex and r"\begin" not in tex:
        # Lines of a display without an environment; no browser draws a line break in MathML.
        name = "align*" if "&" in tex else "matrix"
        return rf"\begin{{{name}}}{tex}\end{{{name}}}"
    return tex


def _written(root: Element) -> str | None:
    """Serialises the element with escaping, which the library's writer omits (`\\text{<script>}`).

    Returns None when a command is left that the library does not know.
    """
    pieces: list[str] = []
    waiting: list[Element | str] = [root]
    depth = 0
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            depth -= node.startswith("</")
            pieces.append(node)
            continue
        depth += 1
        text = unescape(node.text or "")
        if depth > _MAX_DEPTH or (node.tag != "mtext" and _COMMAND.search(text)):
            return None
        pieces.append(f"<{node.tag}{_attributes(node)}>{escape(text, quote=False)}")
        waiting.append(f"</{node.tag}>")
        waiting.extend(reversed(node))
    return "".join(pieces)


def _attributes(node: Element) -> str:
    kept = ((name, value) for name, value in node.attrib.items() if name != "xmlns")
    return "".join(f' {name}="{escape(value)}"' for name, value in kept)
