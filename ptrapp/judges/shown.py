"""What of a text a judge is shown: never a thought, also where somebody hands one in by mistake."""

import re

from ptrapp.core.thoughts import GENERIC, THINK, TINY, split

_CLOSED = re.compile(
    "|".join(
        f"{re.escape(fmt.thought_marker)}.*?{re.escape(fmt.response_marker)}"
        for fmt in (THINK, GENERIC)
    ),
    re.DOTALL,
)
"""A thought between marks that stand for nothing else. `<T>` and `<R>` are also type parameters of
code, so they count at the beginning alone."""
_LONE_ENDS = tuple(fmt.response_marker for fmt in (THINK, GENERIC))
"""What ends a thought whose beginning a chat template wrote."""
_LONE_R = re.compile(r"(?:^|[.!?\n])\s*<R>")
"""TPO's specific prompt has no mark before the thought. In code `<R>` follows a word or stands more
than once."""

_ANY_MARK = re.compile(
    "|".join(
        re.escape(mark)
        for fmt in (TINY, THINK, GENERIC)
        for mark in (fmt.thought_marker, fmt.response_marker)
    )
)


def response_of(text: str) -> str:
    """The response alone. Callers hand responses in; a raw completion loses its thought here.

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
    """The text less every thought that is marked at both ends."""
    return _CLOSED.sub("", text)


def unmarked(thought: str) -> str:
    """A thought as a text of its own, where thoughts are what is compared: no judge cuts it.

    It is changed only where a judge would take a part of it for something to be left out.

    >>> unmarked("Add first. <R> stands before the answer.")
    'Add first. <R > stands before the answer.'
    """
    if response_of(thought) == thought.strip():
        return thought
    return _ANY_MARK.sub(lambda mark: f"{mark[0][:-1]} {mark[0][-1]}", thought)
