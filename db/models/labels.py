"""Tables of raters, scores, comparisons, offers, reveals and the append-only vote log."""

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    exists,
    text,
    true,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from db.models.base import Base, enum_column, now
from db.models.imports import Hideable, OfImport
from db.models.prompts import Prompt, Round


class RaterKind(StrEnum):
    HUMAN = "human"
    JUDGE = "judge"
    DATASET = "dataset"
    """Preferences imported from a file, whose raters are unknown."""


class Aspect(StrEnum):
    """Which part of two completions is compared."""

    RESPONSE = "response"
    THOUGHT = "thought"


class Purpose(StrEnum):
    """What a vote is used for."""

    LABEL = "label"
    REPEAT = "repeat"
    """The same pair again, sides swapped: a check on the rater, not a second label."""
    PRACTICE = "practice"
    """Answered while learning the guidelines: never trained on."""
    ADJUDICATION = "adjudication"
    """Settles a comparison on which raters disagree: no label, and learnt in place of them."""


class Outcome(StrEnum):
    """What a vote says of the two sides of a comparison."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"
    WITHDRAWN = "withdrawn"
    """An undo: supersedes a vote and leaves the comparison without one."""

    def mirrored(self) -> "Outcome":
        """Returns the outcome with left and right swapped."""
        match self:
            case Outcome.LEFT:
                return Outcome.RIGHT
            case Outcome.RIGHT:
                return Outcome.LEFT
            case _:
                return self


class Rater(Base):
    """A person, a judge or an imported file that compares completions."""

    __tablename__ = "raters"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[RaterKind] = mapped_column(enum_column(RaterKind))
    uid: Mapped[str] = mapped_column(String(120), unique=True, default=lambda: uuid4().hex)
    """Who it is, for good: a session and an invitation hold this, never the name."""
    name: Mapped[str] = mapped_column(String(120), unique=True)
    """What it is called; a person may change it."""
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Score(OfImport, Base):
    """A judge's score of one response; higher is better."""

    __tablename__ = "scores"

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True)
    value: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Comparison(Hideable, Base):
    """Two rounds of one prompt, offered to raters; the lower id is stored as left."""

    __tablename__ = "comparisons"
    __table_args__ = (
        UniqueConstraint("left_round_id", "right_round_id", "aspect"),
        CheckConstraint("left_round_id < right_round_id", name="ordered"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"), index=True)
    left_round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"))
    right_round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), index=True)
    aspect: Mapped[Aspect] = mapped_column(
        enum_column(Aspect), default=Aspect.RESPONSE, server_default=Aspect.RESPONSE.value
    )
    created_at: Mapped[datetime] = mapped_column(default=now)

    left: Mapped[Round] = relationship(foreign_keys=[left_round_id])
    right: Mapped[Round] = relationship(foreign_keys=[right_round_id])
    prompt: Mapped[Prompt] = relationship()


class Offer(Base):
    """A comparison as it was shown to one rater; its key makes the vote idempotent."""

    __tablename__ = "offers"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    comparison_id: Mapped[int] = mapped_column(ForeignKey("comparisons.id"), index=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), index=True)
    flipped: Mapped[bool]
    """True when the right round was shown on the left side of the screen."""
    purpose: Mapped[Purpose] = mapped_column(
        enum_column(Purpose), default=Purpose.LABEL, server_default=Purpose.LABEL.value
    )
    thoughts_seen: Mapped[bool] = mapped_column(default=False)
    """Whether this rater was shown a thought or the version of either round, or told a verdict on
    the pair, before or while voting."""
    dismissed: Mapped[bool] = mapped_column(default=False)
    """The rater dismissed the pair without a vote: its thoughts may be shown again."""
    shown_at: Mapped[datetime] = mapped_column(default=now)

    comparison: Mapped[Comparison] = relationship(lazy="joined")


_FIRST_VOTE = text("supersedes_id IS NULL")
_FIRST_ADJUDICATION = text("purpose = 'adjudication' AND supersedes_id IS NULL")


class Vote(OfImport, Base):
    """One decision, append-only. The current vote is the row that no other supersedes.

    A rater's rows on one comparison are a chain: one first row, and at most one successor each.
    Repeats and practice are chains of their own. The adjudications of a comparison are one chain,
    whoever made them: the latest counts.
    """

    __tablename__ = "votes"
    __table_args__ = (
        Index(
            "uq_votes_first",
            "rater_id",
            "comparison_id",
            "purpose",
            unique=True,
            sqlite_where=_FIRST_VOTE,
            postgresql_where=_FIRST_VOTE,
        ),
        Index(
            "uq_votes_first_adjudication",
            "comparison_id",
            unique=True,
            sqlite_where=_FIRST_ADJUDICATION,
            postgresql_where=_FIRST_ADJUDICATION,
        ),
        CheckConstraint("strength BETWEEN 1 AND 3", name="strength"),
        CheckConstraint("id <> supersedes_id", name="not_itself"),
        CheckConstraint("outcome <> 'withdrawn' OR supersedes_id IS NOT NULL", name="undo_of_one"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    """Idempotency key: sent twice, stored once."""
    comparison_id: Mapped[int] = mapped_column(ForeignKey("comparisons.id"), index=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), index=True)
    offer_key: Mapped[str | None] = mapped_column(ForeignKey("offers.key"), index=True)
    outcome: Mapped[Outcome] = mapped_column(enum_column(Outcome))
    """In terms of the comparison's left and right, not of the screen's."""
    purpose: Mapped[Purpose] = mapped_column(
        enum_column(Purpose), default=Purpose.LABEL, server_default=Purpose.LABEL.value
    )
    strength: Mapped[int] = mapped_column(default=1)
    blind: Mapped[bool]
    """False when thoughts or versions had been visible to the rater."""
    rationale: Mapped[str | None]
    agreed: Mapped[bool | None]
    """Whether a judge that was asked in both orders gave the same verdict twice; NULL for others. A
    tie without agreement is the judge's doubt, not a tie."""
    decided_ms: Mapped[int | None]
    """Milliseconds from the paint of the pair to the key."""
    client: Mapped[str] = mapped_column(String(32), default="")
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("votes.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    comparison: Mapped[Comparison] = relationship()
    rater: Mapped[Rater] = relationship()

    @classmethod
    def is_superseded(cls, up_to: int | None = None) -> ColumnElement[bool]:
        """Returns the condition for a vote that a later row, at most row `up_to`, supersedes."""
        later = _later()
        superseded = exists().where(later.supersedes_id == cls.id).correlate(cls)
        return superseded if up_to is None else superseded.where(later.id <= up_to)

    @classmethod
    def is_current(cls, up_to: int | None = None) -> ColumnElement[bool]:
        """Returns the condition for a vote that is neither withdrawn, superseded nor hidden.

        What a hidden vote had superseded stays superseded, as after an undo.
        """
        return (cls.outcome != Outcome.WITHDRAWN) & ~cls.is_superseded(up_to) & cls.is_shown()

    @classmethod
    def is_shown(cls) -> ColumnElement[bool]:
        """Returns the condition for a vote that is hidden neither with its pair nor its import."""
        on_shown = exists().where(Comparison.id == cls.comparison_id, Comparison.is_shown())
        return cls.is_imported_or_own() & on_shown.correlate(cls)


@cache
def _later() -> type[Vote]:
    """Returns the alias of a later row, built once: building one takes longer than its query."""
    return aliased(Vote)


class Reveal(Base):
    """A rater was sent the thought of a round: later votes on it by this rater are not blind."""

    __tablename__ = "reveals"

    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    versions: Mapped[bool] = mapped_column(default=True, server_default=true())
    """False where only thoughts were shown, to be compared: their authors stayed hidden."""
    created_at: Mapped[datetime] = mapped_column(default=now)
