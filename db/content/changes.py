"""Keeps each change of stored data that is no new row, with who made it."""

from sqlalchemy.orm import Session

from db.models import ChangeKind, DataChange, DataKind


def log(
    session: Session,
    about: DataKind,
    row_id: int,
    kind: ChangeKind,
    *,
    by: str,
    before: str | None = None,
    after: str | None = None,
) -> None:
    """Adds the row that says what was changed. Those who keep counts look for such rows."""
    session.add(
        DataChange(about=about, row_id=row_id, kind=kind, before=before, after=after, by=by[:120])
    )
    session.flush()
