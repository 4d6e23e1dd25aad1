"""Every route answers, and what it cannot do is one sentence under `error`."""

from typing import Any

import pytest
from sqlalchemy import func, select

from db.models import Run, Vote
from db.registry import jobs as queue
from db.storage.errors import DatabaseLocked
from ptrapp.services import jobs, training_panel


def sentence(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    answer = response.json()
    assert list(answer) == ["error"]
    assert "Traceback" not in answer["error"]
    return str(answer["error"])


def count(context: Any, table: Any) -> int:
    with context.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_health_says_who_answers(ada: Any) -> None:
    assert ada.get("/health").json() == {"serving": "base", "worker": False}


def test_a_run_is_written_and_read(ada: Any) -> None:
    rounds = ada.play(n=3, reference_answer="2", seed=5)
    board = ada.get(f"/runs/{ada.run_id}").json()
    assert [cell["round_id"] for cell in board["cells"]] == rounds
    assert [cell["response"] for cell in board["cells"]] == [
        f"The answer is {n}." for n in (1, 2, 3)
    ]
    assert board["settings"]["sampling"]["seed"] == 5
    assert ada.post(f"/runs/{ada.run_id}/stop").status_code == 200


def test_a_vote_its_thoughts_its_undo(ada: Any, context: Any) -> None:
    left, right = ada.play(n=2)
    key = ada.offer(left, right)
    before = count(context, Vote)
    decision = {"key": key, "outcome": "left", "decided_ms": 812, "client": "test"}
    answer = ada.post("/votes", decision)
    assert answer.status_code == 201
    assert set(answer.json()["thoughts"]) == {str(left), str(right)}
    assert ada.post("/votes", decision).json() == answer.json()
    another = ada.post("/votes", decision | {"outcome": "right"})
    assert "has another answer of yours" in sentence(another, 409)
    assert count(context, Vote) == before + 1
    (compared,) = ada.get(f"/runs/{ada.run_id}").json()["comparisons"]
    assert (compared["outcome"], compared["blind"]) == ("left", True)

    undone = ada.post("/votes/undo", {"key": f"undo {key}"}).json()["undone"]
    assert undone
    assert ada.post("/votes/undo", {"key": f"undo {key}"}).json()["undone"] == undone
    assert ada.post("/votes/undo", {"key": f"again {key}"}).json() == {"undone": None}
    assert not ada.get(f"/runs/{ada.run_id}").json()["comparisons"]


def test_an_undo_that_names_a_run_is_of_the_last_vote_on_it(ada: Any) -> None:
    runs = []
    for _ in range(2):
        key = ada.offer(*ada.play(n=2))
        assert ada.post("/votes", {"key": key, "outcome": "left"}).status_code == 201
        runs.append(ada.run_id)
    undo = {"run_id": runs[0]}
    assert ada.post("/votes/undo", {"key": f"one {key}"} | undo).json()["undone"]
    assert ada.post("/votes/undo", {"key": f"two {key}"} | undo).json() == {"undone": None}
    left = [len(ada.get(f"/runs/{run_id}").json()["comparisons"]) for run_id in runs]
    assert left == [0, 1]
    assert ada.post("/votes/undo", {"key": f"any {key}"}).json()["undone"]


def test_a_foreign_raters_key_is_refused(ada: Any, visitor: Any, context: Any) -> None:
    key = ada.offer(*ada.play(n=2))
    before = count(context, Vote)
    eve = visitor()
    vote = eve.post("/votes", {"key": key, "outcome": "left"})
    assert "not offered to you" in sentence(vote, 404)
    assert "not offered to you" in sentence(eve.post("/comparisons/dismiss", {"key": key}), 404)
    assert count(context, Vote) == before
    assert b"xylophone" not in eve.seen
    assert ada.post("/votes", {"key": key, "outcome": "left"}).status_code == 201


def test_a_forged_cookie_is_nobody(ada: Any, visitor: Any) -> None:
    key = ada.offer(*ada.play(mode="sample", n=2))
    eve = visitor()
    payload = ada.client.cookies["thrice"].split(".")[0]
    eve.client.cookies.set("thrice", f"{payload}.AAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA")
    sentence(eve.post("/votes", {"key": key, "outcome": "left"}), 404)


def test_a_judge_is_asked_by_a_route(ada: Any, context: Any) -> None:
    pair = dict(zip(("left", "right"), ada.play(n=2, reference_answer="2"), strict=True))
    key = ada.offer(*pair.values())
    assert ada.post("/comparisons/judge", pair).json()["outcome"] == "right"
    assert ada.post("/votes", {"key": key, "outcome": "right"}).status_code == 201
    with context.database.read() as session:
        blind = session.scalar(select(Vote.blind).where(Vote.key == key))
    assert blind is False, "who asked was told the verdict"
    pair = dict(zip(("left", "right"), ada.play(n=2), strict=True))
    assert "reference answer" in sentence(ada.post("/comparisons/judge", pair), 422)


def test_a_pair_is_dismissed(ada: Any) -> None:
    first, second = ada.play(n=2)
    key = ada.offer(first, second)
    assert "Vote first" in sentence(ada.post(f"/rounds/{first}/thought"), 400)
    assert ada.post("/comparisons/dismiss", {"key": key}).json() == {"state": "dismissed"}
    assert ada.post(f"/rounds/{first}/thought").json()["thought"].startswith("xylophone")


def test_jobs_are_queued_listed_and_stopped(ada: Any) -> None:
    key = ada.offer(*ada.play(mode="sample", n=2))
    ada.post("/votes", {"key": key, "outcome": "left"})
    started = ada.post("/jobs", {"kind": "dpo"})
    assert started.status_code == 201
    job_id = started.json()["job_id"]
    assert f"job {job_id}" in sentence(ada.post("/jobs", {"kind": "dpo"}), 409)
    assert "only a stopped job" in sentence(ada.post(f"/jobs/{job_id}/resume"), 400)
    assert ada.post(f"/jobs/{job_id}/cancel").status_code == 200
    assert ada.get("/jobs").json()[0]["status"] == "cancelled"
    assert ada.post(f"/jobs/{job_id}/resume").status_code == 200
    panel = ada.get("/training").json()
    assert panel["engine"] == {
        "model": "scripted",
        "context_length": 1024,
        "about": ["It says what its script says."],
    }
    assert panel["jobs"][0]["status"] == "queued"
    assert panel["outlook"]["n_pairs"] >= 1
    ada.post(f"/jobs/{job_id}/cancel")


def test_a_stopped_job_is_discarded_by_a_route(ada: Any) -> None:
    key = ada.offer(*ada.play(mode="sample", n=2))
    ada.post("/votes", {"key": key, "outcome": "left"})
    chosen = {"form": "ipo", "beta": 0.5, "epochs": 2, "length_normalised": True}
    job_id = ada.post("/jobs", {"kind": "dpo", "settings": chosen}).json()["job_id"]
    (job,) = [job for job in ada.get("/jobs").json() if job["id"] == job_id]
    assert job["settings"] == chosen
    assert [type(value) for value in job["settings"].values()] == [str, float, int, bool]
    ada.post(f"/jobs/{job_id}/cancel")
    assert ada.post(f"/jobs/{job_id}/discard").json() == {"state": "discarded"}
    assert "is discarded" in sentence(ada.post(f"/jobs/{job_id}/discard"), 409)
    assert job_id not in [job["id"] for job in ada.get("/training").json()["jobs"]]


def test_one_job_is_shown_with_all_it_found(ada: Any, context: Any) -> None:
    asked = {
        "kind": "evaluate",
        "settings": {"tasks": ["generated"], "rounds": 2},
        "parent": "base",
    }
    job_id = ada.post("/jobs", asked).json()["job_id"]
    with context.database.write() as session:
        while (claimed := queue.claim(session, 15)) and claimed.id != job_id:
            queue.mark_cancelled(session, claimed.id, str(claimed.claim_token))
        found = {"n": 3, "table": [{"version": "base"}]}
        queue.finish(session, job_id, str(claimed and claimed.claim_token), found)
    (listed,) = [job for job in ada.get("/jobs").json() if job["id"] == job_id]
    assert (listed["result"], listed["has_tables"]) == ({"n": 3}, True)
    assert ada.get(f"/jobs/{job_id}").json()["result"]["table"] == [{"version": "base"}]
    assert "There is no job 99" in sentence(ada.get("/jobs/99"), 404)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ptr_data", {"queries": "/etc/passwd"}),
        ("tpo", {"prompts": "secrets.jsonl"}),
        ("tpo", {"prompts": "hf:../secrets"}),
        ("tpo", {"prompts": "hf:/etc"}),
        ("evaluate", {"tasks": ["generated", "~/notes.csv"]}),
    ],
)
def test_no_file_of_the_server_is_read_for_a_page(ada: Any, kind: str, settings: Any) -> None:
    message = sentence(ada.post("/jobs", {"kind": kind, "settings": settings}), 400)
    assert "files are for the command line" in message


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ptr_data", {"queries": "generated"}),
        ("tpo", {"prompts": "stored"}),
        ("ptr_data", {"queries": "hf:openai/gsm8k:main:test"}),
        ("ptr_data", {"queries": "hf:squad"}),
    ],
)
def test_what_everybody_may_read_is_taken(ada: Any, kind: str, settings: Any) -> None:
    assert ada.post("/jobs", {"kind": kind, "settings": settings}).status_code == 201


@pytest.mark.parametrize(
    "settings", ['{"beta": NaN}', '{"beta": [[1]]}', '{"beta": null}', '"ipo"']
)
def test_settings_that_are_no_plain_values_are_refused(ada: Any, settings: str) -> None:
    body = f'{{"kind": "dpo", "settings": {settings}}}'.encode()
    headers = {"Content-Type": "application/json"}
    assert "settings" in sentence(ada.ask("POST", "/jobs", content=body, headers=headers), 422)


def test_versions_are_served_and_rolled_back(ada: Any) -> None:
    assert {view["name"] for view in ada.get("/versions").json()} >= {"base", "v1", "broken"}
    assert "has not passed the gate" in sentence(ada.post("/versions/v1/serve"), 400)
    why = {"reason": "read its answers"}
    assert ada.post("/versions/v1/serve", why).json() == {"serving": "v1"}
    assert "adapter_config.json" in sentence(ada.post("/versions/broken/serve", why), 409)
    assert ada.get("/health").json()["serving"] == "v1"
    assert ada.post("/versions/rollback").json() == {"serving": "base"}
    assert "nothing to roll back to" in sentence(ada.post("/versions/rollback"), 400)
    assert "Put its files back" in sentence(ada.post("/versions/broken/serve", why), 409)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"n": 0}, "choose 1 to 5"),
        ({"n": 6}, "choose 1 to 5"),
        ({"n": 10**30}, "choose 1 to 5"),
        ({"n": 2.5}, "n: "),
        ({"n": "many"}, "n: "),
        ({"mode": "sample", "n": 1}, "choose 2 to 8"),
        ({"mode": "sample", "n": 9}, "choose 2 to 8"),
        ({"mode": "guess"}, "mode: "),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 5.1}, "temperature"),
        ({"temperature": "hot"}, "temperature: "),
        ({"top_p": 0}, "top-p"),
        ({"top_p": 1.5}, "top-p"),
        ({"max_tokens": 0}, "max tokens"),
        ({"max_tokens": 10**9}, "max tokens"),
        ({"seed": -1}, "seed"),
        ({"thinking": "maybe"}, "thinking: "),
        ({"prompt": ""}, "The prompt is empty"),
        ({"prompt": "x" * 20_001}, "Shorten it"),
        ({"prompt": "word " * 2_000}, "tokens long"),
        ({"prompt": "a\x00"}, "NUL"),
        ({"prompt": None}, "prompt: "),
        ({"reference_answer": "x" * 1001}, "reference_answer: "),
        ({"surprise": 1}, "surprise: "),
    ],
)
def test_what_cannot_be_asked_is_refused(
    ada: Any, context: Any, body: dict[str, Any], named: str
) -> None:
    before = count(context, Run)
    response = ada.post("/runs", {"prompt": "What is 1 + 1?"} | body)
    status = response.status_code
    assert status in (400, 422)
    assert named in sentence(response, status)
    assert count(context, Run) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"prompt": "a", "temperature": NaN}',
     b'{"prompt": "half a character \\ud800"}', b"[" * 100_000],
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(ada: Any, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = ada.ask("POST", "/runs", content=content, headers=headers)
    assert response.status_code in (400, 422)
    sentence(response, response.status_code)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/runs/999999", None),
        ("POST", "/runs/999999/stop", None),
        ("POST", "/runs/999999/watch", {"index": 0}),
        ("POST", "/rounds/999999/thought", None),
        ("POST", "/comparisons", {"left": 999998, "right": 999999}),
        ("POST", "/comparisons/judge", {"left": 999998, "right": 999999}),
        ("POST", "/comparisons/dismiss", {"key": "nobody's"}),
        ("POST", "/votes", {"key": "nobody's", "outcome": "left"}),
        ("POST", "/jobs/999999/cancel", None),
        ("POST", "/jobs/999999/resume", None),
        ("POST", "/jobs/999999/discard", None),
        ("POST", "/versions/v999/serve", None),
        ("GET", "/nothing/here", None),
        ("GET", "", None),
        ("GET", "/", None),
        ("PUT", "/nothing/here", {}),
        ("DELETE", "", None),
        ("OPTIONS", "/nothing/here", None),
    ],
)
def test_an_unknown_id_is_not_found(ada: Any, method: str, path: str, body: Any) -> None:
    assert sentence(ada.ask(method, path, json=body), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", "GET"),
        ("PUT", "/health", "GET"),
        ("OPTIONS", "/votes/undo", "POST"),
        ("GET", "/votes", "POST"),
        ("PATCH", "/campaigns", "GET, POST"),
        ("BREW", "/campaigns/7", "GET, POST"),
        ("PUT", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_that_a_route_has_not_is_told_those_it_has(
    ada: Any, method: str, path: str, allowed: str
) -> None:
    answer = ada.ask(method, path)
    assert allowed in sentence(answer, 405)
    assert answer.headers["allow"] == allowed


def test_a_head_is_told_the_methods_too(ada: Any) -> None:
    answer = ada.ask("HEAD", "/health")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert ada.ask("HEAD", "/nothing").status_code == 404


@pytest.mark.parametrize("given", [0, -1, 2**31, 10**30, "x"])
def test_an_id_no_row_can_have_is_refused(ada: Any, given: object) -> None:
    for method, path in (
        ("GET", "/runs/{}"),
        ("POST", "/runs/{}/stop"),
        ("POST", "/rounds/{}/thought"),
        ("POST", "/jobs/{}/cancel"),
    ):
        sentence(ada.ask(method, path.format(given)), 422)
    sentence(ada.post("/comparisons", {"left": given, "right": 1}), 422)


def test_two_rounds_that_are_no_pair_are_a_conflict(ada: Any) -> None:
    one, other = ada.play(n=1)[0], ada.play("What is 2 + 2?", n=1)[0]
    for left, right, named in ((one, one, "itself"), (one, other, "different prompts")):
        assert named in sentence(ada.post("/comparisons", {"left": left, "right": right}), 409)


@pytest.mark.parametrize(
    "wrong",
    [{"outcome": "withdrawn"}, {"outcome": "best"}, {"strength": 4}, {"strength": "2"},
     {"strength": True}, {"decided_ms": -1}, {"client": "x" * 33}, {"key": "x" * 65}],
)  # fmt: skip
def test_what_is_no_decision_is_refused(ada: Any, context: Any, wrong: dict[str, Any]) -> None:
    key = ada.offer(*ada.play(mode="sample", n=2))
    before = count(context, Vote)
    response = ada.post("/votes", {"key": key, "outcome": "left"} | wrong)
    sentence(response, response.status_code)
    assert response.status_code in (400, 422)
    assert count(context, Vote) == before


def test_a_job_that_is_none_is_told_from_one_without_a_log(ada: Any) -> None:
    for path in ("/jobs/4711", "/jobs/4711/log"):
        assert "There is no job 4711" in sentence(ada.get(path), 404)


def test_a_database_that_is_locked_says_so(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any) -> None:
        raise DatabaseLocked("Another program keeps it locked; close it and try again.")

    monkeypatch.setattr(training_panel, "read_outlook", locked)
    monkeypatch.setattr(jobs, "check_worthwhile", locked)
    for method, path, body in (("GET", "/training", None), ("POST", "/jobs", {"kind": "dpo"})):
        assert "try again" in sentence(ada.ask(method, path, json=body), 503)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ptr_data", {"queries": "hf:/etc"}),
        ("reward_model", {"base": "/etc"}),
        ("evaluate", {"judge": "/etc/ssl"}),
        ("tpo", {"prompts": "/etc/passwd"}),
    ],
)
def test_a_request_opens_no_file_of_the_server(
    kind: str, settings: dict[str, str], ada: Any
) -> None:
    refused = ada.post("/jobs", json={"kind": kind, "settings": settings, "parent": "base"})
    assert "--allow-source" in sentence(refused, 400)


def test_an_engine_that_ended_makes_health_say_so(
    ada: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context.engine, "failure", "The engine ended: no memory. Start it again.")
    assert sentence(ada.get("/health"), 503) == (
        "The engine ended: no memory. Start it again. Until then no prompt is answered; labelling, "
        "imports and exports go on."
    )


def test_only_a_thought_in_the_making_is_watched(ada: Any, context: Any) -> None:
    ada.play(n=2)
    for index in (0, 5, -1):
        told = sentence(ada.post(f"/runs/{ada.run_id}/watch", {"index": index}), 409)
        assert told.startswith(f"Run {ada.run_id} has ended")
