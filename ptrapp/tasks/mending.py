"""Mends what an answer does not keep, one constraint after another, without a model.

It stands to instructions as the worked solution stands to sums: it shows what a better next round
of *this* answer is, since it keeps the answer's own words. It changes form only. What says too
little, or lacks words that only a writer could add, is left alone.
"""

import re
from collections.abc import Callable, Sequence
from itertools import permutations

from ptrapp.tasks.constraints import Constraint, sentences_of, words_of
from ptrapp.tasks.kept import Asked

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*[\"”’')*]*")
_LIST_MARK = re.compile(r"^\s*(?:[*•-]|\d+[.)])\s+", re.MULTILINE)
_CLOSING_QUESTION = "Would you like to know more?"


def steps(response: str, asked: Asked) -> list[str] | None:
    """Returns texts of which each keeps more than the one before, the last one all.

    The first mends `response`; an answer that keeps everything needs no step. None where no order
    of mending leads to an answer that keeps everything and still says something.
    """
    broken = [each for each in asked.constraints if not each.kept(response)]
    for order in permutations(broken):
        if (found := _in_order(response, asked, order)) is not None:
            return found
    return None


def mend(text: str, constraint: Constraint) -> str | None:
    """Returns `text` changed so that it keeps the constraint; None where that takes a writer.

    >>> mend("Rain is wet, cold and loud.", Constraint("no_commas"))
    'Rain is wet cold and loud.'
    >>> mend("Rain is wet.", Constraint("words_at_least", 40)) is None
    True
    """
    way = _WAYS.get(constraint.kind)
    mended = way(text.strip(), constraint) if way else None
    return mended if mended and constraint.kept(mended) else None


def _in_order(response: str, asked: Asked, order: Sequence[Constraint]) -> list[str] | None:
    texts, n_kept = [response], asked.kept_by(response).n_kept
    for constraint in order:
        mended = mend(texts[-1], constraint)
        if mended is None or asked.kept_by(mended).n_kept <= n_kept:
            return None
        texts.append(mended)
        n_kept = asked.kept_by(mended).n_kept
    return texts[1:] if n_kept == len(asked.constraints) else None


def _sentences(text: str) -> list[str]:
    """Returns the sentences as they are written, marks of lists left out."""
    found = _SENTENCE.findall(_LIST_MARK.sub("", text))
    return [one.strip() for one in found if words_of(one)]


def _at_most(text: str, asked: Constraint) -> str:
    """Leaves out sentences before the last one, or all but the beginning of the first."""
    *earlier, last = _sentences(text)
    while earlier:
        shorter = " ".join([*earlier, last])
        if len(words_of(shorter)) <= asked.n:
            return shorter
        earlier.pop()
    return " ".join(text.split()[: asked.n]).rstrip(",;:-.") + "."


def _without(text: str, asked: Constraint) -> str:
    """Leaves out the sentences that hold a forbidden word."""
    forbidden = {word.casefold() for word in asked.words}
    return " ".join(
        one
        for one in _sentences(text)
        if not forbidden & {word.casefold() for word in words_of(one)}
    )


def _bullets(text: str, asked: Constraint) -> str | None:
    found = _sentences(text)
    if len(found) < asked.n:
        return None
    return "\n".join(f"* {one}" for one in found[: asked.n])


def _one_sentence(text: str, asked: Constraint) -> str | None:
    found = _sentences(text)
    joined = next((one for one in found if len(sentences_of(one)) == 1), None)
    return joined if joined is None or joined[-1] in ".!?" else f"{joined}."


def _appended(text: str, words: str) -> str:
    return f"{text} {words}" if text[-1] in ".!?\"'”" else f"{text}. {words}"


_WAYS: dict[str, Callable[[str, Constraint], str | None]] = {
    "words_at_most": _at_most,
    "forbidden_words": _without,
    "bullets": _bullets,
    "one_sentence": _one_sentence,
    "no_commas": lambda text, asked: text.replace(",", ""),
    "lowercase": lambda text, asked: text.lower(),
    "quotation": lambda text, asked: '"' + text.replace('"', "'") + '"',
    "last_words": lambda text, asked: _appended(text, asked.words[0]),
    "question": lambda text, asked: _appended(text, _CLOSING_QUESTION),
}
"""How each kind of form is mended. Missing are those that need more to be said."""
