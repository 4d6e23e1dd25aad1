"""Texts that no engine of ours wrote, as rounds of the policy's: with its marks, without ids."""

from db.content.rounds import NewRound
from ptrapp.core.thoughts import ThoughtFormat, split


def external_round(
    fmt: ThoughtFormat,
    index: int,
    author: str,
    thought: str,
    response: str,
    *,
    correct: bool | None,
) -> NewRound:
    """The row of a text; with a thought it is a thinking round, else a direct answer.

    >>> from ptrapp.core.thoughts import TINY
    >>> told(TINY, 1, "solver", "1 + 1 = 2.", "It is 2.", correct=True).raw
    '<T> 1 + 1 = 2.<R> It is 2.'
    """
    if thought:
        raw = f"{fmt.thought_marker} {thought}{fmt.response_marker} {response}".lstrip()
    else:
        raw = f"{fmt.prefill_direct} {response}".lstrip()
    parts = split(raw, fmt, bool(thought))
    return NewRound(
        index=index,
        parent_id=None,
        author=author,
        thinking=bool(thought),
        thought=parts.thought,
        response=parts.response,
        raw=raw,
        well_formed=parts.well_formed,
        sampling={},
        seed=0,
        n_thought_tokens=0,
        n_response_tokens=0,
        finish_reason="stop",
        correct=correct,
    )
