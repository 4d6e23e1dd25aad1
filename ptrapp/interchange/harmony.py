"""Reads completions in OpenAI's harmony format: thoughts in one channel, the answer in another.

https://cookbook.openai.com/articles/openai-harmony; without its special tokens the names of the
channels stand glued to the texts, `analysis…assistantfinal…`.
"""

import re

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Split

_BEGINS = re.compile(r"\s*(?:<\|start\|>assistant\s*)?<\|channel\|>")
_WHOLE = re.compile(r"\s*<\|start\|>(?:system|developer|user)<\|message\|>(?! )")
_HEAD = re.compile(
    r"(?:<\|(?:end|return)\|>\s*)?(?:<\|start\|>assistant\s*)?"
    r"<\|channel\|>\s*(?P<channel>[^<\n]{0,80})[^\n]{0,200}?<\|message\|>"
)
_BARE = re.compile(r"\s*analysis(?=\S)(?P<thought>.+?)assistantfinal(?P<response>.+)", re.DOTALL)
_THOUGHT, _ANSWER = "analysis", "final"


def divided(raw: str, name: str) -> Split | None:
    """Returns thought and response, None for a text of another format. Raises `BadRow`.

    >>> divided("<|channel|>analysis<|message|>2+2<|end|><|channel|>final<|message|>4", "chosen")
    Split(thought='2+2', response='4', well_formed=True)
    """
    if bare := _BARE.match(raw):
        return Split(bare["thought"].strip(), bare["response"].strip(), True)
    if not _BEGINS.match(raw):
        if _WHOLE.match(raw):
            raise BadRow(f"{name!r} begins with a turn of another one; give the answer alone")
        return None
    heads = list(_HEAD.finditer(raw))
    if not heads or raw[: heads[0].start()].strip():
        return Split("", "", False)  # a beginning that names no channel, so no answer either
    ends = [head.start() for head in heads[1:]] + [len(raw)]
    said: dict[str, list[str]] = {_THOUGHT: [], _ANSWER: []}
    for head, end in zip(heads, ends, strict=True):
        channel = head["channel"].strip()
        if channel not in said:
            raise BadRow(
                f"{name!r} has the channel {channel[:40]!r}; only {_THOUGHT} and {_ANSWER} can be "
                "stored"
            )
        body = raw[head.end() : end].strip().removesuffix("<|end|>").removesuffix("<|return|>")
        said[channel].append(body.strip())
    thought, response = ("\n\n".join(filter(None, texts)) for texts in said.values())
    return Split(thought, response, bool(thought and response))
