"""Blind by construction: before the vote no byte says more of a pair than its texts."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import (
    HIDDEN,
    LESSON,
    SHOWN,
    Campaign,
    Make,
    join,
    make_campaign,
    next_pairs,
    sentence,
    version,
    vote,
)
from sqlalchemy import select

from db.models import CampaignItem, Comparison, Vote
from db.registry import adapters
from ptrapp.services.context import AppContext

PAIR = {
    "key", "aspect", "practice", "system", "context", "prompt", "prompt_html", "left", "right",
    "was", "was_much",
}  # fmt: skip
PAGES = ("/", "/label", "/campaigns", "/data", "/train", "/join?token=x")


@pytest.fixture
def answering(context: AppContext) -> Iterator[None]:
    """The version that wrote what is compared is the one that answers now."""
    with context.database.write() as session:
        adapters.activate(session, version(session, "zqversion"))
    yield
    with context.database.write() as session:
        adapters.activate(session, None)


@pytest.fixture
def bea(ada: Any, visitor: Make) -> Any:
    return join(visitor, ada, "annotator", f"bea-{uuid4().hex[:8]}")


def leaked(seen: bytes, hidden: tuple[str, ...] = HIDDEN) -> list[str]:
    return [marker for marker in hidden if marker.encode() in seen]


def label_everything(rater: Any, campaign: Campaign, aside: int = 1) -> list[dict[str, Any]]:
    """Everything the Label page does, until nothing is left; the pairs as they were given."""
    seen: list[dict[str, Any]] = []
    keys: list[str] = []
    while pairs := next_pairs(rater, campaign, 2, tab="page"):
        for pair in pairs:
            key = pair["key"]
            assert rater.get(f"/labels/{key}/diff").status_code == 200
            rater.post(f"/labels/{key}/flag", {"note": "odd"})
            assert rater.post(f"/labels/{key}/reveal").status_code == 403
            if aside and not pair["practice"]:
                aside -= 1
                assert rater.post(f"/labels/{key}/skip").json() == {"skipped": True}
                continue
            seen.append(pair)
            vote(rater, key, "right")
            rater.post(f"/labels/{key}/reason", {"text": "clearer"})
            keys.append(key)
    undone = rater.post(f"/campaigns/{campaign.id}/undo", {"key": uuid4().hex}).json()["pair"]
    assert undone["was"] == "right"
    vote(rater, undone["key"], "tie")
    for path in ("/campaigns", f"/campaigns/{campaign.id}", "/me", "/health", "/openapi.json"):
        assert rater.get(path).status_code == 200
    return [*seen, undone]


def page_events(rater: Any, page: Any) -> str:
    """What every page event answers, asked for by its number with nothing but this cookie."""
    answers = []
    cookie = {"Cookie": f"thrice={rater.client.cookies['thrice']}"}
    for event in rater.get("/config").json()["dependencies"]:
        session = uuid4().hex
        given = [None] * len(event["inputs"])
        body = {"data": given, "fn_index": event["id"], "session_hash": session}
        joined = page.post("/gradio_api/queue/join", json=body, headers=cookie)
        answers.append(joined.text)
        if joined.status_code == 200:
            data = f"/gradio_api/queue/data?session_hash={session}"
            answers.append(page.get(data, headers=cookie).text)
    return "\n".join(answers)


@pytest.mark.usefixtures("answering")
def test_an_annotator_is_sent_nothing_but_the_texts(
    ada: Any, bea: Any, context: AppContext, page: Any
) -> None:
    campaign = make_campaign(
        ada, context, 14, gold=3, practice=2,
        guidelines="Be fair.", mix={"uniform": 1, "gold": 1, "repeat": 2},
    )  # fmt: skip
    pairs = label_everything(bea, campaign)
    for path in PAGES:
        response = bea.client.get(path)
        bea.seen += response.content + str(response.headers).encode()
    for path in ("/config", "/gradio_api/info"):
        assert bea.get(path).status_code == 200
    bea.seen += page_events(bea, page).encode()

    assert bea.seen.count(SHOWN.encode()) > 60, "the markers are searched for where texts come"
    assert LESSON.encode() in bea.seen
    assert leaked(bea.seen) == []
    assert all(set(pair) == PAIR for pair in pairs)


def test_an_admins_label_page_is_as_blind(ada: Any, context: AppContext, page: Any) -> None:
    campaign = make_campaign(ada, context, 12, gold=2, mix={"uniform": 1, "gold": 1, "repeat": 1})
    ada.seen = b""
    label_everything(ada, campaign)
    for path in ("/label", "/config", "/gradio_api/info"):
        response = ada.client.get(path)
        ada.seen += response.content + str(response.headers).encode()
    assert SHOWN.encode() in ada.seen
    assert leaked(ada.seen) == []


def test_a_practice_comparison_is_explained_after_the_answer_only(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1, practice=1)
    (pair,) = next_pairs(bea, campaign)
    assert pair["practice"]
    assert LESSON.encode() not in bea.seen
    lesson = vote(bea, pair["key"], "both_bad")["practice"]
    assert (lesson["right"], lesson["explanation_html"]) == (
        False,
        f"<p><strong>{LESSON}</strong></p>\n",
    )
    assert SHOWN + " 0" in pair[lesson["expected"]]["text"], "the known answer, on this screen"


def test_gold_and_repeats_look_like_any_other(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 24, gold=6, mix={"uniform": 1, "gold": 1, "repeat": 1})
    shapes, answers, kinds = set(), set(), set()
    before, done = set(), 0
    while pairs := next_pairs(bea, campaign):
        (pair,) = pairs
        stored = vote(bea, pair["key"])
        shapes.add(json.dumps(shape(pair)))
        answers.add((json.dumps(shape(stored)), stored["done"] - done))
        done = stored["done"]
        again = pair["prompt"] in before
        before.add(pair["prompt"])
        kinds.add("repeat" if again else kind_of(context, pair, campaign))
    assert kinds == {"plain", "gold", "repeat"}
    assert len(shapes) == 1
    assert answers == {(next(iter(answers))[0], 1)}, "each answer counts as one on the page"
    assert bea.get(f"/campaigns/{campaign.id}").json()["n_done_by_me"] == done


def shape(value: Any) -> Any:
    """A value's names and types, without what it says."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return type(value).__name__


def kind_of(context: AppContext, pair: dict[str, Any], campaign: Campaign) -> str:
    with context.database.read() as session:
        items = session.scalars(
            select(CampaignItem).where(CampaignItem.campaign_id == campaign.id)
        ).all()
        (kind,) = [item.kind for item in items if item.comparison.prompt.text == pair["prompt"]]
        return str(kind.value)


def test_no_number_of_a_row_is_in_a_pair(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 6)
    pairs = next_pairs(bea, campaign, 6)

    def leaves(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [leaf for inner in value.values() for leaf in leaves(inner)]
        if isinstance(value, list):
            return [leaf for inner in value for leaf in leaves(inner)]
        return [value]

    for pair in pairs:
        assert {type(leaf) for leaf in leaves(pair)} <= {str, bool, type(None)}
        assert len(bytes.fromhex(pair["key"])) == 16, "a name drawn by chance"
    assert len({pair["key"] for pair in pairs}) == 6


def test_sides_are_turned_by_chance_and_stay_as_they_stood(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 40)
    pairs = next_pairs(bea, campaign, 10, tab="one")
    for _ in range(3):
        pairs += next_pairs(bea, campaign, 10, tab="one", have=[pair["key"] for pair in pairs])
    turned = [f"{SHOWN} 1" in pair["left"]["text"] for pair in pairs]
    assert 4 < sum(turned) < 36
    again = [
        pair for _ in range(4) for pair in next_pairs(bea, campaign, 10, tab="one")
    ]  # reloaded pages
    texts = {pair["key"]: pair["left"] for pair in pairs}
    assert all(pair["left"] == texts[pair["key"]] for pair in again)


def test_thoughts_are_compared_without_their_responses(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 3, aspect="thought")
    pairs = label_everything(bea, campaign, aside=0)
    assert {pair["aspect"] for pair in pairs} == {"thought"}
    assert all(pair["left"]["text"].startswith("zqthought") for pair in pairs)
    assert leaked(bea.seen, (SHOWN, *HIDDEN[1:])) == []


def test_what_is_revealed_is_this_pair_and_only_after_the_vote(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 2, reveal=True)
    first, second = next_pairs(bea, campaign, 2)
    assert "Vote first" in sentence(bea.post(f"/labels/{first['key']}/reveal"), 403)
    assert leaked(bea.seen) == []
    vote(bea, first["key"])
    revealed = bea.post(f"/labels/{first['key']}/reveal").json()
    candidate = revealed["left"]["thought"].removeprefix("zqthought ")
    assert f"{SHOWN} {candidate}" in first["left"]["text"], "left is what stood on the left"
    assert {side: set(fields) for side, fields in revealed.items()} == {
        side: {"thought", "version", "correct"} for side in ("left", "right")
    }
    assert revealed["left"]["correct"] is (candidate == "0")
    versions = {side["thought"]: side["version"] for side in revealed.values()}
    assert versions["zqthought 1"] == "zqwriter", "no version of ours wrote it"
    assert versions["zqthought 0"] == "zqversion"
    assert leaked(json.dumps(revealed).encode()) == ["zqthought", "zqversion", "zqwriter"]
    assert "Vote first" in sentence(bea.post(f"/labels/{second['key']}/reveal"), 403)

    undone = bea.post(f"/campaigns/{campaign.id}/undo", {"key": uuid4().hex}).json()["pair"]
    assert sentence(bea.post(f"/labels/{undone['key']}/reveal"), 403)
    vote(bea, undone["key"], "tie")
    vote(bea, second["key"])
    assert [vote.blind for vote in log(context, campaign)] == [True, True, False, True]


def test_what_is_revealed_stands_where_it_stood(ada: Any, bea: Any, context: AppContext) -> None:
    campaign = make_campaign(ada, context, 8, reveal=True)  # chance turns the sides
    for pair in next_pairs(bea, campaign, 8):
        vote(bea, pair["key"])
        revealed = bea.post(f"/labels/{pair['key']}/reveal").json()
        for side in ("left", "right"):
            candidate = revealed[side]["thought"].removeprefix("zqthought ")
            assert pair[side]["text"].startswith(f"{SHOWN} {candidate} ")


def log(context: AppContext, campaign: Campaign) -> list[Vote]:
    """The campaign's votes but those its rounds came with, oldest first."""
    with context.database.read() as session:
        comparison_ids = select(CampaignItem.comparison_id).where(
            CampaignItem.campaign_id == campaign.id
        )
        votes = select(Vote).where(
            Vote.comparison_id.in_(comparison_ids), ~Vote.rater.has(name="zqsomebody"),
            ~Vote.rater.has(name="zqjudge"),
        )  # fmt: skip
        return list(session.scalars(votes.order_by(Vote.id)))


def test_an_undo_makes_no_vote_of_a_known_pair_blind(
    ada: Any, bea: Any, context: AppContext
) -> None:
    left, right = ada.play("What is 7 + 7?", n=2)
    new = {"name": f"Seen {uuid4().hex}", "source": {"kind": "none"}}
    campaign = Campaign(ada.post("/campaigns", new).json()["campaign_id"], [(left, right)])
    ada.post(f"/campaigns/{campaign.id}/items", {"items": [{"left": left, "right": right}]})
    assert ada.post(f"/rounds/{left}/thought").status_code == 200
    (pair,) = next_pairs(ada, campaign)
    vote(ada, pair["key"])
    assert [vote.blind for vote in log(context, campaign)] == [False]


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        ("I am ChatGPT, made by OpenAI.", "I am ▢, made by ▢."),
        ("As Cl\u200baude, I think 4.", "As ▢, I think 4."),
        ("This is dpo-000012, as ever.", "This is ▢, as ever."),
        ("I am acme-chat-9.", "I am ▢."),
    ],
)
def test_who_a_response_says_it_is_does_not_reach_the_screen(
    ada: Any,
    bea: Any,
    context: AppContext,
    response: str,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(context.settings.__dict__, "served_model", "acme-chat-9")
    with context.database.write() as session:
        version(session, "dpo-000012")
    campaign = make_campaign(ada, context, 1, response=response)
    (pair,) = next_pairs(bea, campaign)
    for side in ("left", "right"):
        assert pair[side]["text"].startswith(shown)
        assert "▢" in pair[side]["html"]
    pieces = bea.get(f"/labels/{pair['key']}/diff").json()["pieces"]
    assert "".join(text for text, kind in pieces if kind != "added") == pair["left"]["text"]
    for name in ("ChatGPT", "OpenAI", "Claude", "Cl\u200baude", "dpo-000012", "acme-chat-9"):
        assert name.encode() not in bea.seen


def test_the_play_page_does_not_show_the_comparisons_of_a_campaign(
    ada: Any, bea: Any, context: AppContext
) -> None:
    campaign = make_campaign(ada, context, 1)
    next_pairs(bea, campaign)
    left, right = campaign.pairs[0]
    with context.database.read() as session:
        run_id = session.scalars(
            select(Comparison).where(Comparison.left_round_id == left)
        ).one().left.run_id  # fmt: skip
    assert bea.get(f"/runs/{run_id}").status_code == 403
    assert bea.post(f"/rounds/{right}/thought").status_code == 403
    assert leaked(bea.seen) == []
