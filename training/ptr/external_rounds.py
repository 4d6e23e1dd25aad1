"""Turns texts that no engine of ours generated into rounds in the policy's format, without ids."""

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
    """Returns the row of a text; with a thought it is a thinking round, else a direct answer.

    >>> from ptrapp.core.thoughts import TINY
    >>> external_round(TINY, 1, "solver", "1 + 1 = 2.", "It is 2.", correct=True).raw
    '<T> 1 + 1 = 2.<R> It is 2.'
    """
    raw = fmt.write(thought, response)
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
