"""The routes of labelling: next, vote, undo, skip, flag, reason, reveal, changes."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from ptrapp.api.access import Asking, labellers
from ptrapp.api.answers import BothSides, Changes, Flagged, Skipped, StoredAnswer, Undone, Voted
from ptrapp.api.bodies import Body
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import answering

Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Key = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]
"""Of an offer: the only name a comparison has on a page."""


class Next(Body):
    """How many comparisons, and what the page holds already."""

    n: int = Field(1, ge=1, le=answering.MOST_AT_ONCE)
    have: list[Annotated[str, Field(max_length=64)]] = Field([], max_length=50)
    tab: str = Field("", max_length=64)
    """A random name of the page: two pages of one person are given different comparisons."""


class LabelDecision(Body):
    """An answer, in terms of the screen."""

    outcome: Literal["left", "right", "tie", "both_bad"]
    strength: int = Field(1, ge=1, le=3)
    decided_ms: int | None = Field(None, ge=0, le=86_400_000)
    client: str = Field("", max_length=32)


class Undo(Body):
    key: str = Field(min_length=8, max_length=64)
    """A random name of this undo: sent twice, it undoes one vote."""
    tab: str = Field("", max_length=64)


class Flag(Body):
    flagged: bool = True
    note: str = Field("", max_length=answering.LONGEST_NOTE)


class Reason(Body):
    text: str = Field(max_length=answering.LONGEST_NOTE)


def add_label_routes(router: APIRouter, context: AppContext) -> None:
    """Add them to the router."""
    may_label: Any = {"dependencies": labellers, "tags": ["labelling"]}

    @router.post("/campaigns/{campaign_id}/next", **may_label)
    def next_pairs(campaign_id: Id, body: Next, person: Asking) -> answering.NextPairs:
        """The next comparisons for who asks: reserved for half an hour, renewed by each call."""
        return answering.next_pairs(
            context, person, campaign_id, n=body.n, have=body.have, tab=body.tab
        )

    @router.post("/campaigns/{campaign_id}/undo", **may_label)
    def undo(campaign_id: Id, body: Undo, person: Asking) -> Undone:
        """Take the last vote back; its pair comes again, with the earlier answer in `was`."""
        return Undone(answering.undo(context, person, campaign_id, body.key, tab=body.tab))

    @router.post("/labels/{key}/vote", **may_label)
    def vote(key: Key, body: LabelDecision, person: Asking) -> Voted:
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

    @router.post("/labels/{key}/skip", **may_label)
    def skip(key: Key, person: Asking) -> Skipped:
        """Put the comparison aside; it is never given to this rater again."""
        answering.skip(context, person, key)
        return Skipped()

    @router.post("/labels/{key}/flag", **may_label)
    def flag(key: Key, body: Flag, person: Asking) -> Flagged:
        """Mark the comparison for whoever runs the campaign."""
        answering.flag(context, person, key, body.flagged, body.note)
        return Flagged(body.flagged)

    @router.post("/labels/{key}/reason", **may_label)
    def reason(key: Key, body: Reason, person: Asking) -> StoredAnswer:
        """Say why one voted so, after the vote."""
        answering.give_reason(context, person, key, body.text)
        return StoredAnswer()

    @router.post("/labels/{key}/reveal", **may_label)
    def reveal(key: Key, person: Asking) -> BothSides:
        """Thoughts and versions, after the vote, where the campaign allows it."""
        return BothSides(*answering.reveal(context, person, key))

    @router.get("/labels/{key}/diff", **may_label)
    def diff(key: Key, person: Asking) -> Changes:
        """What the right side says otherwise than the left."""
        pieces = answering.changes(context, person, key)
        return Changes([(piece.text, piece.kind.value) for piece in pieces])
