"""Operations of labelling: next, undo, vote, skip, flag, reason, reveal, diff."""

from typing import Annotated

from pydantic import Field

from ptrapp.api.access import Caller
from ptrapp.api.answers import BothSides, Changes, Flagged, Skipped, StoredAnswer, Undone, Voted
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id, Key
from ptrapp.core.strength import IN_WORDS, STRENGTHS
from ptrapp.core.types import Choice
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import answering


class Next(Body):
    """How many comparisons are wanted, and which ones the page has."""

    n: int = Field(1, ge=1, le=answering.MAX_AT_ONCE)
    """Number of comparisons."""
    have: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=50)
    """Keys of the comparisons that the page or program has already."""
    tab: str = Field("", max_length=64)
    """A random name of the page or program; two of one person get different comparisons."""


class Leave(Body):
    keys: list[Annotated[str, Field(max_length=64)]] = Field(max_length=50)
    """Keys of the comparisons that are not answered."""


class LabelDecision(Body):
    """A vote, with the screen's left and right."""

    outcome: Choice
    """The better side, as shown."""
    strength: int = Field(
        1, strict=True, ge=min(STRENGTHS), le=max(STRENGTHS), description=IN_WORDS
    )
    decided_ms: int | None = Field(None, ge=0, le=86_400_000)
    """Milliseconds it took to decide."""
    client: str = Field("", max_length=32)
    """Name of the page or program."""


class Undo(Body):
    key: str = Field(min_length=8, max_length=64)
    """A random key of this undo; the same key again undoes nothing more."""
    tab: str = Field("", max_length=64)
    """Random name of the page or program, to which the comparison is assigned again."""


class Flag(Body):
    flagged: bool = True
    """False takes the flag away."""
    note: str = Field("", max_length=answering.MAX_NOTE)
    """What is wrong with the comparison."""


class Reason(Body):
    text: str = Field(max_length=answering.MAX_NOTE)
    """The reason; empty deletes an earlier one."""


def next_pairs(
    context: AppContext, campaign_id: Id, body: Next, person: Caller
) -> answering.NextPairs:
    """The caller's next comparisons: reserved for half an hour, renewed by each call.

    Each has two texts, and a key to vote with.
    """
    return answering.next_pairs(
        context, person, campaign_id, n=body.n, have=body.have, tab=body.tab
    )


def leave(context: AppContext, body: Leave, person: Caller) -> StoredAnswer:
    """Leave comparisons unanswered: in a minute others may have them, unless `next` names them or
    gives them again before."""
    answering.leave(context, person, body.keys)
    return StoredAnswer()


def undo(context: AppContext, campaign_id: Id, body: Undo, person: Caller) -> Undone:
    """Take back the last vote or skip; returns its pair, with the earlier outcome in `was`, or null
    there for a skip."""
    return Undone(answering.undo(context, person, campaign_id, body.key, tab=body.tab))


def vote(context: AppContext, key: Key, body: LabelDecision, person: Caller) -> Voted:
    """Store a vote, for good once this returns. Sent twice, it counts once; another one under the
    same key is refused (409): undo the first, then vote on the pair that comes back. `note` says
    where nothing is learnt from it."""
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


def skip(context: AppContext, key: Key, person: Caller) -> Skipped:
    """Skip the comparison; it is not assigned to this rater again, unless an undo takes it back."""
    answering.skip(context, person, key)
    return Skipped()


def flag(context: AppContext, key: Key, body: Flag, person: Caller) -> Flagged:
    """Flag the comparison for the campaign's administrators, or take the flag away."""
    answering.flag(context, person, key, body.flagged, body.note)
    return Flagged(body.flagged)


def reason(context: AppContext, key: Key, body: Reason, person: Caller) -> StoredAnswer:
    """Store the reason of a vote, after the vote."""
    answering.give_reason(context, person, key, body.text)
    return StoredAnswer()


def reveal(context: AppContext, key: Key, person: Caller) -> BothSides:
    """Thoughts and versions, after the vote, where the campaign allows it."""
    return BothSides(*answering.reveal(context, person, key))


def diff(context: AppContext, key: Key, person: Caller) -> Changes:
    """The differences of the right side from the left: each piece same, added or removed."""
    pieces = answering.changes(context, person, key)
    return Changes([(piece.text, piece.kind.value) for piece in pieces])
