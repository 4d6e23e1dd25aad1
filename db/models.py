"""The tables. What must always hold is said here, in the schema, not in the code that writes."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[int]: JSON(none_as_null=True),
    }


def enum_column(kind: type[StrEnum]) -> Enum:
    """Store a StrEnum by its value, with a CHECK that names it."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


class Partition(StrEnum):
    TRAIN = "train"
    EVAL = "eval"


class RunMode(StrEnum):
    REFINE = "refine"
    SAMPLE = "sample"
    JOB = "job"
    """Rounds written by a program, not by a person at the Play page."""


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class RaterKind(StrEnum):
    HUMAN = "human"
    JUDGE = "judge"


class Outcome(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"
    WITHDRAWN = "withdrawn"
    """An undo: supersedes a vote and leaves the comparison without one."""


class JobKind(StrEnum):
    """What a job does; the recipe of the same name in `training.recipes` says how."""

    DPO = "dpo"
    MASK_SFT = "mask_sft"
    PTR_DATA = "ptr_data"
    TPO = "tpo"
    REWARD_MODEL = "reward_model"
    EVALUATE = "evaluate"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    """Put away by a person, with its checkpoints: neither listed nor resumed."""


class AdapterStatus(StrEnum):
    READY = "ready"
    """Written and registered; not yet tried by an engine."""
    ACTIVE = "active"
    RETIRED = "retired"
    REJECTED = "rejected"


class Prompt(Base):
    """What a user asked, once, whoever asked it."""

    __tablename__ = "prompts"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    system: Mapped[str | None]
    reference_answer: Mapped[str | None]
    task: Mapped[str | None] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(64))
    """Where it came from: play, a generator, an imported file."""
    partition: Mapped[Partition] = mapped_column(enum_column(Partition), default=Partition.TRAIN)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    """Of system, text and reference answer: the same question is one row."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class Run(Base):
    """One press of the button: R rounds or K candidates of one prompt under one pinned policy."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "rater_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"))
    rater_id: Mapped[int | None] = mapped_column(ForeignKey("raters.id"))
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), index=True)
    """The job that asked; NULL where a person did."""
    mode: Mapped[RunMode] = mapped_column(enum_column(RunMode))
    settings: Mapped[dict[str, Any]]
    """R or K, thinking, sampling: what a repeat of the run needs."""
    state: Mapped[RunState] = mapped_column(enum_column(RunState), default=RunState.RUNNING)
    message: Mapped[str | None]
    """Why it failed or stopped early, for a person."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    prompt: Mapped[Prompt] = relationship(lazy="joined")
    adapter: Mapped["Adapter | None"] = relationship(lazy="joined")
    rounds: Mapped[list["Round"]] = relationship(
        order_by="Round.index, Round.candidate", back_populates="run"
    )


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
    """`policy`, or the name of a stronger writer (PTR's strong model)."""
    thinking: Mapped[bool]
    thought: Mapped[str]
    response: Mapped[str]
    raw: Mapped[str]
    completion_ids: Mapped[list[int] | None]
    """Token ids as generated; what training uses. NULL for text no engine of ours wrote."""
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
    """Verifier against the prompt's reference answer; NULL where there is none."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    run: Mapped[Run] = relationship(back_populates="rounds")
    prompt: Mapped[Prompt] = relationship()
    parent: Mapped["Round | None"] = relationship(remote_side=[id])
    adapter: Mapped["Adapter | None"] = relationship()


class Rater(Base):
    """Somebody, or something, that compares responses."""

    __tablename__ = "raters"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[RaterKind] = mapped_column(enum_column(RaterKind))
    name: Mapped[str] = mapped_column(String(120), unique=True)
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Score(Base):
    """What a judge that gives numbers said of one response; higher is better."""

    __tablename__ = "scores"

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True)
    value: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Comparison(Base):
    """Two rounds of one prompt, offered to raters; the lower id is stored as left."""

    __tablename__ = "comparisons"
    __table_args__ = (
        UniqueConstraint("left_round_id", "right_round_id"),
        CheckConstraint("left_round_id < right_round_id", name="ordered"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompts.id"), index=True)
    left_round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"))
    right_round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), index=True)
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
    """True when the right round stood on the left side of the screen."""
    thoughts_seen: Mapped[bool] = mapped_column(default=False)
    """Whether this rater had been shown a thought of either round before or while voting."""
    dismissed: Mapped[bool] = mapped_column(default=False)
    """The rater put the pair aside without a vote: its thoughts may be shown again."""
    shown_at: Mapped[datetime] = mapped_column(default=now)

    comparison: Mapped[Comparison] = relationship(lazy="joined")


_FIRST_VOTE = text("supersedes_id IS NULL")


class Vote(Base):
    """One decision, append-only. The current vote is the row that nobody supersedes.

    A rater's rows on one comparison are a chain: one first row, and at most one successor each.
    """

    __tablename__ = "votes"
    __table_args__ = (
        Index(
            "uq_votes_first",
            "rater_id",
            "comparison_id",
            unique=True,
            sqlite_where=_FIRST_VOTE,
            postgresql_where=_FIRST_VOTE,
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
    offer_key: Mapped[str | None] = mapped_column(ForeignKey("offers.key"))
    outcome: Mapped[Outcome] = mapped_column(enum_column(Outcome))
    """In terms of the comparison's left and right, not of the screen's."""
    strength: Mapped[int] = mapped_column(default=1)
    blind: Mapped[bool]
    """False when thoughts or versions had been visible to the rater."""
    rationale: Mapped[str | None]
    agreed: Mapped[bool | None]
    """Whether a judge that was asked in both orders said the same twice; NULL of others. A tie that
    it did not agree on is its doubt, not a tie."""
    decided_ms: Mapped[int | None]
    """Milliseconds from the paint of the pair to the key."""
    client: Mapped[str] = mapped_column(String(32), default="")
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("votes.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    comparison: Mapped[Comparison] = relationship()
    rater: Mapped[Rater] = relationship()


class Reveal(Base):
    """A rater was sent the thought of a round: from then on his votes on it are not blind."""

    __tablename__ = "reveals"

    rater_id: Mapped[int] = mapped_column(ForeignKey("raters.id"), primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


_OPEN_JOB = text("status IN ('queued', 'running')")


class Job(Base):
    """One piece of background work and the lease of whoever does it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "uq_jobs_dedup_open",
            "dedup",
            unique=True,
            sqlite_where=_OPEN_JOB,
            postgresql_where=_OPEN_JOB,
        ),
        Index(None, "status", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(enum_column(JobKind))
    payload: Mapped[dict[str, Any]]
    dedup: Mapped[str] = mapped_column(String(64))
    """Two jobs with the same key are never queued or running at once."""
    status: Mapped[JobStatus] = mapped_column(enum_column(JobStatus), default=JobStatus.QUEUED)
    phase: Mapped[str] = mapped_column(String(64), default="")
    """What it is doing now, in words."""
    step: Mapped[int] = mapped_column(default=0)
    n_steps: Mapped[int] = mapped_column(default=0)
    eta_s: Mapped[float | None]
    error: Mapped[str | None]
    notes: Mapped[list[dict[str, str]]] = mapped_column(
        JSON, default=list, server_default=text("'[]'")
    )
    """What it has to tell a person, oldest first: `{"level": "info" | "warning", "text": …}`."""
    result: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    """What it found: counts and tables, as its recipe documents them; empty until it is done."""
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    claim_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[float | None]
    """Seconds since 1970 on the database's clock."""
    n_claims: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Worker(Base):
    """A program that works through the queue, and when it was last heard of."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    pid: Mapped[int]
    host: Mapped[str] = mapped_column(String(255))
    seen_at: Mapped[float]
    """Seconds since 1970 on the database's clock."""


class JobMetric(Base):
    """One point of a curve. A resumed job writes the same step again and replaces it."""

    __tablename__ = "job_metrics"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[float]


class Snapshot(Base):
    """The frozen data of one job: a file and the hash that names its content."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), unique=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    path: Mapped[str]
    highest_vote_id: Mapped[int]
    n_rows: Mapped[int]
    manifest: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Adapter(Base):
    """One trained version of the policy. Names are never used again; at most one is active."""

    __tablename__ = "adapters"
    __table_args__ = (
        Index(
            "uq_adapters_one_active",
            "status",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"), unique=True)
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    base_model: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[AdapterStatus] = mapped_column(enum_column(AdapterStatus))
    reason: Mapped[str | None]
    """Why it was rejected, or why a ready one is not served yet."""
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    activated_at: Mapped[datetime | None]

    parent: Mapped["Adapter | None"] = relationship(remote_side=[id])
    snapshot: Mapped[Snapshot | None] = relationship()


class Evaluation(Base):
    """Accuracy of one version at one round on one task."""

    __tablename__ = "evaluations"
    __table_args__ = (CheckConstraint("n_correct BETWEEN 0 AND n", name="n_correct"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    adapter_id: Mapped[int | None] = mapped_column(ForeignKey("adapters.id"), index=True)
    task: Mapped[str] = mapped_column(String(64))
    round_index: Mapped[int]
    setting: Mapped[str] = mapped_column(String(120))
    """Greedy or sampled, thinking, control: what distinguishes two rows of one task."""
    n: Mapped[int]
    n_correct: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
