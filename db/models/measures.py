"""Tables of how good versions are: accuracy by round, win rates, and the gate before serving."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base, enum_column, now


class Evaluation(Base):
    """Accuracy of one version at one round on one task."""

    __tablename__ = "evaluations"
    __table_args__ = (CheckConstraint("n_correct BETWEEN 0 AND n", name="n_correct"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), index=True)
    """The job that measured; NULL where it is not known."""
    task: Mapped[str] = mapped_column(String(64))
    round_index: Mapped[int]
    setting: Mapped[str] = mapped_column(String(120))
    """Greedy or sampled, thinking, control: what distinguishes two rows of one task."""
    control: Mapped[str | None] = mapped_column(String(32))
    """How the round was generated: `refine`, or a control's name; NULL where it is not known."""
    n: Mapped[int]
    n_correct: Mapped[int]
    thought_tokens: Mapped[float | None]
    """Mean length of the thoughts."""
    response_tokens: Mapped[float | None]
    thought_tokens_sd: Mapped[float | None]
    """Standard deviation of the lengths, over answers."""
    response_tokens_sd: Mapped[float | None]
    n_fixed: Mapped[int | None]
    """Wrong in the round before and right in this one; NULL in the first round."""
    n_broken: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class JudgedWinRate(Base):
    """How often a judge preferred one version's responses to another's, in one evaluation."""

    __tablename__ = "judged_win_rates"
    __table_args__ = (
        CheckConstraint("low <= value AND value <= high", name="interval"),
        CheckConstraint("n > 0", name="n"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), index=True)
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"), index=True)
    """The first side; NULL is the base model, as below."""
    against_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    round_index: Mapped[int]
    against_round_index: Mapped[int]
    task: Mapped[str] = mapped_column(String(64))
    judge: Mapped[str] = mapped_column(String(255))
    n: Mapped[int]
    value: Mapped[float]
    """Share between 0 and 1; a tie counts one half."""
    low: Mapped[float]
    """Bootstrap over prompts, 95 %."""
    high: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)


class GateState(StrEnum):
    """Whether a finished version may serve by itself."""

    MEASURING = "measuring"
    PASSED = "passed"
    WAITS = "waits"
    OVERRULED = "overruled"
    """It had not passed, and a person served it all the same."""


class Gate(Base):
    """The decision on one finished version, and what it rests on."""

    __tablename__ = "gates"
    __table_args__ = (
        CheckConstraint(
            "state <> 'overruled' OR (overruled_by IS NOT NULL AND overruled_reason <> '')",
            name="reason_kept",
        ),
    )

    adapter_id: Mapped[int] = mapped_column(ForeignKey("adapters.id"), primary_key=True)
    against_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    """The version that answered then; NULL is the base model."""
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    """The evaluation that measures it."""
    state: Mapped[GateState] = mapped_column(enum_column(GateState))
    verdict: Mapped[str] = mapped_column(default="")
    """Why, in words."""
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The difference with its interval, as the evaluation found it; empty before."""
    overruled_by: Mapped[str | None] = mapped_column(String(120))
    overruled_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
