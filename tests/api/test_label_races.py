"""People at the same campaign at the same time: no slot is filled twice, no counter is off."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier
from typing import Any
from uuid import uuid4

from campaign_world import Campaign, Make, join, make_campaign, next_pairs, vote

from bench.labels.recount import Recount, recount
from ptrapp.services.context import AppContext


def people(visitor: Make, admin: Any, n: int) -> list[Any]:
    group = uuid4().hex[:8]
    return [join(visitor, admin, "annotator", f"{group}-{number}") for number in range(n)]


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Everybody waits for everybody, then all go."""
    start = Barrier(len(calls))

    def go(call: Callable[[], Any]) -> Any:
        start.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


def label_all(rater: Any, campaign: Campaign) -> list[str]:
    """Take what is given until nothing is; the keys that were acknowledged."""
    keys = []
    while pairs := next_pairs(rater, campaign, tab="page"):
        assert vote(rater, pairs[0]["key"])["stored"]
        keys.append(pairs[0]["key"])
        assert len(keys) < 200
    return keys


def recounted(context: AppContext, campaign: Campaign, keys: Sequence[str] = ()) -> Recount:
    found = recount(Path(context.settings.data_dir), campaign.id, keys)
    assert not found.flaws, found
    return found


def test_more_people_than_slots_fill_each_slot_once(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 9, overlap=2)
    raters = people(visitor, ada, 6)
    keys = at_once([lambda rater=rater: label_all(rater, campaign) for rater in raters])
    acknowledged = [key for of_one in keys for key in of_one]
    assert len(acknowledged) == len(set(acknowledged)) == 18
    assert recounted(context, campaign, acknowledged).n_votes == 18


def test_a_budget_is_spent_to_the_last_and_no_further(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 6, overlap=3, budget=7)
    raters = people(visitor, ada, 6)
    keys = at_once([lambda rater=rater: label_all(rater, campaign) for rater in raters])
    assert sum(map(len, keys)) == 7
    assert recounted(context, campaign).n_votes == 7


def test_pages_of_one_person_never_hold_the_same_pair(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 12)
    (rater,) = people(visitor, ada, 1)
    cookies = rater.client.cookies
    pages = [visitor() for _ in range(4)]
    for page in pages:
        page.client.cookies = cookies
    given = at_once(
        [
            lambda page=page, tab=str(number): next_pairs(page, campaign, 3, tab=tab)
            for number, page in enumerate(pages)
        ]
    )
    prompts = Counter(pair["prompt"] for pairs in given for pair in pairs)
    assert len(prompts) == prompts.total() == 12
    recounted(context, campaign)


def test_a_vote_sent_many_times_at_once_is_one_vote(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1, overlap=2)
    (rater,) = people(visitor, ada, 1)
    (pair,) = next_pairs(rater, campaign)
    pages = [visitor() for _ in range(6)]
    for page in pages:
        page.client.cookies = rater.client.cookies
    answers = at_once([lambda page=page: vote(page, pair["key"]) for page in pages])
    assert answers == [answers[0]] * 6
    assert recounted(context, campaign, [pair["key"]]).n_votes == 1


def test_a_vote_and_a_skip_at_once_are_one_of_both(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 8)
    (rater,) = people(visitor, ada, 1)
    other = visitor()
    other.client.cookies = rater.client.cookies
    for _ in range(8):
        (pair,) = next_pairs(rater, campaign)
        key = pair["key"]
        answers = at_once(
            [
                lambda key=key: rater.post(f"/labels/{key}/vote", {"outcome": "tie"}).status_code,
                lambda key=key: other.post(f"/labels/{key}/skip").status_code,
            ]
        )
        assert sorted(answers) == [200, 409]
    recounted(context, campaign)


def work_badly(rater: Any, campaign: Campaign, seed: int) -> None:
    """Vote, skip, change one's mind, ask for more than one answers, as chance has it."""
    chance = Random(seed)
    for _ in range(25):
        pairs = next_pairs(rater, campaign, chance.choice((1, 1, 3)), tab="page")
        for pair in pairs[: chance.choice((1, 2))]:
            match chance.choice(("vote", "vote", "skip", "undo")):
                case "vote":
                    vote(rater, pair["key"], chance.choice(("left", "right", "tie")))
                case "skip":
                    assert rater.post(f"/labels/{pair['key']}/skip").status_code == 200
                case "undo":
                    body = {"key": uuid4().hex, "tab": "page"}
                    done = rater.post(f"/campaigns/{campaign.id}/undo", body)
                    assert done.status_code == 200, done.text


def test_votes_skips_and_undos_of_many_leave_every_counter_right(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 20, overlap=2, gold=2, mix={"uniform": 1, "gold": 0.2})
    raters = people(visitor, ada, 5)
    at_once(
        [
            lambda rater=rater, seed=seed: work_badly(rater, campaign, seed)
            for seed, rater in enumerate(raters)
        ]
    )
    recounted(context, campaign)
    keys = at_once([lambda rater=rater: label_all(rater, campaign) for rater in raters])
    recounted(context, campaign, [key for of_one in keys for key in of_one])
