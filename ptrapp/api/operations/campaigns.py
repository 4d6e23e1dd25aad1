"""Operations on campaigns: create, list, open, close, add known answers, let a judge label."""

import re
from datetime import datetime
from math import isfinite
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from ptrapp.api.access import Caller
from ptrapp.api.answers import (
    CampaignBrief,
    CampaignCreated,
    ItemsAdded,
    JobQueued,
    KnownItem,
    PairsFound,
    Rendered,
    StateNow,
)
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.core.types import Choice
from ptrapp.services import jobs
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns, candidates, changing, items, people
from ptrapp.services.labelling.campaigns import CampaignPlan, Mix
from ptrapp.services.labelling.candidates import MAX_PAIRS, Source, SourceKind
from ptrapp.services.labelling.items import Known

_NUMBER = re.compile(r"\s*[+-]?[\d.]+\s*")


class NewSource(Body):
    """Which stored rounds are compared."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    kind: SourceKind = SourceKind.SIBLINGS
    judge: str = Field("", max_length=120)
    """The judge whose scores choose best and worst, for best_worst."""
    versions: tuple[str, str] = ("", "")
    """The two versions that are compared, for versions."""
    import_name: str = Field("", max_length=120, alias="import")
    """Name of the import that the pairs came with, for imported."""
    max_pairs: int = Field(1000, ge=1, le=MAX_PAIRS)
    """Where there are more pairs, so many are drawn at random."""
    seed: int = Field(0, ge=0, le=2**63 - 1)

    def read(self) -> Source:
        return Source(**{name: getattr(self, name) for name in Source.__slots__})


class NewMix(Body):
    """Weights by which the next comparison of a rater is chosen."""

    uncertain: float = 0.5
    uniform: float = 0.5
    overlap: float = 0.0
    gold: float = 0.0
    repeat: float = 0.0

    def read(self) -> Mix:
        return Mix(**self.model_dump())

    @model_validator(mode="after")
    def _have_a_sum(self) -> Self:
        if not isfinite(self.read().total):
            raise ValueError("the weights' sum is too large; only their ratios matter")
        return self


class NewCampaign(Body):
    """A campaign to create."""

    name: str = Field(min_length=1, max_length=120)
    aspect: Literal["response", "thought"] = "response"
    source: NewSource = NewSource.model_validate({})
    guidelines: str = Field("", max_length=campaigns.MAX_GUIDELINES)
    overlap: int = 1
    budget: Annotated[int, Field(le=2**31 - 1)] | None = None
    mix: NewMix = NewMix()
    reveal: bool = False
    n_practice: int = 0


class Preview(Body):
    source: NewSource
    aspect: Literal["response", "thought"] = "response"


class State(Body):
    state: Literal["open", "paused", "closed", "deleted"]


class CampaignChanges(Body):
    """What is changed; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=120)
    deadline: datetime | None = None
    """When the labels are wanted, in ISO 8601; null removes it."""

    @field_validator("deadline", mode="before")
    @classmethod
    def _no_number(cls, value: object) -> object:
        if isinstance(value, int | float) or _NUMBER.fullmatch(str(value)):  # seconds since 1970
            raise ValueError("the deadline is a date in ISO 8601, as 2026-12-31")
        return value


class Copy(Body):
    name: str = Field("", max_length=120)
    """Empty is the first one's name with the next free number."""


class GuidelinesText(Body):
    guidelines: str = Field(max_length=campaigns.MAX_GUIDELINES)


class NewItem(Body):
    """Two round ids of one prompt; `gold` is the known answer, with left and right as here."""

    left: Id
    right: Id
    gold: Choice | None = None
    explanation: str | None = Field(None, max_length=10_000)
    practice: bool = False


class NewItems(Body):
    items: list[NewItem] = Field(min_length=1, max_length=10_000)


class JudgeRequest(Body):
    judge: str = Field("", max_length=200)
    """The judge; empty is the one the app was started with."""


class CampaignByName(Body):
    """A campaign with its source's fields beside its own, for callers by name."""

    name: str = Field(min_length=1, max_length=120)
    """A name that no campaign has."""
    source: SourceKind = SourceKind.SIBLINGS
    """Which stored rounds are compared."""
    judge: str = ""
    """The judge whose scores choose best and worst, for best_worst."""
    versions: tuple[str, str] = ("", "")
    """The two versions that are compared, for versions."""
    import_name: str = ""
    """Name of the import that the pairs came with, for imported."""
    aspect: Literal["response", "thought"] = "response"
    """Which part of the rounds is compared."""
    guidelines: str = ""
    """Guidelines for raters, in Markdown."""
    overlap: int = 1
    """How many people label each comparison."""
    max_pairs: int = 1000
    """Where there are more pairs, so many are drawn at random."""
    reveal: bool = False
    """Whether raters may see thoughts and versions after the vote."""

    def nested(self) -> NewCampaign:
        chosen = self.model_dump(include={"judge", "versions", "import_name", "max_pairs"})
        source = NewSource(kind=self.source, **chosen)
        own = self.model_dump(include={"name", "aspect", "guidelines", "overlap", "reveal"})
        return NewCampaign(source=source, **own)


def list_campaigns(context: AppContext, person: Caller) -> list[CampaignBrief]:
    """Campaigns, newest first; annotators see open ones only, without the counts of all raters."""
    return [CampaignBrief(**row.as_json()) for row in campaigns.listing(context, person)]


def one_campaign(context: AppContext, campaign_id: Id, person: Caller) -> CampaignBrief:
    """One campaign; annotators find open ones only."""
    return CampaignBrief(**campaigns.view(context, person, campaign_id).as_json())


def new_campaign(context: AppContext, body: NewCampaign) -> CampaignCreated:
    """Create a campaign from stored candidates and open it."""
    own = body.model_dump(exclude={"source", "mix"})
    plan = CampaignPlan(**own, source=body.source.read(), mix=body.mix.read())
    return CampaignCreated(campaigns.create(context, plan))


def new_campaign_by_name(context: AppContext, body: CampaignByName) -> CampaignCreated:
    """Create a campaign from stored candidates and open it; returns its id. For admins."""
    return new_campaign(context, body.nested())


def preview(context: AppContext, body: Preview) -> PairsFound:
    """How many pairs a campaign of this source would have."""
    return PairsFound(candidates.preview(context, body.source.read(), body.aspect))


def set_state(context: AppContext, campaign_id: Id, body: State) -> StateNow:
    """Open, pause, close or delete it: only an open one offers comparisons.

    Votes on offers made are accepted; those of a deleted one stay in the log and count.
    """
    campaigns.set_state(context, campaign_id, body.state)
    return StateNow(body.state)


def change(context: AppContext, campaign_id: Id, body: CampaignChanges) -> StateNow:
    """Rename it, or set its deadline, at which nothing ends by itself."""
    if body.name is not None:
        changing.rename(context, campaign_id, body.name)
    if "deadline" in body.model_fields_set:
        changing.set_deadline(context, campaign_id, body.deadline)
    return StateNow("stored")


def duplicate(context: AppContext, campaign_id: Id, body: Copy) -> CampaignCreated:
    """Create another campaign of the same plan; its pairs are chosen anew."""
    return CampaignCreated(changing.duplicate(context, campaign_id, body.name))


def set_guidelines(context: AppContext, campaign_id: Id, body: GuidelinesText) -> StateNow:
    """Store the guidelines for raters, in Markdown."""
    campaigns.set_guidelines(context, campaign_id, body.guidelines)
    return StateNow("stored")


def render_guidelines(_: AppContext, body: GuidelinesText) -> Rendered:
    """Guidelines as raters will read them: sanitised HTML of the Markdown."""
    return Rendered(campaigns.guidelines_html(body.guidelines))


def add_items(context: AppContext, campaign_id: Id, body: NewItems) -> ItemsAdded:
    """Add comparisons by hand: plain, gold, or for practice. Pairs of the same words are left out,
    and `note` says so."""
    known = [Known(**item.model_dump()) for item in body.items]
    return ItemsAdded(*items.add_known(context, campaign_id, known))


def known_items(context: AppContext, campaign_id: Id) -> list[KnownItem]:
    """The comparisons with a known answer."""
    return [KnownItem(**row) for row in items.known(context, campaign_id)]


def judge(context: AppContext, campaign_id: Id, body: JudgeRequest, person: Caller) -> JobQueued:
    """Queue a job in which a judge labels the campaign too."""
    by, rater = people.name_of(context, person), person.rater
    return JobQueued(jobs.start_judging(context, campaign_id, body.judge, by=by, rater=rater))
