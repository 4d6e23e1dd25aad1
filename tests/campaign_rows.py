"""A campaign written row by row: what was given to whom and how it was answered, and no more."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from db.labelling import votes
from db.models import (
    Aspect,
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    ItemKind,
    Offer,
    Outcome,
    Purpose,
    Vote,
    now,
)
from db.storage.session import Session


@dataclass
class CampaignRows:
    session: Session
    campaign: Campaign

    def item(
        self, comparison_id: int, kind: ItemKind = ItemKind.PLAIN, gold: Outcome | None = None
    ) -> CampaignItem:
        item = CampaignItem(
            campaign_id=self.campaign.id,
            comparison_id=comparison_id,
            kind=kind,
            overlap=2,
            draw=0.5,
            gold_outcome=gold,
        )
        self.session.add(item)
        self.session.flush()
        return item

    def answer(
        self,
        item: CampaignItem,
        rater_id: int,
        shown: Outcome,
        *,
        flipped: bool = False,
        purpose: Purpose = Purpose.LABEL,
        state: AssignmentState = AssignmentState.DONE,
        done_at: datetime | None = None,
        decided_ms: int | None = 1500,
        strength: int = 1,
        counts: bool = False,
    ) -> Vote:
        """Show the item, and vote as the screen shows it."""
        offer = Offer(
            key=uuid4().hex,
            comparison_id=item.comparison_id,
            rater_id=rater_id,
            flipped=flipped,
            purpose=purpose,
        )
        self.session.add(offer)
        self.session.flush()
        self.session.add(
            Assignment(
                campaign_id=item.campaign_id,
                item_id=item.id,
                rater_id=rater_id,
                purpose=purpose,
                state=state,
                counts=counts,
                offer_key=offer.key,
                done_at=done_at or now(),
            )
        )
        return votes.cast_vote(
            self.session, offer.key, shown, strength=strength, decided_ms=decided_ms
        )


def new_campaign(session: Session, name: str = "first") -> CampaignRows:
    campaign = Campaign(
        name=name, aspect=Aspect.RESPONSE, state=CampaignState.OPEN, overlap=2, mix={}
    )
    session.add(campaign)
    session.flush()
    return CampaignRows(session, campaign)
