"""Splits the thought off a completion of another program, so that it stays hidden."""

from ptrapp.core import thoughts
from ptrapp.core.errors import BadRow
from ptrapp.core.thoughts import GENERIC, THINK, TINY, ThoughtFormat
from ptrapp.interchange.records import CompletionText
from ptrapp.interchange.values import text


def completion(value: str, name: str) -> CompletionText:
    """Returns a completion of a foreign file with its thought apart.

    Raises `BadRow` for a thought without a response, which leaves nothing to show.

    >>> completion("<think>2 and 2.</think>4.", "chosen").response
    '4.'
    """
    raw = text(value, name)
    fmt = _format(raw)
    if fmt is None:
        return CompletionText(raw, "", raw.strip(), thinking=False)
    thinking = not raw.lstrip().startswith(TINY.response_marker)
    split = thoughts.split(raw, fmt, thinking)
    if not split.response:
        raise BadRow(f"{name!r} is a thought without a response")
    return CompletionText(raw, split.thought, split.response, thinking, split.well_formed)


def _format(raw: str) -> ThoughtFormat | None:
    """Returns the format whose markers open the text, None without markers.

    `</think>` alone is enough: the templates of today's models write the opening one themselves. A
    lone `<R>` is not: it is as often a type parameter.
    """
    start = raw.lstrip()
    if start.startswith(THINK.thought_marker) or THINK.response_marker in raw:
        return THINK
    if start.startswith((TINY.thought_marker, TINY.response_marker)):
        return TINY if TINY.response_marker in raw else None
    return GENERIC if start.startswith(GENERIC.thought_marker) else None
