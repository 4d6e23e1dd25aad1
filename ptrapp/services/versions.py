"""Versions of the policy: lists them, serves one, rolls back."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.models import Adapter, AdapterStatus
from db.registry import adapters, gates
from db.registry.contents import Content, content_of
from db.registry.servable import why_not_served
from db.registry.stored_paths import located, same_model
from db.storage.session import Session
from ptrapp.artifacts.rows import find_version
from ptrapp.core.errors import (
    AdapterRejected,
    AdaptersUnsupported,
    AdapterUnavailable,
    InputError,
    NotFound,
)
from ptrapp.services import gate, retiring, served_versions
from ptrapp.services.context import AppContext, DataContext

log = logging.getLogger(__name__)

MAX_TITLE = 80
"""Characters of the name that people give a version."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version as the Train page lists it."""

    name: str
    parent: str
    status: str
    reason: str | None
    snapshot: str
    metrics: dict[str, Any]
    created_at: datetime | None
    title: str = ""
    """What people call it."""
    note: str = ""
    gate: str = ""
    """measuring, passed, waits or overruled; empty before it was looked at."""
    verdict: str = ""
    """Why the gate decided so."""


def listing(context: DataContext) -> list[VersionView]:
    """Returns all versions, newest first, the base model last."""
    with context.database.read() as session:
        rows = adapters.listing(session)
        names: dict[int | None, str] = {row.id: row.name for row in rows}
        serving = any(row.status is AdapterStatus.ACTIVE for row in rows)
        decided = gates.of_all(session, [row.id for row in rows])
        views = [
            VersionView(
                row.name,
                names.get(row.parent_id, "base"),
                "unavailable" if row.is_unavailable else row.status.value,
                row.reason,
                row.snapshot.sha256[:12] if row.snapshot else "",
                row.metrics,
                row.created_at,
                row.title or "",
                row.note or "",
                decided[row.id].state.value if row.id in decided else "",
                decided[row.id].verdict if row.id in decided else "",
            )
            for row in rows
        ]
    base = VersionView("base", "", "retired" if serving else "active", None, "", {}, None)
    return [*views, base]


def serving(context: AppContext) -> str:
    """Returns the name of the version that answers the next prompt."""
    with context.database.read() as session:
        active = adapters.active(session)
        return active.name if active else "base"


def serve(context: AppContext, name: str, *, by: str = "", reason: str = "") -> None:
    """Publishes the version, makes it the one that answers, and retires the one before.

    An older name rolls back; `base` serves the bare model. One that has not passed the gate needs
    the `reason` of the person `by` whom it is served all the same. When it raises, what was served
    before stays: `AdapterRejected` (its content is wrong, and it is marked so),
    `AdapterUnavailable` and `AdaptersUnsupported` (it is tried again at the next start),
    `InputError` for one that cannot be served here, or `NotFound`.
    """
    with context.publishing:
        with context.database.read() as session:
            before = adapters.active(session)
            row = None if name == "base" else adapters.by_name(session, name)
        if row is None and name != "base":
            raise NotFound(f"There is no version {name}.")
        waits_for = ""
        if row is not None:
            if mistake := why_not_served(row, context.engine.model_id, context.settings.data_dir):
                raise InputError(mistake)
            waits_for = gate.needs_reason(context, row.id)
            if waits_for and not reason.strip():
                raise InputError(
                    f"{name} has not passed the gate: {waits_for}. To serve it all the same, give "
                    "a reason, which is kept."
                )
            load(context, row)
        with context.database.write() as session:
            if row is not None and waits_for:
                gates.overrule(session, row.id, by or "somebody", reason.strip())
            chosen = adapters.activate(session, row.id if row else None)
            if chosen is not None:
                chosen.reason = None  # an earlier engine's, if any
        if before and before.name != name:
            retiring.retire(context, before.name)
        context.retiring.pop(name, None)
        served_versions.note(context.settings, context.base_model, name)
    log.info("serving %s", name)


def describe(context: DataContext, name: str, title: str, note: str) -> None:
    """Stores a version's title and note. Raises `NotFound`, `InputError` for a title too long."""
    if len(title.strip()) > MAX_TITLE:
        raise InputError(f"A version's name has at most {MAX_TITLE} characters, not {len(title)}.")
    with context.database.write() as session:
        row = adapters.by_name(session, name)
        if row is None:
            raise NotFound(f"There is no trained version {name}.")
        adapters.describe(session, row.id, title, note)


def description(context: DataContext, name: str) -> tuple[str, str]:
    """Returns a version's title and note. Raises `NotFound`."""
    with context.database.read() as session:
        row = adapters.by_name(session, name)
        if row is None:
            raise NotFound(f"There is no trained version {name}.")
        return row.title or "", row.note or ""


def roll_back(context: AppContext) -> str:
    """Serves the parent of the version that is served now. Returns its name."""
    with context.database.read() as session:
        active = adapters.active(session)
        if active is None:
            raise InputError("The base model is being served; there is nothing to roll back to.")
        parent = session.get(Adapter, active.parent_id) if active.parent_id else None
        name = parent.name if parent else "base"
    serve(context, name)
    return name


def restore(context: AppContext) -> None:
    """Publishes, when a base model was loaded, the version that answered last on it, or none.

    A version that could not be served then, because its files were away, is tried again first.
    """
    with context.database.read() as session:
        chosen = _answered_last(context, session)
        doubted = adapters.doubted(session)
    for row in doubted:
        if content_of(row, context.settings.data_dir)[0] is Content.WHOLE:
            with context.database.write() as session:
                adapters.trust(session, row.id)
    if chosen is None:
        return
    try:
        serve(context, chosen.name)
    except (AdapterRejected, AdapterUnavailable, AdaptersUnsupported) as error:
        log.error("%s cannot be served, the base model answers instead: %s", chosen.name, error)
    except InputError as error:
        log.warning("The base model answers: %s", error)
        serve(context, "base")


def _answered_last(context: AppContext, session: Session) -> Adapter | None:
    """Returns the version to restore: the active one, unless that is another base model's.

    Each base model has its own versions, and the one it answered with comes back with it.
    """
    active = adapters.active(session)
    model, data_dir = context.engine.model_id, context.settings.data_dir
    if active is not None and same_model(active.base_model, model, data_dir):
        return active
    name = served_versions.recall(context.settings, context.base_model)
    if not name:
        return adapters.postponed(session) or active
    noted = adapters.by_name(session, name)
    rejected = noted is not None and noted.status is AdapterStatus.REJECTED
    return active if noted is None or rejected else noted


def load(context: AppContext, row: Adapter) -> None:
    """Loads a version, and marks one that cannot be served: rejected for good only where its
    content is not what was trained, by its hash. Raises as `serve` does."""
    if row.name in context.engine.published():
        return
    content, where = find_version(context.settings, row)
    if content is Content.WRONG:
        reason = f"{where[0].upper()}{where[1:]}, by their hash; restore them or train it again."
        with context.database.write() as session:
            adapters.reject(session, row.id, reason)
        raise AdapterRejected(f"{row.name} is rejected. {reason}")
    try:
        if content is not Content.WHOLE:
            raise AdapterUnavailable(
                f"{row.name} cannot be served: {where}. Put its files back, and serve it again."
            )
        context.engine.publish(row.name, located(row.path, context.settings.data_dir))
    except AdapterRejected as error:  # what was trained, and not for this engine as it is now
        _set_reason(context, row, str(error))
        raise AdapterUnavailable(str(error)) from error
    except (AdapterUnavailable, AdaptersUnsupported) as error:
        _set_reason(context, row, str(error))
        raise


def _set_reason(context: AppContext, row: Adapter, reason: str) -> None:
    """Stores why a version cannot be served now.

    One that was active becomes ready, so that the base model answers and the next start tries it.
    """
    with context.database.write() as session:
        adapter = session.get_one(Adapter, row.id)
        adapter.reason = reason
        if adapter.status is AdapterStatus.ACTIVE:
            adapter.status = AdapterStatus.READY
