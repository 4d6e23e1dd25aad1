"""The thought inside a text that another program wrote, split off so that it stays hidden."""

from ptrapp.core import thoughts
from ptrapp.core.errors import BadRow
from ptrapp.core.thoughts import GENERIC, THINK, TINY, ThoughtFormat
from ptrapp.interchange.records import CompletionText
from ptrapp.interchange.values import text


def completion(value: str, name: str) -> CompletionText:
    """A completion of a foreign file: its text as it was, and its thought apart.

    Raises `BadRow` for a thought without a response: there would be nothing to show.

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
    """Whose markers open the text; None where it opens with none.

    `</think>` alone is enough: templates of today's models write the opening one themselves. A
    lonely `<R>` is not: it is a type parameter as often.
    """
    start = raw.lstrip()
    if start.startswith(THINK.thought_marker) or THINK.response_marker in raw:
        return THINK
    if start.startswith((TINY.thought_marker, TINY.response_marker)):
        return TINY if TINY.response_marker in raw else None
    return GENERIC if start.startswith(GENERIC.thought_marker) else None
