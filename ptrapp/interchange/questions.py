"""Parses questions under their usual column names: alone, or with an attempt and an answer."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import MessageRole
from ptrapp.interchange import prompt_columns
from ptrapp.interchange.conversation import is_messages, messages, prompt_of
from ptrapp.interchange.meaning import opposed
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.prompt_columns import PromptColumns, prompt_from
from ptrapp.interchange.records import Attempted, Found, PromptText, ReadPlan
from ptrapp.interchange.roles import role_of, speaker_of
from ptrapp.interchange.thoughts import response_of
from ptrapp.interchange.values import names, optional_text, text_of

COLUMNS = ("prompt", "question", "instruction", "messages", "conversations")
ATTEMPT_COLUMNS = ("question", "output1", "output2")
"""The PTR authors' columns: a question, a weak attempt and a strong answer."""
_JUDGED = re.compile(
    r"chosen|reject|winner|(^|_)(loser?|losing|wors[et])(_|$)|prefer|(^|_)labels?$|score|rating|(^|_)rank|^completions$|^responses$|^answers$"
    r"|better|safer|verdict|judg|(^|_)votes?$|helpfulness|kto_tag|annotations|desirable"
    r"|(response|answer|output|completion|conversation|reply|generation)_?([12ab0]|left|right)$",
    re.IGNORECASE,
)
_MAX_COMPARED = 100
"""Columns whose names are compared with one another."""
_ANSWERS = ("output", "response", "completion")
"""Columns of which a list is several answers: of two, LLaMA-Factory's better one comes first. A
list in `answer` is as often the right one in other words, as NQ-open has it."""
_PARTS = ("system", "system_prompt", "system_message")
_THOUGHT = "the thought of an attempt: attempts are stored without thoughts"
_ANSWERED = "the last answer of a conversation: only its question is a prompt"


def judged(profile: Profile) -> list[str]:
    """Returns the filled columns that hold what somebody preferred, as their names say."""
    texts = [name for name in profile.filled if not profile.columns[name].is_numeric]
    pairs = opposed(texts[:_MAX_COMPARED])
    several = [name for name in _ANSWERS if name in texts and profile.columns[name].n_turns]
    return [name for name in profile.filled if name in (*pairs, *several) or _JUDGED.search(name)]


def judged_beside(profile: Profile) -> list[str]:
    """Returns such columns beside those of attempts."""
    return [name for name in judged(profile) if name not in ATTEMPT_COLUMNS]


def plan(profile: Profile) -> ReadPlan:
    """Decides how a file of prompts is read."""
    columns = prompt_columns.decide(profile)
    used = (*columns.used, *COLUMNS, "reference_answer", "task", "held_out")
    return ReadPlan(lambda row: _read(row, columns), used)


def _read(row: Mapping[str, Any], columns: PromptColumns) -> Found:
    found = parse(row, columns)
    column = next(name for name in COLUMNS if row.get(name))
    last = row[column][-1] if is_messages(row[column]) else {}
    answered = role_of(speaker_of(last)) is MessageRole.ASSISTANT
    return Found(found, (_ANSWERED,) if answered else ())


def parse(row: Mapping[str, Any], columns: PromptColumns | None = None) -> tuple[PromptText, ...]:
    """Parses one prompt, with its reference answer where the row has one. Raises `BadRow`."""
    column = next((name for name in COLUMNS if row.get(name)), None)
    if column is None and (blank := [name for name in COLUMNS if name in row]):
        raise BadRow(f"{', '.join(map(repr, blank))}: empty")
    if column is None:
        raise BadRow(f"none of {', '.join(COLUMNS)} (it has {names(row)})")
    asked = _asked(row[column], column)
    beside = prompt_columns.input_beside(column, [name for name in row if row[name]])
    asked = replace(
        asked, text=prompt_columns.joined(asked.text, row, PromptColumns(column, beside))
    )
    system = next((name for name in _PARTS if row.get(name)), "")
    history = columns.history if columns else ""
    asked = prompt_columns.with_parts(asked, row, PromptColumns(system=system, history=history))
    reference = optional_text(row, "reference_answer")
    task = optional_text(row, "task")
    if task is not None and len(task) > 64:
        raise BadRow(f"'task' has {len(task)} characters, more than 64")
    held_out = _is_held_out(row)
    return (
        PromptText(asked.text, asked.system, asked.context, reference, task, held_out=held_out),
    )


def _is_held_out(row: Mapping[str, Any]) -> bool:
    """Returns whether a prompt is for measuring alone, as an export of prompts says. Raises
    `BadRow`."""
    value = row.get("held_out")
    said = "" if value is None else str(value).strip().lower()
    if said not in ("", "true", "false"):
        raise BadRow(f"'held_out' is {said[:40]!r} instead of true or false")
    return said == "true"


def plan_attempts(profile: Profile) -> ReadPlan:
    """Decides how a file of attempts is read: by its fixed columns."""
    return ReadPlan(_read_attempts, ATTEMPT_COLUMNS)


def _read_attempts(row: Mapping[str, Any]) -> Found:
    (found,) = parse_attempts(row)
    both = zip(ATTEMPT_COLUMNS[1:], (found.weak, found.strong), strict=True)
    n_thoughts = sum(row[name].strip() != answer for name, answer in both)
    return Found((found,), (_THOUGHT,) * n_thoughts)


def parse_attempts(row: Mapping[str, Any]) -> tuple[Attempted, ...]:
    """Parses one question with its two answers, which are stored without thoughts; other fields are
    ignored. Raises `BadRow`."""
    question = text_of(row, ATTEMPT_COLUMNS[0]).strip()
    weak, strong = (response_of(text_of(row, name), name).strip() for name in ATTEMPT_COLUMNS[1:])
    return (Attempted(PromptText(question), weak, strong),)


def _asked(value: Any, column: str) -> PromptText:
    """Returns the question; in a whole conversation it is the one before the last answer."""
    if not is_messages(value):
        return prompt_from(value, column)
    if any(isinstance(turn, Mapping) and "loss" in turn for turn in value):
        raise BadRow(f"{column!r} says what is learnt ('loss'): it is for a training, no question")
    turns = messages(value, column)
    while turns and turns[-1].role is MessageRole.ASSISTANT:
        turns = turns[:-1]
    return prompt_of(turns, column)
