"""Removes thoughts from texts for judges, even where a caller passes one by mistake."""

import re

from ptrapp.core.thoughts import GENERIC, THINK, TINY, split

_CLOSED = re.compile(
    "|".join(
        f"{re.escape(fmt.thought_marker)}.*?{re.escape(fmt.response_marker)}"
        for fmt in (THINK, GENERIC)
    ),
    re.DOTALL,
)
"""A thought between unambiguous markers. `<T>` and `<R>` are also type parameters in code, so they
count only at the beginning."""
_LONE_ENDS = tuple(fmt.response_marker for fmt in (THINK, GENERIC))
"""Markers that end a thought whose opening marker a chat template wrote."""
_LONE_R = re.compile(r"(?:^|[.!?\n])\s*<R>")
"""TPO's specific prompt has no marker before the thought. In code `<R>` follows a word or occurs
more than once."""

_ANY_MARKER = re.compile(
    "|".join(
        re.escape(mark)
        for fmt in (TINY, THINK, GENERIC)
        for mark in (fmt.thought_marker, fmt.response_marker)
    )
)


def response_of(text: str) -> str:
    """Returns the response alone: a raw completion loses its thought, a response is unchanged.

    >>> response_of("<T> 2 and 2 is 4.<R> The answer is 4.")
    'The answer is 4.'
    >>> response_of("A Stream<R> maps each T to an R: <R> Stream<R> map(Function<T, R> f)")
    'A Stream<R> maps each T to an R: <R> Stream<R> map(Function<T, R> f)'
    """
    text = without_thoughts(text)
    for fmt in (TINY, THINK, GENERIC):
        if text.lstrip().startswith(fmt.thought_marker):
            return split(text, fmt, thinking=True).response
    for end in _LONE_ENDS:
        text = text.rpartition(end)[2]
    if text.count("<R>") == 1 and (found := _LONE_R.search(text)):
        text = text[found.end() :]
    return text.strip()


def without_thoughts(text: str) -> str:
    """Removes every thought that is marked at both ends."""
    return _CLOSED.sub("", text)


def unmarked(thought: str) -> str:
    """Returns a thought that is itself compared, so that no judge removes a part of it.

    Its markers are changed only where `response_of` would otherwise cut it.

    >>> unmarked("Add first. <R> stands before the answer.")
    'Add first. <R > stands before the answer.'
    """
    if response_of(thought) == thought.strip():
        return thought
    return _ANY_MARKER.sub(lambda mark: f"{mark[0][:-1]} {mark[0][-1]}", thought)
