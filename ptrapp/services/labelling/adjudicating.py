"""Settles comparisons on which raters disagree, and turns them into gold ones."""

from dataclasses import dataclass

from db.labelling import adjudications, campaigns, comparisons, gold
from db.models import Outcome
from db.storage.session import Session
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.people import Person
from ptrapp.core.strength import check_strength
from ptrapp.core.types import Choice
from ptrapp.services import jobs
from ptrapp.services.context import DataContext
from ptrapp.services.labelling.answering import MAX_NOTE
from ptrapp.services.labelling.people import row_of


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an adjudication says, with the comparison's own left and right."""

    outcome: Choice
    strength: int = 1
    reason: str = ""
    gold: bool = False
    """Whether the comparison is gold from then on: its raters are measured by this answer."""


def settle(
    context: DataContext,
    person: Person,
    campaign_id: int,
    comparison_id: int,
    ruling: Ruling,
    key: str,
) -> None:
    """Stores an adjudication in place of an earlier one; the same again stores nothing more."""
    check_strength(ruling.strength, ruling.outcome)
    if len(ruling.reason) > MAX_NOTE:
        raise InputError(f"The reason has {len(ruling.reason)} characters; at most {MAX_NOTE}.")
    outcome, reason = Outcome(ruling.outcome), ruling.reason.strip() or None
    with context.database.write() as session:
        _check_item(session, campaign_id, comparison_id)
        adjudications.adjudicate(
            session,
            row_of(session, person).id,
            comparison_id,
            outcome,
            key,
            strength=ruling.strength,
            rationale=reason,
        )
        if ruling.gold:
            gold.make_gold(session, campaign_id, comparison_id, outcome, reason)
        jobs.queue_when_due(context, session)


def take_back(
    context: DataContext, person: Person, campaign_id: int, comparison_id: int, key: str
) -> bool:
    """Withdraws the adjudication: its labels count again. Returns whether there was one.

    A comparison that became gold stays gold.
    """
    with context.database.write() as session:
        _check_item(session, campaign_id, comparison_id)
        rater_id = row_of(session, person).id
        return adjudications.take_back(session, rater_id, comparison_id, key) is not None


def _check_item(session: Session, campaign_id: int, comparison_id: int) -> None:
    campaigns.find(session, campaign_id)
    comparisons.find_comparison(session, comparison_id)
    if not campaigns.has_comparison(session, campaign_id, comparison_id):
        raise NotFound(f"Comparison {comparison_id} is not in campaign {campaign_id}.")
