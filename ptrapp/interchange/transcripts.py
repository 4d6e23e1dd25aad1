"""Transcripts as HH-RLHF has them: a whole conversation in one text, turns under their names."""

import re

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole

_TURN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": MessageRole.USER, "Assistant": MessageRole.ASSISTANT}


def is_transcript(value: object) -> bool:
    """Whether a text begins as a transcript does: with what the human said."""
    return isinstance(value, str) and value.lstrip().startswith("Human:")


def turns(value: str, name: str) -> tuple[Message, ...]:
    r"""Take a transcript apart; a last turn without text is the one to be written.

    >>> [turn.content for turn in turns("\n\nHuman: Hi\n\nAssistant: Hello", "chosen")]
    ['Hi', 'Hello']
    """
    heads = list(_TURN.finditer(value))
    if not heads or value[: heads[0].start()].strip():
        raise BadRow(f"{name!r} is no transcript: it does not begin with 'Human:'")
    ends = [head.start() for head in heads[1:]] + [len(value)]
    said = tuple(
        Message(_ROLES[head[1]], value[head.end() : end].strip())
        for head, end in zip(heads, ends, strict=True)
    )
    return said[:-1] if said[-1] == Message(MessageRole.ASSISTANT, "") else said
