"""Finds the turns of a prompt that come before the conversations beside it, or refuses to guess.

A prompt beside whole conversations may say the same once more, or begin what they go on from: with
a system message, or with earlier turns.
"""

from collections.abc import Sequence

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole

_NEXT = {
    (MessageRole.SYSTEM, MessageRole.USER),
    (MessageRole.USER, MessageRole.ASSISTANT),
    (MessageRole.ASSISTANT, MessageRole.USER),
}
"""Who speaks after whom."""


def before(
    asked: Sequence[Message], talks: Sequence[Sequence[Message]], names: tuple[str, str]
) -> tuple[Message, ...]:
    """Returns the turns of a prompt that come before the conversations; none where one holds it.

    Raises `BadRow` where they do not go on from the prompt. Worked example::

        system, user 1             | user 1, assistant  → system
        user 1, assistant          | user 2, assistant  → user 1, assistant
        user 1, assistant, user 2  | user 2, assistant  → user 1, assistant
        user 2                     | user 1, assistant, user 2, assistant  → none
    """
    mine = [_key(turn) for turn in asked]
    both = [[_key(turn) for turn in talk] for talk in talks]
    for its in both:
        if any(its[n : n + len(mine)] == mine for n in range(len(its))):
            return ()
    for its in both:
        for n in range(min(len(mine), len(its)), 0, -1):
            if mine[-n:] == its[:n]:
                return tuple(asked[:-n])
    first = both[0][0]
    # A question that the prompt has too may have been asked twice, or answered a third time.
    is_new = first[0] is not MessageRole.USER or first not in mine
    if (mine[-1][0], first[0]) in _NEXT and is_new:
        return tuple(asked)
    prompt, talk = names
    raise BadRow(
        f"{prompt!r} is no part of {talk!r}, which does not go on from it either; leave {prompt!r} "
        "out where the conversations are whole, or give the answers alone"
    )


def _key(turn: Message) -> tuple[MessageRole, str]:
    return turn.role, turn.content.strip()
