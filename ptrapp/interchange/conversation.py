"""Converts between lists of messages and prompts: system message, earlier turns, question."""

from collections.abc import Mapping, Sequence
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange.records import PromptText
from ptrapp.interchange.values import any_text, text

MAX_TURNS = 200
_ROLES = {
    "system": MessageRole.SYSTEM,
    "developer": MessageRole.SYSTEM,
    "user": MessageRole.USER,
    "assistant": MessageRole.ASSISTANT,
}


def is_messages(value: Any) -> bool:
    """Returns whether a value looks like a list of messages."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def messages(value: Any, name: str) -> tuple[Message, ...]:
    """Parses a list of `{"role", "content"}`. Raises `BadRow` that names the wrong one."""
    if not isinstance(value, list):
        raise BadRow(f"{name!r} is a {type(value).__name__} instead of a list of messages")
    if len(value) > MAX_TURNS:
        raise BadRow(f"{name!r} has {len(value)} messages, more than {MAX_TURNS}")
    return tuple(_message(one, f"{name}[{number}]") for number, one in enumerate(value))


def prompt_of(turns: Sequence[Message], name: str) -> PromptText:
    """Returns the prompt that a list of messages ends in.

    Worked example::

        system: Be brief. | user: 1 + 1? | assistant: 2 | user: and 1 more?
        → system "Be brief.", context (user, assistant), text "and 1 more?"
    """
    n_system = 0
    while n_system < len(turns) and turns[n_system].role is MessageRole.SYSTEM:
        n_system += 1
    spoken = turns[n_system:]
    if not spoken or spoken[-1].role is not MessageRole.USER:
        raise BadRow(f"{name!r} does not end with what a user said")
    if any(turn.role is MessageRole.SYSTEM for turn in spoken):
        raise BadRow(f"{name!r} has a system message in the middle")
    system = "\n\n".join(turn.content for turn in turns[:n_system]).strip()
    asked = text(spoken[-1].content, f"the last turn of {name}")
    return PromptText(asked, system or None, tuple(spoken[:-1]))


def answer_of(turns: Sequence[Message], name: str) -> str:
    """Returns the text of a completion, which is one assistant message."""
    if len(turns) != 1 or turns[0].role is not MessageRole.ASSISTANT:
        roles = ", ".join(turn.role for turn in turns) or "none"
        raise BadRow(f"{name!r} must be one message of the assistant; it has: {roles}")
    return turns[0].content


def as_messages(prompt: PromptText) -> list[dict[str, str]]:
    """Returns the messages of a prompt, the inverse of `prompt_of`."""
    system = [Message(MessageRole.SYSTEM, prompt.system)] if prompt.system else []
    turns = (*system, *prompt.context, Message(MessageRole.USER, prompt.text))
    return [turn.as_dict() for turn in turns]


def _message(one: Any, name: str) -> Message:
    if not isinstance(one, Mapping):
        raise BadRow(f"{name!r} is a {type(one).__name__} instead of a message")
    role = _ROLES.get(one["role"]) if isinstance(one.get("role"), str) else None
    if role is None:
        raise BadRow(f"{name!r} has the role {str(one.get('role'))[:40]!r}; known are {[*_ROLES]}")
    return Message(role, any_text(one.get("content"), f"{name}.content"))
