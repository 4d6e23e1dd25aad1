"""Labelling over HTTP: what is given, stored, withdrawn and refused, and sent twice is done once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import (
    SHOWN,
    Campaign,
    Make,
    join,
    make_campaign,
    next_pairs,
    program,
    sentence,
    vote,
)
from sqlalchemy import func, select, update

from db.content import prompts
from db.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    Comparison,
    Rater,
    RaterKind,
    Round,
    Vote,
)
from ptrapp.services.context import AppContext

NOBODYS = "0" * 32


@pytest.fixture
def bea(ada: Any, visitor: Make) -> Any:
    return join(visitor, ada, "annotator", f"bea-{uuid4().hex[:8]}")


@pytest.fixture
def cas(ada: Any, visitor: Make) -> Any:
    return join(visitor, ada, "annotator", f"cas-{uuid4().hex[:8]}")


def n_votes(context: AppContext) -> int:
    with context.database.read() as session:
        return session.scalar(select(func.count()).select_from(Vote)) or 0


def assignment(context: AppContext, key: str) -> Assignment:
    with context.database.read() as session:
        return session.scalars(select(Assignment).where(Assignment.offer_key == key)).one()


def run_out(context: AppContext, key: str) -> None:
    """As if the rater had been away for longer than the lease."""
    with context.database.write() as session:
        session.execute(
            update(Assignment).where(Assignment.offer_key == key).values(lease_until=1.0)
        )


def undo(rater: Any, campaign: Campaign, key: str | None = None) -> Any:
    taken_back = rater.post(f"/campaigns/{campaign.id}/undo", {"key": key or uuid4().hex})
    assert taken_back.status_code == 200, taken_back.text
    return taken_back.json()["pair"]


def test_the_next_pairs_come_with_how_far_one_is(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 3)
    given = bea.post(f"/campaigns/{campaign.id}/next", {}).json()
    assert {name: given[name] for name in ("done", "practice_left", "finished")} == {
        "done": 0, "practice_left": 0, "finished": False,
    }  # fmt: skip
    (pair,) = given["pairs"]
    assert (pair["aspect"], pair["practice"], pair["was"]) == ("response", False, None)
    assert {pair["left"]["text"][:12], pair["right"]["text"][:12]} == {f"{SHOWN} 0", f"{SHOWN} 1"}
    assert pair["prompt_html"] == f"<p>{pair['prompt']}</p>\n"
    assert pair["left"]["html"] == f"<p>{pair['left']['text']}</p>\n"

    assert vote(bea, pair["key"], decided_ms=800, client="test") == {
        "stored": True, "counted": True, "done": 1, "practice": None, "note": "",
    }  # fmt: skip
    rest = next_pairs(bea, campaign, 10)
    assert len(rest) == 2
    for left in rest:
        vote(bea, left["key"])
    over = bea.post(f"/campaigns/{campaign.id}/next", {"n": 2}).json()
    assert over == {"pairs": [], "done": 3, "practice_left": 0, "finished": True}


def test_a_rater_is_told_that_a_response_was_cut_off(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 2)
    with context.database.write() as session:
        cut = session.scalars(select(Round).where(Round.response.startswith(f"{SHOWN} 0"))).first()
        assert cut is not None
        cut.finish_reason, response = "length", cut.response
    for pair in next_pairs(bea, campaign, 2):
        for side in (pair["left"], pair["right"]):
            said = side["html"].endswith("<p><em>(cut off at the token limit)</em></p>")
            assert said is (side["text"] == response)
            assert "cut off" not in side["text"]


def test_who_finds_all_pairs_with_somebody_else_is_not_finished(
    ada: Any, bea: Any, cas: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 3)
    taken = [pair["key"] for pair in next_pairs(bea, campaign, 3)]

    def asked() -> tuple[list[str], bool]:
        found = cas.post(f"/campaigns/{campaign.id}/next", {"n": 3}).json()
        return [pair["key"] for pair in found["pairs"]], found["finished"]

    assert asked() == ([], False)
    vote(bea, taken[0])
    assert cas.post("/labels/leave", {"keys": taken}).status_code == 200
    assert assignment(context, taken[1]).lease_until - time() > 1000, "they are not hers"
    assert bea.post("/labels/leave", {"keys": taken}).json() == {"stored": True}
    assert assignment(context, taken[1]).lease_until - time() < 61
    assert assignment(context, taken[0]).state is AssignmentState.DONE
    assert asked() == ([], False), "she may come back"
    for key in taken[1:]:
        run_out(context, key)
    keys, finished = asked()
    assert (len(keys), finished) == (2, False)
    for key in keys:
        vote(cas, key)
    assert asked() == ([], True)


def test_the_conversation_before_a_prompt_is_shown(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 1)
    with context.database.write() as session:
        prompt = prompts.ensure_prompt(
            session, f"And {uuid4().hex}?", source="test", system="Be *brief*.",
            context=[
                {"role": "user", "content": "**Hello** <script>alert(1)</script>"},
                {"role": "assistant", "content": "I am ChatGPT."},
            ],
        )  # fmt: skip
        comparison_id = session.scalars(
            select(CampaignItem.comparison_id).where(CampaignItem.campaign_id == campaign.id)
        ).one()
        session.get_one(Comparison, comparison_id).prompt_id = prompt.id
    (pair,) = next_pairs(bea, campaign)
    assert pair["system"] == "Be *brief*."
    assert [turn["role"] for turn in pair["context"]] == ["user", "assistant"]
    assert "<strong>Hello</strong>" in pair["context"][0]["html"]
    assert "<script" not in pair["context"][0]["html"]
    assert "ChatGPT" not in pair["context"][1]["html"]


@pytest.mark.parametrize("outcome", ["left", "right", "tie", "both_bad"])
def test_an_answer_is_stored_as_what_stood_on_the_screen(
    ada: Any, bea: Any, context: AppContext, outcome: str
) -> None:
    campaign = make_campaign(ada, context, 4)
    strength = 3 if outcome in ("left", "right") else 1
    for pair in next_pairs(bea, campaign, 4):
        vote(bea, pair["key"], outcome, strength=strength, decided_ms=1234, client="test")
        with context.database.read() as session:
            (stored,) = session.scalars(select(Vote).where(Vote.key == pair["key"])).all()
            better = {"left": stored.comparison.left, "right": stored.comparison.right}
            better_side = better.get(stored.outcome.value)
        assert (stored.strength, stored.decided_ms, stored.client) == (strength, 1234, "test")
        if better_side:
            assert better_side.response == pair[outcome]["text"]
        else:
            assert stored.outcome.value == outcome


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "tie", "strength": 2},
        {"outcome": "both_bad", "strength": 3},
        {"outcome": "left", "strength": True},
        {"outcome": "left", "strength": "2"},
    ],
)
def test_a_strength_without_a_better_side_or_that_is_no_number_is_refused(
    ada: Any, bea: Any, context: AppContext, said: dict[str, Any]
) -> None:
    campaign = make_campaign(ada, context, 2)
    (pair,) = next_pairs(bea, campaign)
    before = n_votes(context)
    assert bea.post(f"/labels/{pair['key']}/vote", said).status_code in (400, 422)
    assert n_votes(context) == before


def test_sent_twice_it_is_stored_once_and_answered_alike(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 2)
    (pair,) = next_pairs(bea, campaign)
    first = vote(bea, pair["key"], "left", strength=2)
    before = n_votes(context)
    assert vote(bea, pair["key"], "left", strength=2) == first
    for other_answer in ({"outcome": "right", "strength": 2}, {"outcome": "left"}):
        refused = bea.post(f"/labels/{pair['key']}/vote", other_answer)
        assert "has another answer of yours" in sentence(refused, 409)
    assert n_votes(context) == before

    for path, body in (("reason", {"text": "shorter"}), ("flag", {"note": "odd"})):
        url = f"/labels/{pair['key']}/{path}"
        assert bea.post(url, body).json() == bea.post(url, body).json()
    assert n_votes(context) == before + 1, "one row for the reason"
    (other,) = next_pairs(bea, campaign)
    for _ in range(2):
        assert bea.post(f"/labels/{other['key']}/skip").json() == {"skipped": True}
    assert bea.get(f"/campaigns/{campaign.id}").json()["n_skipped_by_me"] == 1

    for counter, prompt in (("n_skipped_by_me", other["prompt"]), ("n_done_by_me", pair["prompt"])):
        key = uuid4().hex
        taken_back = undo(bea, campaign, key)
        assert taken_back == undo(bea, campaign, key)
        assert taken_back["prompt"] == prompt
        assert bea.get(f"/campaigns/{campaign.id}").json()[counter] == 0


def test_a_hundred_sends_of_one_vote_at_once_are_one(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(bea, campaign)
    before = n_votes(context)
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: vote(bea, pair["key"]), range(24)))
    assert {answer["done"] for answer in answers} == {1}
    assert n_votes(context) == before + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "withdrawn"},
        {"outcome": "best"},
        {"outcome": None},
        {"strength": 0},
        {"strength": 4},
        {"strength": 1.5},
        {"decided_ms": -1},
        {"decided_ms": 10**12},
        {"client": "x" * 33},
        {"surprise": 1},
    ],
)
def test_what_is_no_answer_is_refused(
    ada: Any, bea: Any, context: AppContext, wrong: dict[str, Any]
) -> None:
    (pair,) = next_pairs(bea, make_campaign(ada, context, 1))
    before = n_votes(context)
    answer = bea.post(f"/labels/{pair['key']}/vote", {"outcome": "left"} | wrong)
    assert next(iter(wrong)) in sentence(answer, 422)
    assert n_votes(context) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("flag", {"note": "x" * 2001}),
        ("flag", {"flagged": "perhaps"}),
        ("reason", {"text": "x" * 2001}),
        ("reason", {}),
    ],
)
def test_words_that_cannot_be_kept_are_refused(
    ada: Any, bea: Any, context: AppContext, path: str, body: dict[str, Any]
) -> None:
    (pair,) = next_pairs(bea, make_campaign(ada, context, 1))
    vote(bea, pair["key"])
    assert next(iter(body), "text") in sentence(
        bea.post(f"/labels/{pair['key']}/{path}", body), 422
    )


@pytest.mark.parametrize(
    "body",
    [{"n": 0}, {"n": 11}, {"n": "many"}, {"have": ["x" * 65]}, {"have": ["x"] * 51},
     {"tab": "x" * 65}, {"surprise": 1}],
)  # fmt: skip
def test_what_cannot_be_given_is_refused(
    ada: Any, bea: Any, context: AppContext, body: dict[str, Any]
) -> None:
    campaign = make_campaign(ada, context, 1)
    given = bea.post(f"/campaigns/{campaign.id}/next", body)
    assert next(iter(body)) in sentence(given, 422)


def test_a_key_is_good_for_whom_it_was_given(
    ada: Any, bea: Any, cas: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 2, reveal=True)
    (pair,) = next_pairs(bea, campaign)
    before = n_votes(context)
    for key in (pair["key"], NOBODYS, "nobody's", "é"):
        for stranger in (cas, ada) if key == pair["key"] else (cas,):
            for path, body in (
                ("vote", {"outcome": "left"}),
                ("skip", None),
                ("flag", {}),
                ("reason", {"text": "mine"}),
                ("reveal", None),
            ):
                refused = stranger.post(f"/labels/{key}/{path}", body)
                assert "not given to you" in sentence(refused, 404), path
            refused = stranger.get(f"/labels/{key}/diff")
            assert "not given to you" in sentence(refused, 404)
    for key in ("x" * 65,):
        assert "key" in sentence(cas.post(f"/labels/{key}/skip"), 422)
    assert n_votes(context) == before
    assert SHOWN.encode() not in cas.seen
    assert vote(bea, pair["key"])["counted"]


def test_the_key_of_another_page_is_no_key_here(ada: Any, context: AppContext) -> None:
    """An offer of the Play page belongs to no campaign."""
    key = ada.offer(*ada.play(mode="sample", n=2))
    for path, body in (("vote", {"outcome": "left"}), ("skip", None), ("flag", {})):
        assert "not given to you" in sentence(ada.post(f"/labels/{key}/{path}", body), 404)
    assert "not given to you" in sentence(ada.get(f"/labels/{key}/diff"), 404)


def test_an_unknown_campaign_is_not_found(ada: Any, bea: Any) -> None:
    for path, body in (("next", {}), ("undo", {"key": uuid4().hex})):
        assert "no campaign 999999" in sentence(bea.post(f"/campaigns/999999/{path}", body), 404)
        assert sentence(bea.post(f"/campaigns/0/{path}", body), 422)
        assert sentence(bea.post(f"/campaigns/{2**31}/{path}", body), 422)


def test_a_closed_campaign_gives_nothing_out_and_takes_what_it_gave(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 3)
    first, second = next_pairs(bea, campaign, 2)
    ada.post(f"/campaigns/{campaign.id}/state", {"state": "closed"})
    assert "is closed" in sentence(bea.post(f"/campaigns/{campaign.id}/next", {}), 409)
    assert vote(bea, first["key"])["counted"]
    assert bea.post(f"/labels/{second['key']}/skip").json() == {"skipped": True}
    skipped, voted = undo(bea, campaign), undo(bea, campaign)
    assert (skipped["prompt"], skipped["was"]) == (second["prompt"], None)
    assert (voted["prompt"], voted["was"]) == (first["prompt"], "left")
    ada.post(f"/campaigns/{campaign.id}/state", {"state": "open"})
    assert len(next_pairs(bea, campaign, 3)) == 3


def test_a_budget_is_never_overspent(ada: Any, bea: Any, cas: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 6, budget=3)
    given = [*next_pairs(bea, campaign, 2), *next_pairs(cas, campaign, 5)]
    assert len(given) == 3
    assert (
        cas.post(f"/campaigns/{campaign.id}/next", {"n": 1, "have": [given[2]["key"]]}).json()[
            "pairs"
        ]
        == []
    )
    bea.post(f"/labels/{given[0]['key']}/skip")
    assert len(next_pairs(cas, campaign, 1, have=[given[2]["key"]])) == 1, "its slot is free again"


def test_a_vote_that_comes_too_late_is_kept_and_counts_for_nobody(
    ada: Any, bea: Any, cas: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(bea, campaign)
    run_out(context, pair["key"])
    (same,) = next_pairs(cas, campaign)
    assert vote(cas, same["key"])["counted"]
    late = vote(bea, pair["key"], "tie")
    assert (late["counted"], late["done"]) == (False, 0)
    assert vote(bea, pair["key"], "tie") == late
    counts = ada.get(f"/campaigns/{campaign.id}").json()
    assert (counts["n_taken"], counts["n_done"]) == (1, 1)


def test_a_late_vote_whose_slot_is_free_counts(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 2)
    (pair,) = next_pairs(bea, campaign)
    run_out(context, pair["key"])
    assert vote(bea, pair["key"])["counted"]
    assert ada.get(f"/campaigns/{campaign.id}").json()["n_done"] == 1


def test_a_new_annotator_practises_first(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 2, practice=2)
    assert bea.get(f"/campaigns/{campaign.id}").json()["practice_left"] == 2
    lessons = []
    for left in (2, 1):
        given = bea.post(f"/campaigns/{campaign.id}/next", {}).json()
        (pair,) = given["pairs"]
        assert (pair["practice"], given["practice_left"], given["done"]) == (True, left, 0)
        answer = vote(bea, pair["key"], "left")
        lessons.append(answer["practice"])
        assert answer["done"] == 0
        assert vote(bea, pair["key"], "left") == answer
        refused = bea.post(f"/labels/{pair['key']}/vote", {"outcome": "right"})
        assert "has another answer of yours" in sentence(refused, 409), "now that it is known"
        right_one = pair["left"]["text"].startswith(f"{SHOWN} 0")
        assert (lessons[-1]["right"], lessons[-1]["expected"]) == (
            right_one,
            "left" if right_one else "right",
        )
    (pair,) = next_pairs(bea, campaign)
    assert not pair["practice"]
    assert vote(bea, pair["key"])["practice"] is None
    assert vote(bea, pair["key"])["done"] == 1


def test_undo_goes_ten_deep_and_gives_the_pairs_back_as_they_stood(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 12)
    given = []
    outcomes = ["left", "right", "tie", "both_bad"] * 3
    for outcome in outcomes:
        (pair,) = next_pairs(bea, campaign)
        vote(bea, pair["key"], outcome)
        given.append((pair["prompt"], pair["left"], outcome))
    undone = [undo(bea, campaign) for _ in range(12)]
    assert [(pair["prompt"], pair["left"], pair["was"]) for pair in undone] == given[::-1]
    assert undo(bea, campaign) is None
    assert bea.get(f"/campaigns/{campaign.id}").json()["n_done_by_me"] == 0
    assert ada.get(f"/campaigns/{campaign.id}").json()["n_done"] == 0

    again = undone[-1]
    assert vote(bea, again["key"], "tie") == {
        "stored": True, "counted": True, "done": 1, "practice": None, "note": "",
    }  # fmt: skip
    assert undo(bea, campaign)["was"] == "tie"
    assert undo(bea, campaign) is None, "what was undone before stays undone"


def test_an_undone_pair_is_still_ones_own_and_comes_again(
    ada: Any, bea: Any, cas: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(bea, campaign, tab="one")
    vote(bea, pair["key"])
    body = {"key": uuid4().hex, "tab": "one"}
    back = bea.post(f"/campaigns/{campaign.id}/undo", body).json()["pair"]
    assert next_pairs(cas, campaign) == [], "its slot is taken"
    (held,) = next_pairs(bea, campaign, tab="one")
    assert held["key"] == back["key"] != pair["key"]
    assert "not given to you" in sentence(bea.post(f"/labels/{pair['key']}/skip"), 404)


def test_an_undo_names_itself_and_no_vote(
    ada: Any, bea: Any, cas: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 2, overlap=2)
    for rater in (bea, cas):
        for pair in next_pairs(rater, campaign, 2):
            vote(rater, pair["key"])
    mine, theirs = uuid4().hex, uuid4().hex
    undo(bea, campaign, mine)
    undo(cas, campaign, theirs)
    (voted,) = [row.offer_key for row in votes_of(context, campaign) if row.state == "done"][:1]
    other = make_campaign(ada, context, 1)
    (shown,) = next_pairs(bea, other)
    vote(bea, next_pairs(bea, campaign)[0]["key"])
    for campaign_id, key in (
        (campaign.id, shown["key"]),
        (other.id, shown["key"]),
        (campaign.id, theirs),
        (campaign.id, voted),
        (other.id, mine),
    ):
        refused = bea.post(f"/campaigns/{campaign_id}/undo", {"key": key})
        assert "another" in sentence(refused, 409)
    assert sentence(bea.post(f"/campaigns/{campaign.id}/undo", {"key": "short"}), 422)
    assert sentence(bea.post(f"/campaigns/{campaign.id}/undo", {"key": "x" * 65}), 422)
    before = n_votes(context)
    assert vote(bea, shown["key"])["counted"]
    assert n_votes(context) == before + 1, "what is acknowledged is stored"


def votes_of(context: AppContext, campaign: Campaign) -> list[Assignment]:
    with context.database.read() as session:
        rows = select(Assignment).where(Assignment.campaign_id == campaign.id)
        return list(session.scalars(rows.order_by(Assignment.id)))


def test_two_pages_of_one_person_are_given_different_pairs(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 5)
    one = next_pairs(bea, campaign, 2, tab="one")
    two = next_pairs(bea, campaign, 2, tab="two")
    keys = [pair["key"] for pair in one + two]
    assert len(set(keys)) == 4
    assert [pair["key"] for pair in next_pairs(bea, campaign, 2, tab="one")] == keys[:2], "reloaded"
    more = next_pairs(bea, campaign, 2, tab="one", have=keys[:2])
    assert len(more) == 1
    assert more[0]["key"] not in keys
    for pair in one + more:
        vote(bea, pair["key"])
    left = next_pairs(bea, campaign, 5, tab="three")
    assert [pair["key"] for pair in left] == keys[2:], "what a closed page held comes at the end"


def test_everybody_at_once_gets_each_pair_once_and_no_pair_too_often(
    ada: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 20, overlap=2)
    people = [join(visitor, ada, "annotator", f"p{n}-{uuid4().hex[:6]}") for n in range(3)]

    def work(rater: Any, tab: str) -> list[tuple[str, str]]:
        given = []
        while pairs := next_pairs(rater, campaign, 2, tab=tab):
            for pair in pairs:
                if vote(rater, pair["key"])["counted"]:
                    given.append((tab[:2], pair["prompt"]))
        return given

    pages = [(rater, f"p{n}{tab}") for n, rater in enumerate(people) for tab in "ab"]
    with ThreadPoolExecutor(len(pages)) as crowd:
        done = [pair for given in crowd.map(lambda page: work(*page), pages) for pair in given]
    by_prompt = Counter(prompt for _, prompt in set(done))
    assert len(by_prompt) == 20
    assert set(by_prompt.values()) == {2}, "two people each"
    counts = ada.get(f"/campaigns/{campaign.id}").json()
    assert (counts["n_taken"], counts["n_done"], counts["n_slots"]) == (40, 40, 40)


def test_what_is_skipped_is_free_for_others_and_never_comes_again(
    ada: Any, bea: Any, cas: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(bea, campaign)
    assert bea.post(f"/labels/{pair['key']}/skip").json() == {"skipped": True}
    assert next_pairs(bea, campaign) == []
    refused = bea.post(f"/labels/{pair['key']}/vote", {"outcome": "left"})
    assert "You skipped" in sentence(refused, 409)
    (same,) = next_pairs(cas, campaign)
    assert same["prompt"] == pair["prompt"]
    vote(cas, same["key"])
    assert "has your vote" in sentence(cas.post(f"/labels/{same['key']}/skip"), 409)


def test_an_administrator_finds_what_was_flagged_and_takes_the_flag_away(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 3)
    url = f"/campaigns/{campaign.id}/flags"
    assert ada.get(url).json() == {"n": 0, "offset": 0, "shown": []}
    first, second, _ = next_pairs(bea, campaign, 3)
    for pair, note in ((first, "both are wrong"), (second, "")):
        assert bea.post(f"/labels/{pair['key']}/flag", {"note": note}).json() == {"flagged": True}
    vote(bea, first["key"])
    assert bea.post(f"/labels/{second['key']}/skip").status_code == 200
    assert bea.get(url).status_code == 403

    newest, older = ada.get(url).json()["shown"]
    assert [(one["note"], one["state"]) for one in (newest, older)] == [
        ("", "skipped"), ("both are wrong", "done")
    ]  # fmt: skip
    assert newest["at"] >= older["at"]
    assert older["comparison"]["prompt"] == first["prompt"]
    assert older["rater"] in [said["rater"] for said in older["comparison"]["said"]]
    paged = ada.get(f"{url}?offset=1&limit=1").json()
    assert (paged["n"], paged["shown"]) == (2, [older])

    for _ in range(2):
        assert ada.post(f"{url}/{older['id']}/remove").json() == {"flagged": False}
    assert ada.get(url).json()["shown"] == [newest]
    other = make_campaign(ada, context, 1)
    elsewhere = ada.post(f"/campaigns/{other.id}/flags/{newest['id']}/remove")
    assert "has no flag" in sentence(elsewhere, 404)


def test_a_flag_is_set_and_taken_away(ada: Any, bea: Any, context: AppContext) -> None:
    (pair,) = next_pairs(bea, make_campaign(ada, context, 1))
    url = f"/labels/{pair['key']}/flag"
    assert bea.post(url, {"note": " both are wrong "}).json() == {"flagged": True}
    row = assignment(context, pair["key"])
    assert (row.flagged, row.note) == (True, "both are wrong")
    vote(bea, pair["key"])
    assert bea.post(url, {"flagged": False, "note": "never mind"}).json() == {"flagged": False}
    row = assignment(context, pair["key"])
    assert (row.flagged, row.note, row.state) == (False, None, AssignmentState.DONE)


def test_a_reason_is_for_a_vote_that_stands(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(bea, campaign)
    url = f"/labels/{pair['key']}/reason"
    assert "no vote" in sentence(bea.post(url, {"text": "early"}), 409)
    vote(bea, pair["key"], "right", strength=2)
    for text, kept in ((" alike ", "alike"), ("quite alike", "quite alike"), ("", None)):
        assert bea.post(url, {"text": text}).json() == {"stored": True}
        with context.database.read() as session:
            newest = session.scalars(
                select(Vote).where(Vote.offer_key == pair["key"]).order_by(Vote.id.desc())
            ).first()
            assert newest is not None
            assert (newest.rationale, newest.strength) == (kept, 2)
    assert undo(bea, campaign)["was"] == "right"
    assert "not given to you" in sentence(bea.post(url, {"text": "after"}), 404)


def test_the_changes_go_from_left_to_right(ada: Any, bea: Any, context: AppContext) -> None:
    (pair,) = next_pairs(bea, make_campaign(ada, context, 1))
    pieces = bea.get(f"/labels/{pair['key']}/diff").json()["pieces"]
    assert "".join(text for text, kind in pieces if kind != "added") == pair["left"]["text"]
    assert "".join(text for text, kind in pieces if kind != "removed") == pair["right"]["text"]
    assert {kind for _, kind in pieces} == {"same", "added", "removed"}


def test_nothing_is_revealed_where_the_campaign_hides_it(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    (pair,) = next_pairs(bea, campaign)
    vote(bea, pair["key"])
    refused = bea.post(f"/labels/{pair['key']}/reveal")
    assert "keeps thoughts and versions hidden" in sentence(refused, 403)


def test_an_agent_is_a_judge_and_takes_nobodys_slot(
    ada: Any, bea: Any, visitor: Make, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 3, gold=1)
    agent, name = visitor(), f"scout-{uuid4().hex[:8]}"
    agent.client.headers["Authorization"] = f"Bearer {program(ada, 'judge', name)}"
    assert agent.get("/me").json() == {"name": name, "role": "judge", "uid": f"agent:{name}"}
    assert agent.client.cookies.get("thrice") is None
    while pairs := next_pairs(agent, campaign, 2):
        for pair in pairs:
            vote(agent, pair["key"], "tie")
    with context.database.read() as session:
        rater = session.scalars(select(Rater).where(Rater.name == f"agent:{name}")).one()
        votes = session.scalars(select(Vote).where(Vote.rater_id == rater.id)).all()
    assert (rater.kind, len(votes)) == (RaterKind.JUDGE, 3)
    counts = ada.get(f"/campaigns/{campaign.id}").json()
    assert (counts["n_taken"], counts["n_done"]) == (0, 0)
    assert len(next_pairs(bea, campaign, 10)) == 3, "everything is there for people"
