"""Tables of campaigns, the comparisons in them, their assignments and each rater's progress."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.models.base import Base, enum_column, now
from db.models.labels import Aspect, Comparison, Offer, Outcome, Purpose


class CampaignState(StrEnum):
    PREPARING = "preparing"
    """Its comparisons are still being added; none is assigned."""
    OPEN = "open"
    PAUSED = "paused"
    """Assigns nothing for now, and is meant to go on."""
    CLOSED = "closed"
    DELETED = "deleted"
    """Shown nowhere; its votes stay in the log and count, and it can be brought back."""


class ItemKind(StrEnum):
    PLAIN = "plain"
    GOLD = "gold"
    """Its answer is known and measures the rater, who is not told."""
    PRACTICE = "practice"
    """Its answer is known and explained to a new annotator before the work begins."""


class AssignmentState(StrEnum):
    RESERVED = "reserved"
    DONE = "done"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    """Its lease ran out and its slot was released. It may be assigned again."""
    LATE = "late"
    """Voted after its slot had gone to another rater: logged, but not counted."""


class Campaign(Base):
    """A set of comparisons to label: how often each, in which order and under which rules."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("overlap >= 1", name="overlap"),
        CheckConstraint("n_taken >= 0 AND (budget IS NULL OR n_taken <= budget)", name="budget"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    aspect: Mapped[Aspect] = mapped_column(enum_column(Aspect))
    state: Mapped[CampaignState] = mapped_column(enum_column(CampaignState))
    guidelines: Mapped[str] = mapped_column(default="")
    """Markdown, shown beside every comparison."""
    overlap: Mapped[int] = mapped_column(default=1)
    """How many people label each comparison."""
    budget: Mapped[int | None]
    """Limit on the number of labels; NULL is overlap times comparisons."""
    mix: Mapped[dict[str, Any]]
    """Weights of what a rater is assigned next: uncertain, uniform, overlap, gold, repeat."""
    reveal: Mapped[bool] = mapped_column(default=False)
    """Whether a rater may see thoughts and versions after the vote."""
    n_practice: Mapped[int] = mapped_column(default=0)
    """Practice comparisons a new annotator answers first."""
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """How its comparisons were chosen, so that the choice can be reproduced."""
    n_items: Mapped[int] = mapped_column(default=0)
    """Plain comparisons in it."""
    n_slots: Mapped[int] = mapped_column(default=0)
    """Labels its plain comparisons want in all: the sum of their overlaps."""
    n_taken: Mapped[int] = mapped_column(default=0)
    """Labels of plain comparisons reserved or done."""
    n_done: Mapped[int] = mapped_column(default=0)
    n_returned: Mapped[int] = mapped_column(default=0)
    """Grows whenever there may be a comparison again for a rater who had none left."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    deadline: Mapped[datetime | None]
    """When its labels are wanted; nothing ends by itself then."""


_OPEN_ITEM = text("n_taken < overlap")


class CampaignItem(Base):
    """A comparison in a campaign, and how many labels it still wants."""

    __tablename__ = "campaign_items"
    __table_args__ = (
        UniqueConstraint("campaign_id", "comparison_id"),
        CheckConstraint("n_taken BETWEEN 0 AND overlap", name="not_labelled_more_than_asked"),
        CheckConstraint("uncertainty BETWEEN 0 AND 1", name="uncertainty"),
        CheckConstraint("(kind = 'plain') = (gold_outcome IS NULL)", name="gold_is_known"),
        # The open items in the two orders of assignment: a full item leaves both indexes.
        Index(
            "ix_campaign_items_uniform",
            "campaign_id",
            "kind",
            "draw",
            sqlite_where=_OPEN_ITEM,
            postgresql_where=_OPEN_ITEM,
        ),
        Index(
            "ix_campaign_items_uncertain",
            "campaign_id",
            "kind",
            "uncertainty",
            sqlite_where=_OPEN_ITEM,
            postgresql_where=_OPEN_ITEM,
        ),
        Index(
            "ix_campaign_items_begun",
            "campaign_id",
            "kind",
            "draw",
            sqlite_where=text("n_taken > 0 AND n_taken < overlap"),
            postgresql_where=text("n_taken > 0 AND n_taken < overlap"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    comparison_id: Mapped[int] = mapped_column(ForeignKey("comparisons.id"), index=True)
    kind: Mapped[ItemKind] = mapped_column(enum_column(ItemKind), default=ItemKind.PLAIN)
    overlap: Mapped[int]
    n_taken: Mapped[int] = mapped_column(default=0)
    """Labels reserved or done. Gold and practice comparisons take none: all raters answer them."""
    draw: Mapped[float]
    """A random number in [0, 1): the order of uniform sampling."""
    uncertainty: Mapped[float] = mapped_column(default=0.5)
    """From 0, a judge is sure which is better, to 1, it cannot tell. All are distinct."""
    gold_outcome: Mapped[Outcome | None] = mapped_column(enum_column(Outcome))
    """The known answer, in the comparison's own terms."""
    explanation: Mapped[str | None]

    comparison: Mapped[Comparison] = relationship()
    campaign: Mapped[Campaign] = relationship()


_RESERVED = text("state = 'reserved'")


class Assignment(Base):
    """A comparison of a campaign assigned to one rater, and its state."""

    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("rater_id", "item_id", "purpose"),
        Index(
            "ix_assignments_reserved",
            "campaign_id",
            "lease_until",
            sqlite_where=_RESERVED,
            postgresql_where=_RESERVED,
        ),
        Index(
            "ix_assignments_flagged",
            "campaign_id",
            "flagged_at",
            sqlite_where=text("flagged = 1"),
            postgresql_where=text("flagged"),
        ),
        Index(None, "rater_id", "campaign_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("campaign_items.id"), index=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"))
    purpose: Mapped[Purpose] = mapped_column(enum_column(Purpose), default=Purpose.LABEL)
    state: Mapped[AssignmentState] = mapped_column(
        enum_column(AssignmentState), default=AssignmentState.RESERVED
    )
    counts: Mapped[bool]
    """Whether it takes one of the item's slots: a person's label of a plain comparison does."""
    lease_until: Mapped[float | None]
    """Seconds since 1970 on the database's clock; NULL once it is over."""
    tab: Mapped[str] = mapped_column(String(64), default="")
    """The browser page that has it: a second page of the same person is assigned others."""
    offer_key: Mapped[str] = mapped_column(ForeignKey("offers.key"), unique=True)
    """Its current offer; after an undo it is offered anew."""
    flagged: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str | None]
    """Why it was flagged, in the rater's words."""
    flagged_at: Mapped[datetime | None]
    """NULL where it is not flagged, and where it was before this was stored."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    done_at: Mapped[datetime | None]

    item: Mapped[CampaignItem] = relationship()
    offer: Mapped[Offer] = relationship()


class CampaignRater(Base):
    """One rater's progress in a campaign."""

    __tablename__ = "campaign_raters"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True)
    n_done: Mapped[int] = mapped_column(default=0)
    """Current answers without practice. Repeats count: the number must not tell them apart."""
    n_skipped: Mapped[int] = mapped_column(default=0)
    n_practised: Mapped[int] = mapped_column(default=0)
    least_uncertain: Mapped[float | None]
    """Uncertainty of the last one assigned in that order; all above it are assigned or full."""
    exhausted_at: Mapped[int | None]
    """The campaign's `n_returned` when nothing was left for this rater."""
