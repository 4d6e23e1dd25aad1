"""Operations on the results of labelling: progress, agreement, disagreements."""

from typing import Annotated, Any

from fastapi import Query

from ptrapp.api.operations.operation import Id
from ptrapp.services.context import AppContext
from ptrapp.services.labelling.agreement import read_report
from ptrapp.services.labelling.disagreements import MAX_AT_ONCE, read_gallery
from ptrapp.services.labelling.panel import read_panel

Offset = Annotated[int, Query(ge=0, le=10**9)]
Limit = Annotated[int, Query(ge=1, le=MAX_AT_ONCE)]


def labelling(context: AppContext) -> dict[str, Any]:
    """Every campaign's progress, and the sources for new ones."""
    return read_panel(context).as_json()


def agreement_of_everything(context: AppContext) -> dict[str, Any]:
    """How far raters agree, over all votes that training learns from."""
    return read_report(context).as_json()


def agreement(context: AppContext, campaign_id: Id) -> dict[str, Any]:
    """How far raters of a campaign agree."""
    return read_report(context, campaign_id).as_json()


def disagreements(
    context: AppContext, campaign_id: Id, offset: Offset = 0, limit: Limit = MAX_AT_ONCE
) -> dict[str, Any]:
    """Comparisons that raters answered differently, the widest apart first, with their votes."""
    return read_gallery(context, campaign_id, offset, limit).as_json()
