"""Parses TRL's preference types: standard or conversational, with an explicit or implicit prompt.

https://huggingface.co/docs/trl/dataset_formats; HH-RLHF's transcripts are such rows too.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Message, MessageRole, Preference
from ptrapp.interchange import native, transcripts
from ptrapp.interchange.conversation import answer_of, is_messages, messages, prompt_of
from ptrapp.interchange.records import GivenLabel, JudgedPair, PromptText
from ptrapp.interchange.thoughts import completion
from ptrapp.interchange.values import any_text, optional_text, text, text_of

_MARKS = re.compile(r"(?:Assistant|ASSISTANT|Answer|Response|A):\s?|<\|assistant\|>\n?|\n+")
"""Where an answer may begin in plain text: after a speaker's name, or on a new line."""


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Parses one preference, the chosen completion on the left. Raises `BadRow`."""
    if native.COLUMN in row:
        return (native.parse(row),)
    prompt, chosen, rejected = _parts(row)
    left, right = completion(chosen, "chosen"), completion(rejected, "rejected")
    if left.raw.strip() == right.raw.strip():
        raise BadRow("'chosen' and 'rejected' are the same text")
    if (strength := row.get("strength", 1)) not in (1, 2, 3) or isinstance(strength, bool):
        raise BadRow(f"'strength' is {strength!r} instead of 1, 2 or 3")
    preference = Preference(Choice.LEFT, int(strength))
    label = GivenLabel(preference, rationale=optional_text(row, "rationale"))
    return (JudgedPair(prompt, left, right, (label,)),)


def _parts(row: Mapping[str, Any]) -> tuple[PromptText, str, str]:
    """Returns prompt, chosen and rejected text of any of the types."""
    for name in ("chosen", "rejected"):
        if name not in row:
            text_of(row, name)
    chosen, rejected = row["chosen"], row["rejected"]
    if is_messages(chosen) or is_messages(rejected):
        return _conversational(row)
    chosen, rejected = any_text(chosen, "chosen"), any_text(rejected, "rejected")
    if transcripts.is_transcript(chosen):
        sides = transcripts.turns(chosen, "chosen"), transcripts.turns(rejected, "rejected")
        return _shared(*sides)
    if row.get("prompt") is None:
        return _shared_text(chosen, rejected)
    return prompt_from(row["prompt"], "prompt"), chosen, rejected


def prompt_from(value: Any, name: str) -> PromptText:
    """Parses a prompt of any form: messages, a transcript, or a text."""
    if is_messages(value):
        return prompt_of(messages(value, name), name)
    if transcripts.is_transcript(value):
        return prompt_of(transcripts.turns(any_text(value, name), name), name)
    return PromptText(text(value, name).strip())


def _conversational(row: Mapping[str, Any]) -> tuple[PromptText, str, str]:
    chosen, rejected = (messages(row[name], name) for name in ("chosen", "rejected"))
    if row.get("prompt") is None:
        return _shared(chosen, rejected)
    if len(chosen) > 1 and len(rejected) > 1:  # the prompt beside whole conversations
        return _shared(chosen, rejected)
    prompt = prompt_from(row["prompt"], "prompt")
    return prompt, answer_of(chosen, "chosen"), answer_of(rejected, "rejected")


def _shared(chosen: Sequence[Message], rejected: Sequence[Message]) -> tuple[PromptText, str, str]:
    """Splits an implicit prompt, the common beginning, from the one answer of each."""
    n_shared = 0
    for mine, other in zip(chosen, rejected, strict=False):
        if mine != other:
            break
        n_shared += 1
    if n_shared == len(chosen) == len(rejected):
        raise BadRow("'chosen' and 'rejected' are the same conversation")
    if len(chosen) != n_shared + 1 or len(rejected) != n_shared + 1:
        raise BadRow("'chosen' and 'rejected' part before the last answer")
    if (
        chosen[-1].role is not MessageRole.ASSISTANT
        or rejected[-1].role is not MessageRole.ASSISTANT
    ):
        raise BadRow("'chosen' and 'rejected' do not both end with an answer of the assistant")
    prompt = prompt_of(chosen[:n_shared], "the part that chosen and rejected share")
    return prompt, chosen[-1].content, rejected[-1].content


def _shared_text(chosen: str, rejected: str) -> tuple[PromptText, str, str]:
    """Splits an implicit prompt, the common beginning up to the end of a turn or a word."""
    both = zip(chosen, rejected, strict=False)
    n_alike = next((n for n, (mine, other) in enumerate(both) if mine != other), None)
    shared = chosen[:n_alike] if n_alike is not None else min(chosen, rejected, key=len)
    marks = [mark.end() for mark in _MARKS.finditer(shared) if shared[: mark.start()].strip()]
    end = marks[-1] if marks else shared.rfind(" ") + 1
    asked = shared[:end].strip()
    if not asked:
        raise BadRow("there is no 'prompt', and 'chosen' and 'rejected' do not begin alike")
    return PromptText(asked), chosen[end:], rejected[end:]
