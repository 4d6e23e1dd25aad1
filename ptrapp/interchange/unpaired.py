"""Parses TRL's unpaired preference type (KTO): a prompt, a completion, and whether it is good."""

from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange.conversation import answer_of, is_messages, messages
from ptrapp.interchange.preferences import prompt_from
from ptrapp.interchange.records import Rated
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import names

_WORDS = {"true": True, "false": False, "1": True, "0": False}
"""A label as text in a CSV."""


def parse(row: Mapping[str, Any]) -> tuple[Rated, ...]:
    """Parses one labelled completion. Raises `BadRow`."""
    for name in ("prompt", "completion", "label"):
        if name not in row:
            raise BadRow(f"no {name!r} (it has {names(row)})")
    answer = row["completion"]
    if is_messages(answer):
        answer = answer_of(messages(answer, "completion"), "completion")
    prompt = prompt_from(row["prompt"], "prompt")
    return (Rated(prompt, completion(answer, "completion"), _label(row["label"])),)


def _label(value: Any) -> bool:
    if isinstance(value, str):
        value = _WORDS.get(value.strip().lower(), value)
    if value not in (True, False):
        raise BadRow(f"'label' is {str(value)[:40]!r} instead of true or false")
    return bool(value)
