"""Parses questions under their usual column names: alone, or with an attempt and an answer."""

from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import MessageRole
from ptrapp.interchange.conversation import is_messages, messages, prompt_of
from ptrapp.interchange.preferences import prompt_from
from ptrapp.interchange.records import Attempted, PromptText
from ptrapp.interchange.values import names, optional_text, text_of

COLUMNS = ("prompt", "question", "instruction", "messages")
ATTEMPT_COLUMNS = ("question", "output1", "output2")
"""The PTR authors' columns: a question, a weak attempt and a strong answer."""


def parse(row: Mapping[str, Any]) -> tuple[PromptText, ...]:
    """Parses one prompt, with its reference answer where the row has one. Raises `BadRow`."""
    column = next((name for name in COLUMNS if row.get(name)), None)
    if column is None:
        raise BadRow(f"none of {', '.join(COLUMNS)} (it has {names(row)})")
    asked = _asked(row[column], column)
    system = optional_text(row, "system") or asked.system
    reference = optional_text(row, "reference_answer")
    task = optional_text(row, "task")
    if task is not None and len(task) > 64:
        raise BadRow(f"'task' has {len(task)} characters, more than 64")
    return (PromptText(asked.text, system, asked.context, reference, task),)


def parse_attempts(row: Mapping[str, Any]) -> tuple[Attempted, ...]:
    """Parses one question with its two answers; other fields are ignored. Raises `BadRow`."""
    question, weak, strong = (text_of(row, name).strip() for name in ATTEMPT_COLUMNS)
    return (Attempted(PromptText(question), weak, strong),)


def _asked(value: Any, column: str) -> PromptText:
    """Returns the question; in a whole conversation it is the one before the last answer."""
    if not is_messages(value):
        return prompt_from(value, column)
    turns = messages(value, column)
    while turns and turns[-1].role is MessageRole.ASSISTANT:
        turns = turns[:-1]
    return prompt_of(turns, column)
