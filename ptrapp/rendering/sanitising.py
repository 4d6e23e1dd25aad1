"""Sanitises HTML at the end: only these tags and attributes leave the server."""

import nh3

from ptrapp.rendering.highlighting import CLASSES

_TEXT = """
a blockquote br code em h4 h5 h6 hr li ol p pre s span strong table tbody td th thead tr ul
"""
_MATHS = """
math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup
mtable mtd mtext mtr munder munderover
"""

TAGS = frozenset((_TEXT + _MATHS).split())

ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href"}),
    "ol": frozenset({"start"}),
    "math": frozenset({"display"}),
    "menclose": frozenset({"notation"}),
    "mfrac": frozenset({"linethickness"}),
    "mi": frozenset({"mathvariant"}),
    "mo": frozenset({"accent", "fence", "form", "maxsize", "minsize", "movablelimits", "stretchy"}),
    "mover": frozenset({"accent"}),
    "mspace": frozenset({"width"}),
    "mstyle": frozenset({"displaystyle", "scriptlevel"}),
    "mtable": frozenset({"columnalign", "columnlines", "displaystyle"}),
    "mtd": frozenset({"columnalign"}),
    "munder": frozenset({"accentunder"}),
}
"""No style, id or event handler, and no size or colour that leaves a formula's own box."""

CLASS_NAMES: dict[str, frozenset[str]] = {
    "span": CLASSES,
    "code": frozenset({"formula"}),
    "pre": frozenset({"plain"}),
    "td": frozenset({"center", "right"}),
    "th": frozenset({"center", "right"}),
}

_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    allowed_classes=CLASS_NAMES,
    clean_content_tags={"script", "style"},
    link_rel="noopener noreferrer nofollow",
    # Elements that scroll can be reached by keyboard.
    set_tag_attribute_values={
        "a": {"target": "_blank"},
        "pre": {"tabindex": "0"},
        "table": {"tabindex": "0"},
    },
    url_schemes={"http", "https"},
    url_relative="deny",
)


def sanitised(html: str) -> str:
    """Returns the HTML with every tag closed and nothing in it that is not listed here."""
    return _CLEANER.clean(html)
