"""A campaign is renamed, given a deadline, copied, paused, deleted and brought back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from labelling_world import Work, somebody

from db.models import Campaign
from db.storage.errors import Conflict, Missing
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.people import Role
from ptrapp.services.labelling import answering, campaigns, changing
from ptrapp.services.labelling.campaigns import CampaignPlan, Mix
from ptrapp.services.labelling.candidates import Source, SourceKind

ADA, ROOT = somebody(), somebody("Root", Role.ADMIN)


@pytest.fixture
def work(world: Any) -> Work:
    return Work(world.context)


def named(work: Work, name: str) -> int:
    return campaigns.create(work.context, CampaignPlan(name, source=Source(SourceKind.NONE)))


def test_a_name_is_taken_by_one_campaign_alone(work: Work) -> None:
    first, second = named(work, "One"), named(work, "Two")
    assert changing.rename(work.context, second, "  Two   again ") == "Two again"
    assert changing.rename(work.context, second, "Two again") == "Two again"
    with pytest.raises(Conflict, match="There is a campaign 'One' already"):
        changing.rename(work.context, second, "One")
    with pytest.raises(InputError, match="1 to 120"):
        changing.rename(work.context, second, " ")
    campaigns.set_state(work.context, first, "deleted")
    with pytest.raises(Conflict, match="A deleted campaign is called 'One'"):
        named(work, "One")
    with pytest.raises(Missing):
        changing.rename(work.context, 999_999, "x")


def test_a_name_that_turns_or_hides_text_is_refused(work: Work) -> None:
    made = named(work, "Week")
    for name in ("Week \u202elive", "We\u200bek"):
        with pytest.raises(InputError, match="hide or turn text"):
            changing.rename(work.context, made, name)
        with pytest.raises(InputError, match="hide or turn text"):
            named(work, name)
    assert changing.rename(work.context, made, "Woche für Größe 漢字") == "Woche für Größe 漢字"


def test_a_deadline_is_kept_in_utc_and_removed(work: Work) -> None:
    made = named(work, "Due")
    changing.set_deadline(work.context, made, datetime(2026, 5, 1))
    view = campaigns.view(work.context, ADA, made)
    assert view.deadline == datetime(2026, 5, 1, tzinfo=UTC).isoformat()
    changing.set_deadline(work.context, made, None)
    assert campaigns.view(work.context, ADA, made).deadline is None


def test_a_copy_has_the_plan_and_chooses_its_pairs_anew(work: Work) -> None:
    work.pair()
    plan = CampaignPlan(
        "Round", source=Source(SourceKind.SIBLINGS, max_pairs=7, seed=3), guidelines="**Short**",
        overlap=2, budget=9, mix=Mix(0.2, 0.7, 0.1), reveal=True, n_practice=1,
    )  # fmt: skip
    first = campaigns.create(work.context, plan)
    work.pair()
    copies = [changing.duplicate(work.context, first) for _ in range(2)]
    with work.context.database.read() as session:
        one, two, three = (session.get_one(Campaign, each) for each in (first, *copies))
        assert [each.name for each in (one, two, three)] == ["Round", "Round 2", "Round 3"]
        assert (one.n_items, two.n_items) == (1, 2)
        for name in ("guidelines", "overlap", "budget", "mix", "reveal", "n_practice", "settings"):
            assert getattr(two, name) == getattr(one, name), name
    assert changing.duplicate(work.context, first, "Another")
    with pytest.raises(Conflict):
        changing.duplicate(work.context, first, "Round")


@pytest.mark.parametrize("state", ["paused", "closed", "deleted"])
def test_one_that_is_not_open_gives_nothing_out_and_takes_votes(work: Work, state: str) -> None:
    made = work.campaign(2)
    (pair,) = made.next(ADA)
    campaigns.set_state(work.context, made.id, state)
    with pytest.raises(Conflict, match=state):
        made.next(ADA)
    assert answering.vote(work.context, ADA, pair.key, "left").counted
    told = [one.state for one in campaigns.listing(work.context, ADA)]
    assert told == ([] if state == "deleted" else [state]), (
        "who had begun is told what became of it"
    )
    campaigns.set_state(work.context, made.id, "open")
    assert len(made.next(ADA)) == 1


def test_a_deleted_one_is_shown_nowhere_and_can_be_brought_back(work: Work) -> None:
    made = work.campaign(1)
    campaigns.set_state(work.context, made.id, "deleted")
    assert not campaigns.listing(work.context, ROOT)
    with pytest.raises(NotFound):
        campaigns.view(work.context, ROOT, made.id)
    assert [row.id for row in campaigns.deleted(work.context)] == [made.id]
    campaigns.set_state(work.context, made.id, "closed")
    assert [row.id for row in campaigns.listing(work.context, ROOT)] == [made.id]
    with pytest.raises(InputError, match="say one of open, paused, closed, deleted"):
        campaigns.set_state(work.context, made.id, "preparing")
