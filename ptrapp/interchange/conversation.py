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
    "human": MessageRole.USER,
    "prompter": MessageRole.USER,
    "assistant": MessageRole.ASSISTANT,
    "gpt": MessageRole.ASSISTANT,
    "model": MessageRole.ASSISTANT,
    "bot": MessageRole.ASSISTANT,
}
"""Roles of OpenAI's messages, ShareGPT's (`human`, `gpt`) and OASST's (`prompter`)."""
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")
"""Keys under which servers give the thought of an assistant's message beside its content."""


def is_messages(value: Any) -> bool:
    """Returns whether a value looks like a list of messages."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def messages(value: Any, name: str) -> tuple[Message, ...]:
    """Parses a list of `{"role", "content"}` or `{"from", "value"}`. Raises `BadRow`.

    The thought of the last message comes before its content in `<think>`; those of earlier ones are
    left out, as chat templates do."""
    if not isinstance(value, list):
        raise BadRow(f"{name!r} is a {type(value).__name__} instead of a list of messages")
    if len(value) > MAX_TURNS:
        raise BadRow(f"{name!r} has {len(value)} messages, more than {MAX_TURNS}")
    found = [_message(one, f"{name}[{number}]") for number, one in enumerate(value)]
    if found and (thought := _thought(value[-1])) and found[-1].role is MessageRole.ASSISTANT:
        found[-1] = Message(
            MessageRole.ASSISTANT, f"<think>\n{thought}\n</think>\n\n{found[-1].content}"
        )
    return tuple(found)


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
    said = one.get("role", one.get("from"))
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise BadRow(f"{name!r} has the role {str(said)[:40]!r}; known are {[*_ROLES]}")
    if one.get("tool_calls") or one.get("function_call"):
        raise BadRow(f"{name!r} calls a tool, which cannot be stored")
    content = one.get("content", one.get("value"))
    if isinstance(content, list):
        content = _joined(content, name)
    return Message(role, any_text(content, f"{name}.content"))


def _joined(parts: list[Any], name: str) -> str:
    """Returns the text of a message that is given in parts."""
    given = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    texts = [one for one in given if isinstance(one, str)]
    if len(texts) < len(given):
        raise BadRow(f"{name!r} holds an image, a sound or a file; only texts can be stored")
    return "".join(texts)


def _thought(one: Mapping[str, Any]) -> str:
    """Returns the thought that a message gives beside its content, "" where it has none."""
    if "<think>" in str(one.get("content", "")):
        return ""
    given = next((one[key] for key in _THOUGHTS if one.get(key)), "")
    return any_text(given, "reasoning_content").strip()
