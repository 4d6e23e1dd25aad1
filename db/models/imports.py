"""Tables of imports and of what people changed by hand; the columns by which rows are hidden.

Nothing is removed: a row of an import that is not done, or that somebody deleted, is not shown.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, enum_column, now


class ImportState(StrEnum):
    RUNNING = "running"
    """Its rows are being stored, and not shown before it is done."""
    DONE = "done"
    UNDONE = "undone"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Import(Base):
    """One file, or data set of a hub, that was brought in. Its rows are shown while it is done."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    """What prompts and raters are named after."""
    file: Mapped[str] = mapped_column(String(255))
    """Name of the file, or `hf:NAME`."""
    format: Mapped[str] = mapped_column(String(32))
    state: Mapped[ImportState] = mapped_column(enum_column(ImportState))
    n_records: Mapped[int] = mapped_column(default=0)
    """Records that it holds in all."""
    n_stored: Mapped[int] = mapped_column(default=0)
    """Records that are stored so far, known ones among them."""
    n_new: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Rows added, by table."""
    by: Mapped[str] = mapped_column(String(120), default="")
    """Who imported it; empty for the terminal."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(120))


_NOT_SHOWN = select(Import.id).where(Import.state != ImportState.DONE)


class OfImport:
    """Columns of a table whose rows an import may bring."""

    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    """The import that brought it first; NULL for what was made here."""

    @classmethod
    def is_imported_or_own(cls) -> ColumnElement[bool]:
        """Returns the condition for a row that no undone or unfinished import has to itself."""
        return cls.import_id.is_(None) | cls.import_id.not_in(_NOT_SHOWN)


class Hideable(OfImport):
    """Columns of a table whose rows may be hidden by an undo or deleted by hand."""

    hidden_at: Mapped[datetime | None]
    """When it was deleted by hand; `data_changes` says by whom."""

    @classmethod
    def is_shown(cls) -> ColumnElement[bool]:
        """Returns the condition for a row that is offered, learnt, exported and counted."""
        return cls.hidden_at.is_(None) & cls.is_imported_or_own()


class DataKind(StrEnum):
    """What a change by hand, or a search, is about."""

    PROMPT = "prompt"
    RUN = "run"
    PAIR = "pair"
    VOTE = "vote"


class ChangeKind(StrEnum):
    TEXT = "text"
    ANSWER = "answer"
    TAGS = "tags"
    DELETED = "deleted"
    RESTORED = "restored"


class DataChange(Base):
    """One change by hand to stored data: what, by whom, before and after. Rows are only added."""

    __tablename__ = "data_changes"
    __table_args__ = (Index(None, "about", "row_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    about: Mapped[DataKind] = mapped_column(enum_column(DataKind))
    row_id: Mapped[int]
    kind: Mapped[ChangeKind] = mapped_column(enum_column(ChangeKind))
    before: Mapped[str | None]
    after: Mapped[str | None]
    by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(default=now)


class PromptTag(Base):
    """A word by which prompts, and what hangs on them, are found again."""

    __tablename__ = "prompt_tags"

    tag: Mapped[str] = mapped_column(String(40), primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"), primary_key=True, index=True)
