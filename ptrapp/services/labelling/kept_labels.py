"""Puts the labels that are kept up with the log into columns, of one campaign or of all."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from db.labelling import agreement, raters
from db.labelling.agreement import NumberColumn as At
from db.labelling.weighed_votes import SAYS
from db.models import Outcome, RaterKind
from db.storage.session import Session
from ptrapp.analysis.columns import CHOICES, MISSING, LabelColumns
from ptrapp.services.context import LabelsContext

_CHOICE = np.array([CHOICES.index(outcome.value) for outcome in SAYS])
"""Places in `CHOICES` of outcomes as they are read."""


class KeptLabels(NamedTuple):
    """Labels, and the kinds of their raters in the order of `labels.names`."""

    labels: LabelColumns
    kinds: tuple[RaterKind, ...]


def read_labels(context: LabelsContext, session: Session, campaign_id: int | None) -> KeptLabels:
    """Returns the labels of a campaign, oldest first; None means all that training learns from."""
    rows = context.labels.current(session)
    if campaign_id is None:
        rows = rows[rows[:, At.LEARNT] == 1]
    else:
        not_shown = rows[:, At.SHOWN] == 0
        if not_shown.any():
            wanted = agreement.comparisons_to_label(session, campaign_id)
            not_shown &= np.isin(rows[:, At.COMPARISON], wanted)
        rows = rows[(rows[:, At.CAMPAIGN] == campaign_id) | not_shown]
    ids, place = np.unique(rows[:, At.RATER], return_inverse=True)
    called = raters.called(session, ids.tolist())
    order = sorted(range(len(ids)), key=lambda at: called[int(ids[at])][0])
    people = [called[int(ids[at])] for at in order]
    labels = LabelColumns(
        rater=np.argsort(order)[place] if order else place,
        comparison=rows[:, At.COMPARISON].astype(np.int64),
        outcome=_CHOICE[rows[:, At.OUTCOME]],
        strength=rows[:, At.STRENGTH],
        flipped=rows[:, At.FLIPPED],
        repeat=rows[:, At.REPEAT],
        gold=_gold(rows[:, At.COMPARISON], agreement.known_answers(session, campaign_id)),
        agreed=rows[:, At.AGREED],
        decided_ms=rows[:, At.DECIDED_MS],
        names=tuple(name for name, _ in people),
    )
    return KeptLabels(labels, tuple(kind for _, kind in people))


def _gold(comparisons: np.ndarray, known: Mapping[int, Outcome]) -> np.ndarray:
    """Returns the known answers as places in `CHOICES`."""
    found = np.full(len(comparisons), MISSING)
    if known:
        ids = np.array(sorted(known))
        answers = _CHOICE[[SAYS[known[one]] for one in ids.tolist()]]
        at = np.searchsorted(ids, comparisons).clip(max=len(ids) - 1)
        found = np.where(ids[at] == comparisons, answers[at], MISSING)
    return found
