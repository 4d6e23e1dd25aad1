"""Removes deceptive characters or makes them visible, so that a reader sees the actual text."""

import re

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
"""Characters of zero width, changes of direction, and tags, none of which are drawn."""

_JOINERS = re.compile("(?<![^\x00-\xff])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\xff])")
"""Joiners connect emoji, Persian and Indic letters; beside a Latin letter they are only hidden."""

_SELECTORS = re.compile(
    "([\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
)
"""One selector selects the form of a glyph; several in a row can carry a hidden message."""

_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
"""Two or three combining marks are normal; a stack of them covers the lines around it."""

_NOT_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Lone surrogates, as after a truncated JSON escape, which cannot be encoded."""

_LINE_ENDS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")

_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
"""A control character is replaced by its picture: ␛ for the escape that colours a terminal."""
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


def visible(text: str) -> str:
    """Returns the text without deceptive characters. Applying it again changes nothing.

    >>> visible("Chat\u200bGPT \u202etxt.exe")
    'ChatGPT txt.exe'
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", text).translate(_CONTROLS)
    text = _NOT_TEXT.sub("\ufffd", _UNSEEN.sub("", text))
    return _MARKS.sub(r"\1", _SELECTORS.sub(r"\1", _JOINERS.sub("", text)))
