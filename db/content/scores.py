"""Stores and reads the scores that judges give to responses."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Score, now
from db.storage.dialects import insert


def record(session: Session, rater_id: int, values: Mapping[int, float]) -> None:
    """Stores a judge's score of each round, by round id; a new score replaces the earlier one."""
    if not values:
        return
    rows = [
        {"round_id": round_id, "rater_id": rater_id, "value": value, "created_at": now()}
        for round_id, value in values.items()
    ]
    upsert = insert(session, Score).values(rows)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["round_id", "rater_id"], set_={"value": upsert.excluded.value}
        )
    )


def of_rounds(session: Session, rater_id: int, round_ids: Collection[int]) -> dict[int, float]:
    """Returns a judge's scores of these rounds, by round id; rounds without one are missing."""
    given = select(Score).where(Score.rater_id == rater_id, Score.is_imported_or_own())
    given = given.where(Score.round_id.in_(round_ids))
    return {score.round_id: score.value for score in session.scalars(given)}
