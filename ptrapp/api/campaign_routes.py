"""The routes of whoever runs campaigns: make, list, open, close, known answers, a judge's turn."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field, FiniteFloat

from ptrapp.api.access import Asking, admins
from ptrapp.api.answers import (
    CampaignBrief,
    CampaignMade,
    ItemsAdded,
    JobQueued,
    KnownItem,
    PairsFound,
    StateNow,
)
from ptrapp.api.bodies import Body
from ptrapp.services import jobs
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns, candidates
from ptrapp.services.labelling.campaigns import CampaignPlan, Known, Mix
from ptrapp.services.labelling.candidates import MOST_PAIRS, Source, SourceKind

Id = Annotated[int, Field(ge=1, le=2**31 - 1)]


class NewSource(Body):
    """Which stored rounds are compared."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    kind: SourceKind = SourceKind.SIBLINGS
    judge: str = Field("", max_length=120)
    versions: tuple[str, str] = ("", "")
    import_name: str = Field("", max_length=120, alias="import")
    max_pairs: int = Field(1000, ge=1, le=MOST_PAIRS)
    seed: int = Field(0, ge=0, le=2**63 - 1)

    def read(self) -> Source:
        return Source(**{name: getattr(self, name) for name in Source.__slots__})


class NewMix(Body):
    """Weights of what a rater is given next."""

    uncertain: FiniteFloat = 0.5
    uniform: FiniteFloat = 0.5
    overlap: FiniteFloat = 0.0
    gold: FiniteFloat = 0.0
    repeat: FiniteFloat = 0.0


class NewCampaign(Body):
    """A campaign to be made."""

    name: str = Field(min_length=1, max_length=120)
    aspect: Literal["response", "thought"] = "response"
    source: NewSource = NewSource.model_validate({})
    guidelines: str = Field("", max_length=campaigns.LONGEST_GUIDELINES)
    overlap: int = 1
    budget: Annotated[int, Field(le=2**31 - 1)] | None = None
    mix: NewMix = NewMix()
    reveal: bool = False
    n_practice: int = 0


class Preview(Body):
    source: NewSource
    aspect: Literal["response", "thought"] = "response"


class State(Body):
    state: Literal["open", "closed"]


class GuidelinesChange(Body):
    guidelines: str = Field(max_length=campaigns.LONGEST_GUIDELINES)


class NewItem(Body):
    """Two round ids of one prompt; `gold` is the known answer, in their order here."""

    left: Id
    right: Id
    gold: Literal["left", "right", "tie", "both_bad"] | None = None
    explanation: str | None = Field(None, max_length=10_000)
    practice: bool = False


class NewItems(Body):
    items: list[NewItem] = Field(min_length=1, max_length=10_000)


class JudgeRequest(Body):
    judge: str = Field("", max_length=200)
    """Who judges; empty is the one the app was started with."""


def add_campaign_routes(router: APIRouter, context: AppContext) -> None:
    """Add them to the router."""
    admin: Any = {"dependencies": admins, "tags": ["campaigns"]}
    told: Any = {"tags": ["campaigns"], "response_model_exclude_unset": True}

    @router.get("/campaigns", response_model=list[CampaignBrief], **told)
    def list_campaigns(person: Asking) -> list[dict[str, Any]]:
        """Campaigns, newest first; annotators are told of open ones, and of nobody's counts."""
        return [row.as_json() for row in campaigns.listing(context, person)]

    @router.post("/campaigns", status_code=201, **admin)
    def new_campaign(body: NewCampaign) -> CampaignMade:
        """Make a campaign from stored candidates and open it."""
        plan = CampaignPlan(
            name=body.name,
            aspect=body.aspect,
            source=body.source.read(),
            guidelines=body.guidelines,
            overlap=body.overlap,
            budget=body.budget,
            mix=Mix(**body.mix.model_dump()),
            reveal=body.reveal,
            n_practice=body.n_practice,
        )
        return CampaignMade(campaigns.create(context, plan))

    @router.post("/campaigns/preview", **admin)
    def preview(body: Preview) -> PairsFound:
        """How many pairs a campaign of this source would have."""
        return PairsFound(candidates.preview(context, body.source.read(), body.aspect))

    @router.get("/campaigns/{campaign_id}", response_model=CampaignBrief, **told)
    def one_campaign(campaign_id: Id, person: Asking) -> dict[str, Any]:
        """One campaign; a closed one is not found by who only labels."""
        return campaigns.view(context, person, campaign_id).as_json()

    @router.post("/campaigns/{campaign_id}/state", **admin)
    def set_state(campaign_id: Id, body: State) -> StateNow:
        """Open or close it: a closed one gives nothing out and takes what it gave."""
        campaigns.set_state(context, campaign_id, body.state)
        return StateNow(body.state)

    @router.post("/campaigns/{campaign_id}/guidelines", **admin)
    def set_guidelines(campaign_id: Id, body: GuidelinesChange) -> StateNow:
        """Say what raters are to go by, in Markdown."""
        campaigns.set_guidelines(context, campaign_id, body.guidelines)
        return StateNow("stored")

    @router.post("/campaigns/{campaign_id}/items", **admin)
    def add_items(campaign_id: Id, body: NewItems) -> ItemsAdded:
        """Put comparisons in by hand: plain, gold, or to practise on."""
        known = [Known(**item.model_dump()) for item in body.items]
        return ItemsAdded(campaigns.add_known(context, campaign_id, known))

    @router.get("/campaigns/{campaign_id}/items", **admin)
    def known_items(campaign_id: Id) -> list[KnownItem]:
        """The comparisons whose answer is known."""
        return [KnownItem(**row) for row in campaigns.known(context, campaign_id)]

    @router.post("/campaigns/{campaign_id}/judge", status_code=201, **admin)
    def judge(campaign_id: Id, body: JudgeRequest) -> JobQueued:
        """Queue a job in which a judge labels the campaign, beside its people."""
        return JobQueued(jobs.start_judging(context, campaign_id, body.judge))
