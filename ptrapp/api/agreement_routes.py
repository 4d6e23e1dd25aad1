"""The routes of the Campaigns page: progress, agreement, disagreements, a look at guidelines."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.params import Depends
from pydantic import BaseModel, ConfigDict, Field

from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns
from ptrapp.services.labelling.agreement import read_report
from ptrapp.services.labelling.disagreements import MOST_AT_ONCE, read_gallery
from ptrapp.services.labelling.panel import read_panel

Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""A row's id; PostgreSQL holds no larger one."""
Offset = Annotated[int, Query(ge=0, le=10**9)]
Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE)]


class GuidelinesText(BaseModel):
    model_config = ConfigDict(extra="forbid")

    guidelines: str = Field(max_length=campaigns.LONGEST_GUIDELINES)


def add_agreement_routes(
    router: APIRouter, context: AppContext, *, readers: Sequence[Depends], admins: Sequence[Depends]
) -> None:
    """Add them. `readers` and `admins` let those in who may read, and who may do everything."""

    @router.get("/labelling", dependencies=readers)
    def labelling() -> dict[str, Any]:
        return read_panel(context).as_json()

    @router.get("/agreement", dependencies=readers)
    def agreement_of_everything() -> dict[str, Any]:
        return read_report(context).as_json()

    @router.get("/campaigns/{campaign_id}/agreement", dependencies=readers)
    def agreement(campaign_id: Id) -> dict[str, Any]:
        return read_report(context, campaign_id).as_json()

    @router.get("/campaigns/{campaign_id}/disagreements", dependencies=admins)
    def disagreements(
        campaign_id: Id, offset: Offset = 0, limit: Limit = MOST_AT_ONCE
    ) -> dict[str, Any]:
        return read_gallery(context, campaign_id, offset, limit).as_json()

    @router.post("/guidelines/preview", dependencies=admins)
    def look_at_guidelines(body: GuidelinesText) -> dict[str, str]:
        return {"html": campaigns.guidelines_html(body.guidelines)}
