"""Assembles a prompt from the columns that hold its parts: question, input, system, history.

`instruction` and `input` are Alpaca's, `history` (pairs of user and assistant) LLaMA-Factory's:
https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md. Preference-Collection has
`orig_instruction` for `orig_response_A`, and a judge's own task in `instruction`:
https://huggingface.co/datasets/prometheus-eval/Preference-Collection
"""

import re
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

_LONG_CHARS = 20
"""A text as long does not stand in another one by chance."""
NAMES = (
    "prompt", "question", "instruction", "query", "messages", "conversations", "conversation",
    "context", "chat", "input", "history", "document", "source_text", "post",
)  # fmt: skip
_SYSTEM = ("system", "system_prompt", "system_message")
_ORIGINAL = "orig_"
"""What the names of columns begin with that hold the data, beside those of a judge's task."""
_BESIDE = (
    "context", "input", "document", "source_text", "post", "history", "instruction", "question",
)  # fmt: skip
"""Columns that may hold a part of the prompt where another one is read as the prompt."""
_HELD = ("messages", "full_text")
"""Keys of an object that holds a prompt: OpenAI's, and WebGPT's."""


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
    """Returns the columns of a file's prompts: the first usual name that rows fill is taken.

    Texts in columns of the original data answer a prompt that is in one too.
    """
    free = [name for name in profile.filled if name not in taken]
    answers = [name for name in taken if name]
    is_original = bool(answers) and all(name.startswith(_ORIGINAL) for name in answers)
    originals = [_ORIGINAL + name for name in NAMES] if is_original else []
    prompt = next((name for name in (*originals, *NAMES) if name in free), "")
    own_input = input_beside(prompt, [name for name in free if profile.columns[name].n_texts])
    system = next((name for name in _SYSTEM if name in free), "")
    listed = "history" in free and profile.columns["history"].n_lists
    return PromptColumns(
        prompt, own_input, system, "history" if listed and prompt != "history" else ""
    )


def input_beside(prompt: str, filled: Collection[str]) -> str:
    """Returns the column that is joined to the prompt's, "" where there is none.

    A `prompt` beside an `instruction` is one that was written out, its input too.
    """
    name = prompt.removeprefix(_ORIGINAL)
    begin = prompt.removesuffix(name)
    is_joined = name == "instruction" or (name == "prompt" and f"{begin}instruction" not in filled)
    return f"{begin}input" if is_joined and f"{begin}input" in filled else ""


def not_read(unused: Collection[str], used: Collection[str]) -> str:
    """Returns a sentence about columns that may hold a part of the prompt and are not read."""
    prompt = next((name for name in (*NAMES, *used) if name in used), "")
    beside = [name for name in _BESIDE if name in unused]
    if not beside:
        return ""
    are, them = ("is", "both") if len(beside) == 1 else ("are", "all")
    return (
        f"{', '.join(beside)} {are} not read: the prompt is {prompt} alone; write {them} into one "
        "column called prompt where the answers need it"
    )


def read(row: Mapping[str, Any], columns: PromptColumns) -> PromptText:
    """Returns the prompt of a row. Raises `BadRow`."""
    if row.get(columns.prompt) in (None, ""):
        raise BadRow(f"no {columns.prompt or 'prompt'!r}, the column of the prompt")
    prompt = prompt_from(row[columns.prompt], columns.prompt)
    prompt = replace(prompt, text=joined(prompt.text, row, columns))
    return with_parts(prompt, row, columns)


def joined(asked: str, row: Mapping[str, Any], columns: PromptColumns) -> str:
    """Returns a question with the row's input behind a blank line; a `prompt` may hold it."""
    more = (optional_text(row, columns.input) or "").strip() if columns.input else ""
    is_held = columns.prompt.endswith("prompt") and _holds(asked, more)
    return f"{asked}\n\n{more}" if more and not is_held else asked


def _holds(asked: str, more: str) -> bool:
    """Returns whether a prompt holds an input, whatever blanks stand between their words.

    A short one is held where the prompt quotes it or ends in it: `Translate: Hello` holds Hello,
    and `Add the 1.` may need a 1.
    """
    if f"\n{more}\n" in f"\n{asked}\n":
        return True
    mine, its = (" ".join(one.split()) for one in (asked, more))
    if min(len(mine), len(its)) >= _LONG_CHARS:
        return its in mine or mine in its
    return re.search(rf"[:\"'`>“«]\s*{re.escape(its)}(?:[\"'`”»]|</\w+>|$)", mine) is not None


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
    return prompt_of(_turns(value, name), name)


def turns(
    row: Mapping[str, Any], columns: PromptColumns, known: Collection[str]
) -> tuple[Message, ...]:
    """Returns the turns of a row's prompt and history, whoever spoke last; none where it has none.

    A text that is `known` is one turn, whatever it looks like. Objects that are no messages, as
    pairs of `input` and `output`, are none.
    """
    earlier = row.get(columns.history) if columns.history else None
    found = _history(earlier, columns.history) if earlier else ()
    value = row.get(columns.prompt) if columns.prompt else None
    if isinstance(value, str) and value:
        value = joined(value.strip(), row, columns)
    if isinstance(value, str) and value in known:
        found += (Message(MessageRole.USER, value),)
    elif value and not (is_messages(value) and {"role", "from"}.isdisjoint(value[0])):
        is_pairs = isinstance(value, list) and not is_messages(value)
        found += (_history if is_pairs else _turns)(value, columns.prompt)
    if not earlier:
        return found
    return tuple(sorted(found, key=lambda turn: turn.role is not MessageRole.SYSTEM))


def _turns(value: Any, name: str) -> tuple[Message, ...]:
    if (held := object_in(value, _HELD, name)) is not None:
        inner = next(key for key in _HELD if key in held)
        return _turns(held[inner], f"{name}.{inner}")
    if isinstance(value, Mapping):
        raise BadRow(f"{name!r} is a dict instead of a text or a list of messages")
    if is_messages(value):
        return messages(value, name)
    if transcripts.is_transcript(value):
        return transcripts.turns(any_text(value, name), name)
    return (Message(MessageRole.USER, text(value, name).strip()),)


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
