"""Operations on the comparisons that raters flagged: list them, take a flag away."""

from typing import Any

from ptrapp.api.answers import Flagged
from ptrapp.api.operations.agreement import Limit, Offset
from ptrapp.api.operations.operation import Id
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import flags
from ptrapp.services.labelling.disagreements import MAX_AT_ONCE


def list_flags(
    context: AppContext, campaign_id: Id, offset: Offset = 0, limit: Limit = MAX_AT_ONCE
) -> dict[str, Any]:
    """Comparisons that raters flagged, the newest flag first: who, when, why, and the votes."""
    return flags.read_flags(context, campaign_id, offset, limit).as_json()


def remove_flag(context: AppContext, campaign_id: Id, flag_id: Id) -> Flagged:
    """Take a flag away, once it is dealt with. Its comparison and its votes stay."""
    flags.remove_flag(context, campaign_id, flag_id)
    return Flagged(False)
