"""Labelling: next, undo, vote, skip, flag, reason, reveal, diff."""

from typing import Annotated

from pydantic import Field

from ptrapp.api.access import Asking
from ptrapp.api.answers import BothSides, Changes, Flagged, Skipped, StoredAnswer, Undone, Voted
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id, Key
from ptrapp.core.types import Choice
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import answering


class Next(Body):
    """How many comparisons, and what the page holds already."""

    n: int = Field(1, ge=1, le=answering.MAX_AT_ONCE)
    """How many."""
    have: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=50)
    """Keys of comparisons held already."""
    tab: str = Field("", max_length=64)
    """A random name of the page or program: two of one person are given different comparisons."""


class LabelDecision(Body):
    """An answer, in terms of the screen."""

    outcome: Choice
    """Which side is better, as they were shown."""
    strength: int = Field(1, ge=1, le=3)
    """1 better, 2 much better, 3 very much better."""
    decided_ms: int | None = Field(None, ge=0, le=86_400_000)
    """How long it took."""
    client: str = Field("", max_length=32)
    """Which page or program asks."""


class Undo(Body):
    key: str = Field(min_length=8, max_length=64)
    """A random name of this undo: sent twice, it undoes one vote."""
    tab: str = Field("", max_length=64)
    """The page or program that goes on with the comparison."""


class Flag(Body):
    flagged: bool = True
    """False takes the mark away."""
    note: str = Field("", max_length=answering.MAX_NOTE)
    """What is wrong with it."""


class Reason(Body):
    text: str = Field(max_length=answering.MAX_NOTE)
    """Empty takes an earlier reason away."""


def next_pairs(
    context: AppContext, campaign_id: Id, body: Next, person: Asking
) -> answering.NextPairs:
    """The next comparisons for who asks: reserved for half an hour, renewed by each call.

    Two texts each, and a key to answer by.
    """
    return answering.next_pairs(
        context, person, campaign_id, n=body.n, have=body.have, tab=body.tab
    )


def undo(context: AppContext, campaign_id: Id, body: Undo, person: Asking) -> Undone:
    """Take the last vote back; its pair comes again, with the earlier answer in `was`."""
    return Undone(answering.undo(context, person, campaign_id, body.key, tab=body.tab))


def vote(context: AppContext, key: Key, body: LabelDecision, person: Asking) -> Voted:
    """Store an answer; once this returns, it survives anything. Sent twice, it counts once."""
    stored = answering.vote(
        context,
        person,
        key,
        body.outcome,
        strength=body.strength,
        decided_ms=body.decided_ms,
        client=body.client,
    )
    return Voted(stored=True, **stored._asdict())


def skip(context: AppContext, key: Key, person: Asking) -> Skipped:
    """Put the comparison aside; it is never given to this rater again."""
    answering.skip(context, person, key)
    return Skipped()


def flag(context: AppContext, key: Key, body: Flag, person: Asking) -> Flagged:
    """Mark the comparison for whoever runs the campaign, or take the mark away."""
    answering.flag(context, person, key, body.flagged, body.note)
    return Flagged(body.flagged)


def reason(context: AppContext, key: Key, body: Reason, person: Asking) -> StoredAnswer:
    """Say why one voted so, after the vote."""
    answering.give_reason(context, person, key, body.text)
    return StoredAnswer()


def reveal(context: AppContext, key: Key, person: Asking) -> BothSides:
    """Thoughts and versions, after the vote, where the campaign allows it."""
    return BothSides(*answering.reveal(context, person, key))


def diff(context: AppContext, key: Key, person: Asking) -> Changes:
    """What the right side says otherwise than the left: each piece same, added or removed."""
    pieces = answering.changes(context, person, key)
    return Changes([(piece.text, piece.kind.value) for piece in pieces])
