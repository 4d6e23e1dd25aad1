"""Reads the questions of a task from a file: in the usual columns, or in IFEval's own format."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ptrapp.core.errors import InputError
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.limits import TERMINAL
from ptrapp.tasks import ifeval
from ptrapp.tasks.datasets import GSM8K, Columns, Question, questions
from ptrapp.tasks.ifeval import IfevalFile


def read_questions(path: Path, columns: Columns = GSM8K) -> list[Question]:
    """Reads a file of any kind that `RowFile` knows. Raises `InputError` that names its row."""
    return list(questions(_rows(path), columns, source=path.name))


def read_ifeval(path: Path) -> IfevalFile:
    """Reads a file in IFEval's format; a row that cannot be judged is left out whole.

    Raises `InputError` for another format, `ConfigurationError` without the package.
    """
    return ifeval.judged(_rows(path), path.name)


def _rows(path: Path) -> Iterator[Any]:
    """Yields what the rows hold; the first that cannot be read is an error."""
    with RowFile(path, TERMINAL) as rows:
        for row in rows:
            if row.mistake is not None:
                raise InputError(f"{path.name}, {row.location}: {row.mistake}.")
            yield row.value
