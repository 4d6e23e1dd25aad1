"""Converts rows of files and data sets to questions, each a prompt with its reference answer."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from ptrapp.core.errors import InputError
from ptrapp.tasks.check import readable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt, with its reference answer where there is one."""

    prompt: str
    reference_answer: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a data set; the defaults are GSM8K's."""

    question: str = "question"
    answer: str = "answer"
    """A value; a worked solution that ends with `#### value`; for a multiple choice the number of
    the right one from 0, its letter, or its text."""
    choices: str = "choices"
    """A list of texts, or `{"text": […], "label": […]}` as in ARC; missing for free answers."""


GSM8K = Columns()


def questions(
    rows: Iterable[Mapping[str, Any]], columns: Columns = GSM8K, *, source: str
) -> Iterator[Question]:
    """Converts rows, of a file or of a `datasets` data set, to questions; blank ones are left out.

    Raises `InputError` with the number of the row, from 1.
    """
    n_blank = 0
    for number, row in enumerate(rows, start=1):
        prompt = row.get(columns.question) if isinstance(row, Mapping) else None
        if not isinstance(prompt, str):
            names = sorted(map(str, row)) if isinstance(row, Mapping) else type(row).__name__
            raise InputError(
                f"Row {number} of {source} has no question in {columns.question!r} (it has "
                f"{names}). Name the right column."
            )
        answer, choices = row.get(columns.answer), row.get(columns.choices)
        if not prompt.strip():
            n_blank += 1
        elif choices:
            yield _multiple_choice(prompt, answer, choices, f"row {number} of {source}", source)
        else:
            yield Question(prompt.strip(), _checkable(answer, number, source), source)
    if n_blank:
        log.warning("%s: %d rows with a blank question are left out", source, n_blank)


def _checkable(answer: Any, number: int, source: str) -> str | None:
    """Returns the reference answer, whose constraints, if it has any, must be readable."""
    reference = _reference(answer)
    try:
        return readable(reference) if reference else None
    except InputError as error:
        raise InputError(f"Row {number} of {source}: {error}") from error


def _reference(answer: Any) -> str | None:
    """Returns the value after `####`, or the whole answer.

    >>> _reference("She has 2 + 2 = 4.\\n#### 4")
    '4'
    """
    if answer is None or not str(answer).strip():
        return None
    return str(answer).rpartition("####")[2].strip()


def _multiple_choice(prompt: str, answer: Any, choices: Any, where: str, source: str) -> Question:
    """Writes the choices under letters; the reference is the right one's letter."""
    texts, labels = choices, list(ascii_uppercase[: len(choices)])
    if isinstance(choices, Mapping):
        texts = list(choices["text"])
        labels = [str(label) for label in choices.get("label", ascii_uppercase[: len(texts)])]
    given = str(answer).strip()
    right = None
    if given in labels:
        right = labels.index(given)
    elif given.isdigit() and int(given) < len(texts):
        right = int(given)
    elif given in map(str, texts):
        right = [str(text) for text in texts].index(given)
    if right is None or len(texts) > len(ascii_uppercase):
        raise InputError(
            f"The answer {given!r} in {where} is none of its choices: give a number from 0, a "
            f"letter of {labels}, or the text of a choice."
        )
    lines = [f"{letter}) {text}" for letter, text in zip(ascii_uppercase, texts, strict=False)]
    asked = f"{prompt.strip()}\n" + "\n".join(lines) + "\nAnswer with the letter."
    return Question(asked, ascii_uppercase[right], source)
