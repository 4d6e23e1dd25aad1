"""Says how near a response that does not keep a constraint comes to keeping it.

Of answers that are all wrong one is often less wrong: 34 words where 30 were allowed, beside 90.
Without that a method that learns from the better of two learns nothing from a prompt whose every
sample is wrong, and never what the model cannot do yet.
"""

from collections.abc import Callable

from ptrapp.tasks.constraints import (
    Constraint,
    bare,
    count_of,
    paragraphs_of,
    points_of,
    sentences_of,
    words_of,
)

NEAREST = 0.9
"""Largest nearness of a response that does not keep the constraint; 1 is one that does."""


def nearness(response: str, constraint: Constraint) -> float:
    """Returns 1 where `response` keeps the constraint, else from 0 to `NEAREST` how near it comes.

    >>> nearness("one two three four", Constraint("words_at_most", 3))
    0.75
    >>> nearness("Rain is wet, cold, and loud.", Constraint("no_commas"))
    0.3333333333333333
    """
    text = response.strip()
    if not text:
        return 0.0
    if constraint.kept(text):
        return 1.0
    return min(_NEAR[constraint.kind](text, constraint), NEAREST)


def _count(n: int, wanted: int) -> float:
    """Returns the smaller number over the larger, so 1 where there are as many as wanted."""
    return min(n, wanted) / max(n, wanted, 1)


def _few(n: int) -> float:
    """Returns how near `n` unwanted things are to none."""
    return 1 / (1 + n)


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def _phrase_at(text: str, phrase: str, *, end: bool) -> float:
    """Returns a half and more the fewer words stand beyond a phrase, less where it is missing."""
    words, wanted = bare(text).split(), bare(phrase).split()
    starts = [
        at for at in range(len(words) - len(wanted) + 1) if words[at : at + len(wanted)] == wanted
    ]
    if not starts:
        return _share([word in words for word in wanted]) / 2
    beyond = len(words) - len(wanted) - starts[-1] if end else starts[0]
    return 0.5 + _few(beyond) / 2


def _question(text: str, asked: Constraint) -> float:
    return (text.rfind("?") + 1) / len(text)


_NEAR: dict[str, Callable[[str, Constraint], float]] = {
    "words_at_most": lambda text, asked: _count(len(words_of(text)), asked.n),
    "words_at_least": lambda text, asked: _count(len(words_of(text)), asked.n),
    "keywords": lambda text, asked: _share([count_of(text, word) > 0 for word in asked.words]),
    "forbidden_words": lambda text, asked: _few(sum(count_of(text, word) for word in asked.words)),
    "no_commas": lambda text, asked: _few(text.count(",")),
    "lowercase": lambda text, asked: _share([word == word.lower() for word in words_of(text)]),
    "uppercase": lambda text, asked: _share([word == word.upper() for word in words_of(text)]),
    "bullets": lambda text, asked: _count(len(points_of(text)), asked.n),
    "numbered": lambda text, asked: _count(len(points_of(text, numbered=True)), asked.n),
    "sentences": lambda text, asked: _count(len(sentences_of(text)), asked.n),
    "one_sentence": lambda text, asked: _count(len(sentences_of(text)), 1),
    "paragraphs": lambda text, asked: _count(len(paragraphs_of(text)), asked.n),
    "quotation": lambda text, asked: _share([text[0] in '"“', text[-1] in '"”']),
    "last_words": lambda text, asked: _phrase_at(text, asked.words[0], end=True),
    "first_words": lambda text, asked: _phrase_at(text, asked.words[0], end=False),
    "question": _question,
    "number": lambda text, asked: 0.0,
    "keyword_times": lambda text, asked: _count(count_of(text, asked.words[0]), asked.n),
    "title": lambda text, asked: _share(["<<" in text, ">>" in text]),
    "postscript": lambda text, asked: 0.5 * ("P.S." in text or "PS:" in text),
    "json": lambda text, asked: _share([text[0] in "{[", text[-1] in "}]"]),
}
