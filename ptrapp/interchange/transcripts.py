"""Parses transcripts as in HH-RLHF: a conversation in one text, each turn under its speaker."""

import re

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole

_TURN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": MessageRole.USER, "Assistant": MessageRole.ASSISTANT}


def is_transcript(value: object) -> bool:
    """Returns whether a text begins as a transcript does, with a turn of the human."""
    return isinstance(value, str) and value.lstrip().startswith("Human:")


def turns(value: str, name: str) -> tuple[Message, ...]:
    r"""Splits a transcript into turns; an empty last turn of the assistant is left out.

    >>> [turn.content for turn in turns("\n\nHuman: Hi\n\nAssistant: Hello", "chosen")]
    ['Hi', 'Hello']
    """
    heads = list(_TURN.finditer(value))
    if not heads or value[: heads[0].start()].strip():
        raise BadRow(f"{name!r} is no transcript: it does not begin with 'Human:'")
    ends = [head.start() for head in heads[1:]] + [len(value)]
    turns_ = tuple(
        Message(_ROLES[head[1]], value[head.end() : end].strip())
        for head, end in zip(heads, ends, strict=True)
    )
    return turns_[:-1] if turns_[-1] == Message(MessageRole.ASSISTANT, "") else turns_
