"""Tables of prompts, runs and rounds: a run is one request of answers, a round one completion."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    false,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.elements import SQLCoreOperations

from db.models.base import Base, enum_column, now
from db.models.imports import Hideable

if TYPE_CHECKING:
    from db.models.versions import Adapter


IMPORTED = "import:"
"""Prefix of a prompt's source, and of the name of a rater, that a file brought."""
POLICY = "policy"
"""The author of a round that the run's own policy wrote."""
WEAK = "weak:"
"""Prefix of an author whose rounds are attempts: shown to a later round, never learnt.

A run says in its settings how many of its first rounds are attempts (`n_attempts`), whoever wrote
them: PTR's earlier attempts may be the policy's own.
"""

_BLANKS = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
"""All that `str.strip` takes away."""


def words_of(text_: SQLCoreOperations[str]) -> ColumnElement[str]:
    """Returns a text without the blanks around it: two texts are the same words where these are."""
    return func.trim(text_, _BLANKS)


class Partition(StrEnum):
    TRAIN = "train"
    EVAL = "eval"


class RunMode(StrEnum):
    REFINE = "refine"
    SAMPLE = "sample"
    JOB = "job"
    """Requested by a job, not by a person at the Play page."""


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Prompt(Hideable, Base):
    """A question, stored once, whoever asked it."""

    __tablename__ = "prompts"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    system: Mapped[str | None]
    reference_answer: Mapped[str | None]
    task: Mapped[str | None] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(64))
    """Its origin: the Play page, a generator, an imported file."""
    partition: Mapped[Partition] = mapped_column(enum_column(Partition), default=Partition.TRAIN)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of system, text, reference answer and context: the same question is one row."""
    context: Mapped[list[dict[str, str]]] = mapped_column(
        JSON, default=list, server_default=literal_column("'[]'")
    )
    """Turns before `text` in an imported conversation, `{"role": …, "content": …}`."""
    created_at: Mapped[datetime] = mapped_column(default=now)


_PINNED = text("removed_at IS NULL")


class Pin(Base):
    """A prompt that every version answers once, in the same way: what a version changed is seen."""

    __tablename__ = "pins"
    __table_args__ = (
        Index(
            "uq_pins_prompt",
            "prompt_id",
            unique=True,
            sqlite_where=_PINNED,
            postgresql_where=_PINNED,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    rater_id: Mapped[int | None] = mapped_column(ForeignKey("raters.id"))
    """Who pinned it."""
    settings: Mapped[dict[str, Any]]
    """Rounds, thinking, lengths and the instruction between rounds; greedy, the seed fixed."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]
    """When it was unpinned. Its answers stay, and are there again when it is pinned as before."""

    prompt: Mapped[Prompt] = relationship(lazy="joined")


_BY_A_PERSON = text("rater_id IS NOT NULL")


class Run(Hideable, Base):
    """One request: R rounds or K candidates of one prompt under one pinned policy."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "rater_id", "id"),
        Index(None, "pin_id", "adapter_id"),
        Index("ix_runs_of_people", "id", sqlite_where=_BY_A_PERSON, postgresql_where=_BY_A_PERSON),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    rater_id: Mapped[int | None] = mapped_column(ForeignKey("raters.id"))
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), index=True)
    """The job that asked; NULL where a person did."""
    pin_id: Mapped[int | None] = mapped_column(ForeignKey("pins.id"))
    """The pinned prompt that a version answered by itself; NULL for what a person or job asked."""
    mode: Mapped[RunMode] = mapped_column(enum_column(RunMode))
    settings: Mapped[dict[str, Any]]
    """R or K, thinking and sampling, with which the run can be repeated."""
    state: Mapped[RunState] = mapped_column(enum_column(RunState), default=RunState.RUNNING)
    message: Mapped[str | None]
    """Why it failed or stopped early, for a person."""
    title: Mapped[str | None] = mapped_column(String(120))
    """What people call it, if they do."""
    starred: Mapped[bool] = mapped_column(default=False, server_default=false())
    deleted_at: Mapped[datetime | None]
    """When a person put it away: no page shows it then, and votes on its rounds count on."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    prompt: Mapped[Prompt] = relationship(lazy="joined")
    adapter: Mapped["Adapter | None"] = relationship(lazy="joined")
    rounds: Mapped[list["Round"]] = relationship(
        order_by="Round.index, Round.candidate", back_populates="run"
    )

    @property
    def written_by(self) -> str:
        """The version that answered; `base` is the model, and `import` a file."""
        if self.import_id is not None:
            return "import"
        return self.adapter.name if self.adapter else "base"

    @property
    def is_chain(self) -> bool:
        """Whether its rounds follow one another; what a job wrote may be candidates of one."""
        if self.mode is RunMode.JOB:
            return any(one.index for one in self.rounds)
        return self.mode is RunMode.REFINE


class Round(Base):
    """One completion. Siblings share parent and prompt, so two siblings are a valid DPO pair."""

    __tablename__ = "rounds"
    __table_args__ = (
        UniqueConstraint("run_id", "index", "candidate"),
        CheckConstraint('"index" >= 0', name="index_from_zero"),
        CheckConstraint('("index" = 0) = (parent_id IS NULL)', name="first_has_no_parent"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("rounds.id"), index=True)
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    """The version that wrote it; NULL is the base model."""
    index: Mapped[int]
    """Place in its chain of refinements, from 0."""
    candidate: Mapped[int] = mapped_column(default=0)
    """Place among its siblings, from 0."""
    author: Mapped[str] = mapped_column(String(32), default="policy")
    """`policy`, or the name of another model, such as PTR's strong one."""
    thinking: Mapped[bool]
    thought: Mapped[str]
    response: Mapped[str]
    raw: Mapped[str]
    completion_ids: Mapped[list[int] | None]
    """Token ids as generated, which training uses. NULL for text that no engine here wrote."""
    well_formed: Mapped[bool]
    sampling: Mapped[dict[str, Any]]
    seed: Mapped[int] = mapped_column(BigInteger)
    n_thought_tokens: Mapped[int]
    n_response_tokens: Mapped[int]
    finish_reason: Mapped[str] = mapped_column(String(16))
    logprob_sum: Mapped[float | None]
    thought_s: Mapped[float] = mapped_column(default=0.0)
    duration_s: Mapped[float] = mapped_column(default=0.0)
    correct: Mapped[bool | None]
    """The verifier's verdict against the prompt's reference answer; NULL where there is none."""
    thought_end: Mapped[str | None] = mapped_column(String(16))
    """Who ended the thought: `model`, `turn` or `budget`. NULL for a direct answer, and for text
    of which it is not known."""
    asked_again: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The model ended its turn before any response, and had to go on once."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    run: Mapped[Run] = relationship(back_populates="rounds")
    prompt: Mapped[Prompt] = relationship()
    parent: Mapped["Round | None"] = relationship(remote_side=[id])
    adapter: Mapped["Adapter | None"] = relationship()

    @property
    def written_by(self) -> str:
        """The version that wrote it, `base` for the model, or the name of another author."""
        if self.author != POLICY:
            return self.author
        return self.adapter.name if self.adapter else "base"

    def says_the_same(self, other: "Round") -> bool:
        """Returns whether the two responses are the same words, as `words_of` has them."""
        return self.response.strip() == other.response.strip()
