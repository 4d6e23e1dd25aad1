"""Assembles a prompt from the columns that hold its parts: question, input, system, history.

`instruction` and `input` are Alpaca's, `history` (pairs of user and assistant) LLaMA-Factory's:
https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange import transcripts
from ptrapp.interchange.cells import object_in
from ptrapp.interchange.conversation import (
    is_messages,
    messages,
    prompt_of,
    without_thoughts,
)
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.records import PromptText
from ptrapp.interchange.values import any_text, optional_text, text

NAMES = (
    "prompt", "question", "instruction", "query", "messages", "conversations", "conversation",
    "context", "chat", "input", "history", "document", "source_text", "post",
)  # fmt: skip
_SYSTEM = ("system", "system_prompt", "system_message")


class PromptColumns(NamedTuple):
    """The columns of a prompt's parts, "" where a file has none."""

    prompt: str = ""
    input: str = ""
    system: str = ""
    history: str = ""

    @property
    def used(self) -> tuple[str, ...]:
        return tuple(name for name in self if name)


def decide(profile: Profile, taken: Collection[str] = ()) -> PromptColumns:
    """Returns the columns of a file's prompts: the first usual name that rows fill is taken."""
    free = [name for name in profile.filled if name not in taken]
    prompt = next((name for name in NAMES if name in free), "")
    own_input = "input" if prompt == "instruction" and "input" in free else ""
    system = next((name for name in _SYSTEM if name in free), "")
    listed = "history" in free and profile.columns["history"].n_lists
    return PromptColumns(
        prompt, own_input, system, "history" if listed and prompt != "history" else ""
    )


def read(row: Mapping[str, Any], columns: PromptColumns) -> PromptText:
    """Returns the prompt of a row. Raises `BadRow`."""
    if row.get(columns.prompt) in (None, ""):
        raise BadRow(f"no {columns.prompt or 'prompt'!r}, the column of the prompt")
    prompt = prompt_from(row[columns.prompt], columns.prompt)
    if columns.input and (more := optional_text(row, columns.input)):
        prompt = replace(prompt, text=f"{prompt.text}\n\n{more.strip()}")
    return with_parts(prompt, row, columns)


def with_parts(prompt: PromptText, row: Mapping[str, Any], columns: PromptColumns) -> PromptText:
    """Adds the system message and the earlier turns that a row holds in columns of their own."""
    system = optional_text(row, columns.system) if columns.system else None
    if system and prompt.system and system.strip() != prompt.system:
        raise BadRow(f"{columns.system!r} and the messages have different system messages")
    if columns.history and row.get(columns.history):
        earlier = _history(row[columns.history], columns.history)
        prompt = replace(prompt, context=earlier + prompt.context)
    return replace(prompt, system=(system or "").strip() or prompt.system)


def prompt_from(value: Any, name: str) -> PromptText:
    """Parses a prompt of any form: messages, an object with them, a transcript, or a text."""
    if (
        isinstance(value, str)
        and (held := object_in(value))
        and ("messages" in held or "full_text" in held)
    ):
        value = held
    if isinstance(value, Mapping):
        inner = next((key for key in ("messages", "full_text") if key in value), None)
        if inner is None:
            raise BadRow(f"{name!r} is a dict instead of a text or a list of messages")
        return prompt_from(value[inner], f"{name}.{inner}")
    if is_messages(value):
        return prompt_of(messages(value, name), name)
    if transcripts.is_transcript(value):
        return prompt_of(transcripts.turns(any_text(value, name), name), name)
    return PromptText(text(value, name).strip())


def _history(value: Any, name: str) -> tuple[Message, ...]:
    if is_messages(value):
        return without_thoughts(messages(value, name), name)
    if not isinstance(value, list):
        raise BadRow(f"{name!r} is a {type(value).__name__} instead of a list of turns")
    found: list[Message] = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadRow(
                f"{name!r} holds something else than pairs of a user's and an assistant's turn"
            )
        for role, turn in zip((MessageRole.USER, MessageRole.ASSISTANT), pair, strict=True):
            found.append(Message(role, any_text(turn, name)))
    return without_thoughts(found, name)
