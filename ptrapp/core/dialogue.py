"""Builds messages and prompt ids from a prompt and its history, for serving and training alike."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Protocol, Self

from jinja2 import TemplateError

from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import History, Message, MessageRole

REFINE_INSTRUCTION = "Check your answer and improve it."
"""The user turn between two rounds (PTR section 1.5: one fixed sentence, the same each round)."""


class HistoryMode(StrEnum):
    """Which of the earlier rounds are shown to a later one (PTR section 1.5 has both)."""

    FULL = "full"
    """All of them."""
    LAST = "last"
    """The last one alone, so that the context stays short with many rounds."""


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """How the earlier rounds are shown to a later one, the same in serving, training and exports.

    They are stored with the settings of a run, so that training shows what was shown in serving.
    """

    refine_instruction: str = REFINE_INSTRUCTION
    """The user turn between two rounds."""
    keep_thoughts: bool = True
    """Whether earlier rounds are shown with their thoughts; False shows their responses alone."""
    history_mode: HistoryMode = HistoryMode.FULL
    """Which of the earlier rounds are shown."""

    def as_settings(self) -> dict[str, Any]:
        return asdict(self) | {"history_mode": self.history_mode.value}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Reads the options from the settings of a run; missing ones have their default.

        >>> HistoryOptions.from_settings({"n": 3, "history_mode": "last"}).history_mode
        <HistoryMode.LAST: 'last'>
        """
        stored = {name: settings[name] for name in HISTORY_SETTINGS if name in settings}
        if "history_mode" in stored:
            stored["history_mode"] = HistoryMode(stored["history_mode"])
        return cls(**stored)


HISTORY_SETTINGS = tuple(field.name for field in fields(HistoryOptions))
"""The names of these options among the settings of a run."""
FULL_HISTORY = HistoryOptions()
"""All earlier rounds with their thoughts, and the default instruction between them."""


class ChatTokenizer(Protocol):
    """The part of a `transformers` tokenizer used here."""

    def apply_chat_template(self, conversation: list[dict[str, str]], **kwargs: Any) -> Any: ...


def build_messages(
    prompt: str,
    history: History,
    fmt: ThoughtFormat,
    thinking: bool,
    *,
    system: str | None = None,
    context: Sequence[Message] = (),
    shown: HistoryOptions = FULL_HISTORY,
) -> tuple[Message, ...]:
    """Returns the chat a policy is to continue; `context` is the conversation the prompt ends.

    Worked example, two earlier rounds::

        user: prompt | assistant: round 1 | user: refine | assistant: round 2 | user: refine

    and with `HistoryMode.LAST`::

        user: prompt | assistant: round 2 | user: refine

    `shown.keep_thoughts=False` shows only the responses of earlier rounds.
    """
    asks = " ".join(part for part in (system, fmt.system if thinking else None) if part)
    messages = [Message(MessageRole.SYSTEM, asks)] if asks else []
    messages += context
    query = fmt.user_template.replace("{query}", prompt) if thinking else prompt
    messages.append(Message(MessageRole.USER, query))
    for turn in history[-1:] if shown.history_mode is HistoryMode.LAST else history:
        text = turn.raw if shown.keep_thoughts else fmt.write("", turn.response)
        messages.append(Message(MessageRole.ASSISTANT, text))
        messages.append(Message(MessageRole.USER, shown.refine_instruction))
    return tuple(messages)


def stored_messages(rows: Sequence[Mapping[str, str]]) -> tuple[Message, ...]:
    """Returns the stored turns of a conversation as messages."""
    return tuple(Message.from_dict(row) for row in rows)


def conversation_text(prompt: str, context: Sequence[Mapping[str, str]]) -> str:
    r"""Returns a prompt and the conversation it ends as one text, as a judge reads it.

    >>> conversation_text("And now?", [{"role": "user", "content": "Hi"}])
    'User: Hi\n\nUser: And now?'
    """
    if not context:
        return prompt
    turns = [*context, {"role": MessageRole.USER.value, "content": prompt}]
    return "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns)


def prompt_ids(tokenizer: ChatTokenizer, messages: Sequence[Message], thinking: bool) -> list[int]:
    """Returns the token ids before the completion, generation prompt included, (T,).

    For a template that refuses a system message (Gemma's does) it is put before the first user
    turn, where such models were trained to find it.
    """
    try:
        return _templated(tokenizer, messages, thinking)
    except TemplateError:
        folded = fold_system(messages)
        if folded == tuple(messages):
            raise
        return _templated(tokenizer, folded, thinking)


def fold_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Moves a system message to the start of the user turn after it; other chats stay unchanged."""
    if len(messages) < 2 or messages[0].role is not MessageRole.SYSTEM:
        return tuple(messages)
    system, first, *others = messages
    return (Message(first.role, f"{system.content}\n\n{first.content}"), *others)


def _templated(tokenizer: ChatTokenizer, messages: Sequence[Message], thinking: bool) -> list[int]:
    ids = tokenizer.apply_chat_template(
        [message.as_dict() for message in messages],
        tokenize=True,
        add_generation_prompt=True,
        enable_thinking=thinking,
        return_dict=False,
    )
    return list(ids)
