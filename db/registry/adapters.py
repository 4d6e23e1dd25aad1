"""Registers adapters: every version ever trained, and which one is served."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from db.models import Adapter, AdapterStatus, Job, JobKind, Snapshot, now
from db.storage.errors import Conflict

_NAMES = select(Adapter.name)
_WAS_ACTIVE = Adapter.activated_at.is_not(None)


def register(
    session: Session,
    *,
    name: str,
    parent_id: int | None,
    job_id: int | None,
    snapshot_id: int | None,
    base_model: str,
    path: str,
    sha256: str,
    metrics: dict[str, Any],
) -> Adapter:
    """Stores a trained version as READY. A job that registers again gets the same row.

    Raises `Conflict` when the name was ever used: names are never used again.
    """
    if job_id is not None:
        made = session.scalars(select(Adapter).where(Adapter.job_id == job_id)).one_or_none()
        if made is not None:
            return made
    if by_name(session, name) is not None:
        raise Conflict(f"There is a version {name!r} already; choose a name never used before.")
    adapter = Adapter(
        name=name,
        parent_id=parent_id,
        job_id=job_id,
        snapshot_id=snapshot_id,
        base_model=base_model,
        path=path,
        sha256=sha256,
        metrics=metrics,
        status=AdapterStatus.READY,
    )
    session.add(adapter)
    session.flush()
    return adapter


def activate(session: Session, adapter_id: int | None) -> Adapter | None:
    """Makes one version the served one and retires the one before; None serves the base model.

    A retired version is activated like a new one. Raises `Conflict` for a rejected one.
    """
    chosen = None if adapter_id is None else _adapter(session, adapter_id)
    if chosen is not None and chosen.status is AdapterStatus.REJECTED:
        raise Conflict(f"{chosen.name} was rejected ({chosen.reason}); choose another version.")
    others = Adapter.id.is_distinct_from(adapter_id)
    before = update(Adapter).where(Adapter.status == AdapterStatus.ACTIVE, others)
    session.execute(before.values(status=AdapterStatus.RETIRED))
    # what could not be served at a start gives way to what a person or a training chose since
    waiting = update(Adapter).where(Adapter.status == AdapterStatus.READY, _WAS_ACTIVE, others)
    session.execute(waiting.values(status=AdapterStatus.RETIRED))
    if chosen is not None and chosen.status is not AdapterStatus.ACTIVE:
        chosen.status = AdapterStatus.ACTIVE
        chosen.activated_at = now()
        session.flush()
    return chosen


def reject(session: Session, adapter_id: int, reason: str) -> Adapter:
    """Rejects a version for good; if it was active, the base model is. A person reads `reason`."""
    adapter = _adapter(session, adapter_id)
    adapter.status = AdapterStatus.REJECTED
    adapter.reason = reason
    session.flush()
    return adapter


def active(session: Session) -> Adapter | None:
    """Returns the served version; None is the base model."""
    return session.scalars(
        _select_loaded().where(Adapter.status == AdapterStatus.ACTIVE)
    ).one_or_none()


def postponed(session: Session) -> Adapter | None:
    """Returns the version that was served last and could not be at a start; nothing was chosen
    since."""
    waiting = _select_loaded().where(Adapter.status == AdapterStatus.READY, _WAS_ACTIVE)
    return session.scalars(waiting.order_by(Adapter.id.desc()).limit(1)).one_or_none()


def doubted(session: Session) -> list[Adapter]:
    """Returns the versions to look at again at a start: rejected, or retired and unavailable."""
    unavailable = and_(_WAS_ACTIVE, Adapter.reason.is_not(None))
    retired = and_(Adapter.status == AdapterStatus.RETIRED, unavailable)
    either = or_(retired, Adapter.status == AdapterStatus.REJECTED)
    return list(session.scalars(_select_loaded().where(either)))


def trust(session: Session, adapter_id: int) -> Adapter:
    """Makes a doubted version one that may be chosen again: its files are what was trained."""
    adapter = _adapter(session, adapter_id)
    adapter.status = AdapterStatus.RETIRED
    adapter.reason = None
    session.flush()
    return adapter


def by_name(session: Session, name: str) -> Adapter | None:
    return session.scalars(_select_loaded().where(Adapter.name == name)).one_or_none()


def made_by(session: Session, job_ids: Collection[int]) -> dict[int, Adapter]:
    """Returns the version that each of these jobs made, by the job's id."""
    rows = session.scalars(_select_loaded().where(Adapter.job_id.in_(job_ids)))
    return {row.job_id: row for row in rows if row.job_id is not None}


def describe(session: Session, adapter_id: int, title: str, note: str) -> Adapter:
    """Stores what people call a version and want remembered of it; empty texts remove that."""
    adapter = _adapter(session, adapter_id)
    adapter.title, adapter.note = title.strip() or None, note.strip() or None
    session.flush()
    return adapter


def ready(session: Session) -> list[Adapter]:
    """Returns the versions that no engine has tried yet, oldest first."""
    waiting = _select_loaded().where(Adapter.status == AdapterStatus.READY)
    return list(session.scalars(waiting.order_by(Adapter.id)))


def names(session: Session) -> list[str]:
    """Returns the names of all versions there ever were."""
    return list(session.connection().scalars(_NAMES))


def listing(session: Session) -> list[Adapter]:
    """Returns every version, newest first, with its parent and its snapshot."""
    return list(session.scalars(_select_loaded().order_by(Adapter.id.desc())))


def count_by_status(session: Session) -> dict[AdapterStatus, tuple[int, int]]:
    """Returns how many versions are in each status, and the sum of their ids."""
    rows = select(Adapter.status, func.count(), func.sum(Adapter.id)).group_by(Adapter.status)
    return {status: (n, int(ids)) for status, n, ids in session.execute(rows)}


def save_snapshot(
    session: Session,
    *,
    job_id: int,
    sha256: str,
    path: str,
    highest_vote_id: int,
    n_rows: int,
    manifest: dict[str, Any],
) -> Snapshot:
    """Stores the data that a job trains on. The same content again is the same row.

    Raises `Conflict` when the job stored other data before: it must continue with those.
    """
    frozen = snapshot_of(session, job_id)
    if frozen is None:
        frozen = Snapshot(
            job_id=job_id,
            sha256=sha256,
            path=path,
            highest_vote_id=highest_vote_id,
            n_rows=n_rows,
            manifest=manifest,
        )
        session.add(frozen)
        session.flush()
    if frozen.sha256 != sha256:
        raise Conflict(
            f"Job {job_id} trains on {frozen.path} ({frozen.sha256[:12]}…) and cannot change to "
            f"other data ({sha256[:12]}…); queue a new job for those."
        )
    return frozen


def snapshot_of(session: Session, job_id: int) -> Snapshot | None:
    """Returns the data that a job trains on, None before it is stored."""
    return session.scalars(select(Snapshot).where(Snapshot.job_id == job_id)).one_or_none()


def votes_learnt_up_to(session: Session, version: Adapter | None) -> int:
    """Returns the newest vote id when `version`, or its last ancestor that uses votes, was trained.

    DPO learns from a vote once; thought-mask SFT in between uses no votes, and a TPO iteration
    without waiting votes keeps the number of its parent.
    """
    while version is not None:
        job = session.get(Job, version.job_id) if version.job_id else None
        uses_votes = job is not None and job.kind in (JobKind.DPO, JobKind.TPO)
        if uses_votes and version.snapshot_id is not None:
            return session.get_one(Snapshot, version.snapshot_id).highest_vote_id
        version = session.get(Adapter, version.parent_id) if version.parent_id else None
    return 0


def votes_tried_up_to(session: Session, version: Adapter | None) -> int:
    """Returns the newest vote id that `version`, or one trained from it since, has learnt.

    A version that waits at the gate has tried its votes: another of the same would be no better.
    """
    children = (
        select(func.max(Snapshot.highest_vote_id))
        .join(Adapter, Adapter.snapshot_id == Snapshot.id)
        .join(Job, Job.id == Adapter.job_id)
        .where(
            Adapter.parent_id.is_not_distinct_from(version.id if version else None),
            Adapter.status == AdapterStatus.READY,
            Job.kind.in_((JobKind.DPO, JobKind.TPO)),
        )
    )
    return max(votes_learnt_up_to(session, version), session.scalar(children) or 0)


def trained_already(
    session: Session, parent_id: int | None, kind: JobKind, sha256: str
) -> Adapter | None:
    """Returns the version that this recipe trained from this parent on the same data, if any.

    Rejected versions do not count.
    """
    same = (
        _select_loaded()
        .join(Job, Job.id == Adapter.job_id)
        .join(Snapshot, Snapshot.id == Adapter.snapshot_id)
        .where(
            Job.kind == kind,
            Snapshot.sha256 == sha256,
            Adapter.parent_id.is_not_distinct_from(parent_id),
            Adapter.status != AdapterStatus.REJECTED,
        )
    )
    return session.scalars(same.order_by(Adapter.id.desc()).limit(1)).one_or_none()


def _select_loaded() -> Any:
    return select(Adapter).options(joinedload(Adapter.parent), joinedload(Adapter.snapshot))


def _adapter(session: Session, adapter_id: int) -> Adapter:
    adapter = session.get(Adapter, adapter_id)
    if adapter is None:
        raise Conflict(f"Version {adapter_id} is not in this database; load the page again.")
    return adapter
