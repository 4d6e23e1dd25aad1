"""Converts between lists of messages and prompts: system message, earlier turns, question."""

from collections.abc import Mapping, Sequence
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange.records import PromptText
from ptrapp.interchange.roles import ROLES, content_of, role_of, speaker_of
from ptrapp.interchange.thoughts import divided, response_of
from ptrapp.interchange.values import any_text, text

MAX_TURNS = 200
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")
"""Keys under which servers give the thought of an assistant's message beside its content, and names
of parts of the content that are one."""


def is_messages(value: Any) -> bool:
    """Returns whether a value looks like a list of messages."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def messages(value: Any, name: str) -> tuple[Message, ...]:
    """Parses a list of `{"role", "content"}` or `{"from", "value"}`. Raises `BadRow`.

    The thought of the last message comes before its content in `<think>`; those that earlier ones
    have beside their content are left out."""
    if not isinstance(value, list):
        raise BadRow(f"{name!r} is a {type(value).__name__} instead of a list of messages")
    if len(value) > MAX_TURNS:
        raise BadRow(f"{name!r} has {len(value)} messages, more than {MAX_TURNS}")
    found = [_message(one, f"{name}[{number}]") for number, one in enumerate(value)]
    if found and found[-1].role is MessageRole.ASSISTANT:
        found[-1] = _with_thought(found[-1], value[-1], f"{name}[{len(found) - 1}]")
    return tuple(found)


def without_thoughts(turns: Sequence[Message], name: str) -> tuple[Message, ...]:
    """Returns earlier turns without the assistant's thoughts, which chat templates leave out too.

    A turn of which it is not clear stays as it is: what was said before is asked, not learnt.
    """
    return tuple(
        _without_thought(turn, name) if turn.role is MessageRole.ASSISTANT else turn
        for turn in turns
    )


def _without_thought(turn: Message, name: str) -> Message:
    try:
        return Message(turn.role, response_of(turn.content, f"a turn of {name}"))
    except BadRow:
        return turn


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
    return PromptText(asked, system or None, without_thoughts(spoken[:-1], name))


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
    said = speaker_of(one)
    role = role_of(said)
    if role is None:
        raise BadRow(f"{name!r} has the role {str(said)[:40]!r}; known are {[*ROLES]}")
    if one.get("tool_calls") or one.get("function_call"):
        raise BadRow(f"{name!r} calls a tool, which cannot be stored")
    content = content_of(one)
    if isinstance(content, list):
        content = _joined(content, name)
    return Message(role, any_text(content, f"{name}.content"))


def _joined(parts: list[Any], name: str) -> str:
    """Returns the text of a message that is given in parts, without those that are a thought."""
    given = [
        (part.get("text") or ("" if _is_text(part) else None))
        if isinstance(part, Mapping)
        else part
        for part in parts
        if not _is_thought(part)
    ]
    texts = [one for one in given if isinstance(one, str)]
    if len(texts) < len(given):
        raise BadRow(f"{name!r} holds an image, a sound or a file; only texts can be stored")
    return "".join(texts)


def _is_text(part: Mapping[str, Any]) -> bool:
    """Returns whether a part is a text, which may be empty; an image without one is none."""
    return "text" in str(part.get("type") or "text") and isinstance(part.get("text"), str)


def _is_thought(part: Any) -> bool:
    """Returns whether a part of a message is of its thought, as `{"type": "reasoning"}` is."""
    return isinstance(part, Mapping) and (
        part.get("type") in _THOUGHTS or part.get("thought") is True
    )


def _with_thought(message: Message, given: Mapping[str, Any], name: str) -> Message:
    """Puts the thought that a message has beside its content before it, in `<think>`."""
    thought = _thought(given, name)
    if not thought or divided(message.content, name) is not None:
        return message
    content = f"<think>\n{thought}\n</think>\n\n{message.content}"
    split = divided(content, name)
    if split is None or split.thought != thought:
        raise BadRow(f"{name!r} has a thought that holds the marks of one; leave them out")
    return Message(message.role, content)


def _thought(message: Mapping[str, Any], name: str) -> str:
    """Returns the thought that a message gives beside its content, "" where it has none."""
    content = content_of(message)
    parts = filter(_is_thought, content) if isinstance(content, list) else ()
    given = next((message[key] for key in _THOUGHTS if message.get(key)), "")
    texts = [given, *(_text_of_thought(part) for part in parts)]
    found = [any_text(one, f"the thought of {name}").strip() for one in texts]
    return "\n\n".join(filter(None, found))


def _text_of_thought(part: Mapping[str, Any]) -> Any:
    """Returns the text of a part that is a thought; it may be a list of parts again."""
    given = next((part[key] for key in ("text", *_THOUGHTS) if part.get(key)), "")
    return _joined(given, "a thought") if isinstance(given, list) else given
