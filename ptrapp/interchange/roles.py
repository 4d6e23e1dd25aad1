"""Knows the speakers of foreign conversations by their names, and what a turn of one looks like."""

from collections.abc import Mapping
from typing import Any

from ptrapp.core.types import MessageRole

ROLES = {
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
OTHERS = ("tool", "function", "function_call", "observation", "ipython")
"""Roles of turns that cannot be stored; a list with one is a conversation all the same."""
SPEAKER_KEYS = ("role", "from")
CONTENT_KEYS = ("content", "value", "text")
"""OpenAI's key, ShareGPT's, and that of processed transcripts."""


def speaker_of(turn: Mapping[str, Any]) -> Any:
    """Returns what a turn calls its speaker, None where it does not say."""
    for key in SPEAKER_KEYS:
        if (said := turn.get(key)) is not None:
            return said
    return None


def content_of(turn: Mapping[str, Any]) -> Any:
    """Returns what was said, under any of its names; None where there is nothing."""
    for key in CONTENT_KEYS:
        if (said := turn.get(key)) is not None:
            return said
    return None


def role_of(said: Any) -> MessageRole | None:
    """Returns the role of a speaker, in capitals or not; None for an unknown one.

    >>> role_of("User"), role_of("Paris")
    (<MessageRole.USER: 'user'>, None)
    """
    return ROLES.get(said.strip().lower()) if isinstance(said, str) else None


def is_turn(value: Any) -> bool:
    """Returns whether a value is what a known speaker said."""
    if not isinstance(value, Mapping):
        return False
    said = speaker_of(value)
    known = role_of(said) is not None or (isinstance(said, str) and said.lower() in OTHERS)
    return known and isinstance(content_of(value), str | list)


def are_turns(value: Any) -> bool:
    """Returns whether a value is a list of turns: all with a speaker, and a known one among them.

    A list of flights `from` somewhere is none.
    """
    return (
        isinstance(value, list)
        and all(isinstance(one, Mapping) and isinstance(speaker_of(one), str) for one in value)
        and any(map(is_turn, value))
    )
