"""Operations answer well-formed requests directly, and every other one as FastAPI would."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from campaign_world import Make, join, make_campaign, next_pairs, sentence

from db.storage.errors import DatabaseLocked
from ptrapp.services.accounts import identifying
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import answering

VOTE = b'{"outcome": "left"}'


@pytest.fixture
def bea(ada: Any, visitor: Make) -> Any:
    return join(visitor, ada, "annotator", f"bea-{uuid4().hex[:8]}")


@pytest.fixture
def key(ada: Any, bea: Any, context: AppContext) -> str:
    return str(next_pairs(bea, make_campaign(ada, context))[0]["key"])


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
)
def test_json_is_read_under_each_of_its_names(bea: Any, key: str, kind: str) -> None:
    answer = bea.post(f"/labels/{key}/vote", content=VOTE, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["stored"]) == (200, True)


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/plain", VOTE, "a JSON object is expected"),
        ("application/json", b"", "a JSON object is expected"),
        ("application/json", b"[", "the body is no JSON"),
        ("application/json", b"{}", "outcome: it is missing"),
        ("application/json", b'{"outcome": "left", "more": 1}', "more: there is no such field"),
        ("application/json", b'{"outcome": "left", "strength": "2"}', "strength: "),
    ],
)
def test_what_is_malformed_is_refused_in_words(
    bea: Any, key: str, kind: str, body: bytes, said: str
) -> None:
    answer = bea.post(f"/labels/{key}/vote", content=body, headers={"Content-Type": kind})
    assert said in sentence(answer, 422)


def test_a_parameter_of_the_path_is_checked(bea: Any) -> None:
    for campaign in ("x", "0", "-1", str(2**31)):
        assert bea.post(f"/campaigns/{campaign}/next", {}).status_code == 422


@pytest.mark.parametrize("body", [{"kind": "dpo"}, {"nothing": "of the kind"}])
def test_who_may_not_ask_is_told_that_and_no_more(bea: Any, body: Any) -> None:
    assert "not for the role annotator" in sentence(bea.post("/jobs", body), 403)


def test_who_asks_is_looked_up_once_in_the_thread_that_works(
    bea: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up, voted = [], []
    of_cookie, vote = identifying.of_cookie, answering.vote

    def noted(*given: Any) -> Any:
        looked_up.append(threading.get_ident())
        return of_cookie(*given)

    def voting(*given: Any, **more: Any) -> Any:
        voted.append(threading.get_ident())
        return vote(*given, **more)

    monkeypatch.setattr(identifying, "of_cookie", noted)
    monkeypatch.setattr(answering, "vote", voting)
    assert bea.post(f"/labels/{key}/vote", {"outcome": "left"}).status_code == 200
    assert looked_up == voted
    assert len(voted) == 1


def test_a_database_that_does_not_answer_is_503_to_who_cannot_be_recognised(
    bea: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> None:
        raise DatabaseLocked("The database is busy; try again.")

    monkeypatch.setattr(identifying, "of_cookie", busy)
    for answer in (bea.post(f"/labels/{key}/vote", {"outcome": "left"}), bea.get("/me")):
        assert "try again" in sentence(answer, 503)
