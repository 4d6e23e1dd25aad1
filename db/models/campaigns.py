"""Labelling in common: campaigns, the comparisons in them, and who was given which."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.models.base import Base, enum_column, now
from db.models.labels import Aspect, Comparison, Offer, Outcome, Purpose


class CampaignState(StrEnum):
    PREPARING = "preparing"
    """Its comparisons are still being put in; nobody is given any."""
    OPEN = "open"
    CLOSED = "closed"


class ItemKind(StrEnum):
    PLAIN = "plain"
    GOLD = "gold"
    """Its answer is known: a rater's score, not told to the rater."""
    PRACTICE = "practice"
    """Its answer is known and explained, to a new annotator before the work begins."""


class AssignmentState(StrEnum):
    RESERVED = "reserved"
    DONE = "done"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    """Its lease ran out and its place was given back. It may be asked for again."""
    LATE = "late"
    """Voted after its place had gone to somebody else: kept in the log, counted for nobody."""


class Campaign(Base):
    """A piece of labelling work: what is compared, how often, in which order, under which rules."""

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
    """Most labels wanted in all; NULL is overlap times comparisons."""
    mix: Mapped[dict[str, Any]]
    """Weights of what a rater is given next: uncertain, uniform, overlap, gold, repeat."""
    reveal: Mapped[bool] = mapped_column(default=False)
    """Whether a rater may see thoughts and versions after the vote."""
    n_practice: Mapped[int] = mapped_column(default=0)
    """Practice comparisons a new annotator answers first."""
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """How its comparisons were chosen: what a repeat needs."""
    n_items: Mapped[int] = mapped_column(default=0)
    """Plain comparisons in it."""
    n_slots: Mapped[int] = mapped_column(default=0)
    """Labels its plain comparisons want in all: the sum of their overlaps."""
    n_taken: Mapped[int] = mapped_column(default=0)
    """Labels of plain comparisons reserved or done."""
    n_done: Mapped[int] = mapped_column(default=0)
    n_returned: Mapped[int] = mapped_column(default=0)
    """Grows whenever there may be something new for a rater who had nothing left."""
    created_at: Mapped[datetime] = mapped_column(default=now)


_OPEN_ITEM = text("n_taken < overlap")


class CampaignItem(Base):
    """A comparison in a campaign, and how many labels it still wants."""

    __tablename__ = "campaign_items"
    __table_args__ = (
        UniqueConstraint("campaign_id", "comparison_id"),
        CheckConstraint("n_taken BETWEEN 0 AND overlap", name="not_labelled_more_than_asked"),
        CheckConstraint("uncertainty BETWEEN 0 AND 1", name="uncertainty"),
        CheckConstraint("(kind = 'plain') = (gold_outcome IS NULL)", name="gold_is_known"),
        # What is still open, in the two orders it is given out in: a full item leaves both.
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
    """From 0, a judge is sure which is better, to 1, it cannot tell. No two are quite alike."""
    gold_outcome: Mapped[Outcome | None] = mapped_column(enum_column(Outcome))
    """The known answer, in the comparison's own terms."""
    explanation: Mapped[str | None]

    comparison: Mapped[Comparison] = relationship()
    campaign: Mapped[Campaign] = relationship()


_RESERVED = text("state = 'reserved'")


class Assignment(Base):
    """A comparison of a campaign given to one rater, and what became of it."""

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
    """Whether it takes one of the item's places: a person's label of a plain comparison does."""
    lease_until: Mapped[float | None]
    """Seconds since 1970 on the database's clock; NULL once it is over."""
    tab: Mapped[str] = mapped_column(String(64), default="")
    """The page that holds it: a second page of the same person is given others."""
    offer_key: Mapped[str] = mapped_column(ForeignKey("offers.key"), unique=True)
    """How it is shown now; an undone vote is offered anew."""
    flagged: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str | None]
    """Why it was flagged, in the rater's words."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    done_at: Mapped[datetime | None]

    item: Mapped[CampaignItem] = relationship()
    offer: Mapped[Offer] = relationship()


class CampaignRater(Base):
    """How far one rater has come in a campaign."""

    __tablename__ = "campaign_raters"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True)
    n_done: Mapped[int] = mapped_column(default=0)
    """Answers of his that stand, no practice; with repeats, which his count must not tell."""
    n_skipped: Mapped[int] = mapped_column(default=0)
    n_practised: Mapped[int] = mapped_column(default=0)
    least_uncertain: Mapped[float | None]
    """Uncertainty of the last one given in that order; whatever is above it was given or full."""
    exhausted_at: Mapped[int | None]
    """The campaign's `n_returned` when nothing was left for this rater."""
