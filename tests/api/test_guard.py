"""What comes from elsewhere, is too large, or asks for a thought too early gets nothing."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ptrapp.api.guard import MAX_BODY_BYTES, MOST_DRAINED_BYTES, Guard, security_headers
from ptrapp.api.session import secret_key

SECRET = b"xylophone"
ASKED = {"prompt": "What is 1 + 1?"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
def test_a_write_from_another_site_is_refused(ada: Any, headers: dict[str, str]) -> None:
    for path in ("/runs", "/votes", "/gradio_api/queue/join", "/gradio_api/upload"):
        response = ada.post(path, ASKED, headers=headers)
        assert response.status_code == 403
        assert "other sites" in response.json()["error"]


def test_our_own_page_may_write(ada: Any) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:7860"}
    assert ada.post("/runs", ASKED, headers=headers).status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "[::1"])
def test_a_foreign_host_is_refused(ada: Any, host: str) -> None:
    for path in ("/health", "/config"):
        response = ada.get(path, headers={"Host": host})
        assert response.status_code == 421
        assert "does not answer for the host" in response.json()["error"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:7860"])
def test_this_machine_is_served_under_its_names(ada: Any, host: str) -> None:
    assert ada.get("/health", headers={"Host": host}).status_code == 200


def test_an_enormous_body_is_refused_before_it_is_read(ada: Any) -> None:
    for path in ("/runs", "/gradio_api/upload"):
        response = ada.ask("POST", path, content=b"x" * (MAX_BODY_BYTES + 1))
        assert response.status_code == 413
        assert "larger than 4 MB" in response.json()["error"]


def test_an_enormous_body_of_unknown_length_is_cut_off(ada: Any) -> None:
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(2 * MAX_BODY_BYTES // 2**16):
            sent.append(1)
            yield b" " * 2**16

    headers = {"Content-Type": "application/json"}
    response = ada.ask("POST", "/runs", content=chunks(), headers=headers)
    assert response.status_code == 413
    assert "larger than 4 MB" in response.json()["error"]


@pytest.mark.parametrize(
    ("n_bytes", "n_read"), [(5 * 2**20, 5 * 2**20), (MOST_DRAINED_BYTES + 1, 0)]
)
def test_what_is_refused_is_read_to_its_end_unless_it_is_larger_than_anything_accepted(
    n_bytes: int, n_read: int
) -> None:
    heard, said = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal heard
        part = min(2**20, n_bytes - heard)
        heard += part
        return {"type": "http.request", "body": b" " * part, "more_body": heard < n_bytes}

    async def send(message: Any) -> None:
        said.append((message.get("status"), heard))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("a refused request does not reach the app")

    headers = [(b"host", b"127.0.0.1"), (b"content-length", str(n_bytes).encode())]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/runs", "headers": headers}
    guarded = Guard(app, serves=lambda name: True)
    asyncio.run(guarded(scope, receive, send))
    assert said[0] == (413, n_read)


def test_a_length_that_is_no_number_is_refused(ada: Any) -> None:
    response = ada.ask("POST", "/runs", content=b"{}", headers={"Content-Length": "-1"})
    assert response.status_code == 413


def test_a_page_says_what_a_browser_must_not_guess(ada: Any) -> None:
    headers = ada.get("/health").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert {"httponly", "samesite=lax"} <= set(headers["set-cookie"].lower().split("; "))


def test_no_byte_before_the_vote_holds_a_thought(ada: Any, page: Any) -> None:
    first, second = ada.play(n=2, reference_answer="2")
    key = ada.offer(first, second)
    pair = {"left": first, "right": second}
    for path in (f"/runs/{ada.run_id}", "/jobs", "/training", "/versions", "/openapi.json"):
        assert ada.get(path).status_code == 200
    assert ada.post("/comparisons/judge", pair).status_code == 200
    for index in (0, 1):
        ada.post(f"/runs/{ada.run_id}/watch", {"index": index})
    assert ada.post(f"/rounds/{first}/thought").status_code == 400
    assert ada.get(f"/runs/{ada.run_id}").status_code == 200
    for path in ("/", "/train", f"/?run={ada.run_id}"):
        ada.seen += ada.client.get(path).content
    for path in ("/config", "/gradio_api/info"):
        ada.get(path)
    shown = json.dumps(_page_events(ada, page)).encode()
    assert b"The answer is 2." in shown
    assert len(ada.seen) > 100_000
    assert SECRET not in ada.seen + shown

    ada.post("/votes", {"key": key, "outcome": "right"})
    assert SECRET in ada.seen
    assert SECRET in json.dumps(_page_events(ada, page)).encode()


def test_a_run_asked_for_through_gradio_shows_no_thought(ada: Any, page: Any) -> None:
    ada.get("/health")
    asked = [
        "What is 3 + 3?",
        "",
        "refine",
        2,
        4,
        "always",
        0.8,
        0.95,
        160,
        1,
        160,
        "",
        "Again.",
        [],
    ]
    headers = _cookie(ada)
    event = page.post("/gradio_api/call/play", json={"data": asked}, headers=headers).json()
    shown = page.get(f"/gradio_api/call/play/{event['event_id']}", headers=headers).content
    assert b"The answer is 2." in shown
    assert SECRET not in shown


def _page_events(ada: Any, page: Any) -> list[str]:
    """What the events send that run without being asked for when a page is loaded."""
    answers = []
    for event in ada.get("/config").json()["dependencies"]:
        if "load" not in {name for _, name in event["targets"]}:
            continue
        session = f"{ada.run_id}-{event['id']}-{len(ada.seen)}"
        body = {"data": [], "fn_index": event["id"], "session_hash": session}
        joined = page.post("/gradio_api/queue/join", json=body, headers=_cookie(ada))
        assert joined.status_code == 200, joined.text
        data = f"/gradio_api/queue/data?session_hash={session}"
        answers.append(page.get(data, headers=_cookie(ada)).text)
    return answers


def _cookie(ada: Any) -> dict[str, str]:
    return {"Cookie": f"thrice={ada.client.cookies['thrice']}"}


def test_a_key_half_written_is_made_anew(tmp_path: Any) -> None:
    (tmp_path / "session.key").touch()
    key = secret_key(tmp_path)
    assert len(key) >= 64
    assert secret_key(tmp_path) == key
    assert (tmp_path / "session.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["session.key"]


UNSTORABLE = ["a\x00b", "\ud800", "x\udfffy"]


@pytest.mark.parametrize("text", UNSTORABLE)
def test_text_that_no_database_stores_is_refused_wherever_it_stands(ada: Any, text: str) -> None:
    bodies = [
        ("/runs", {"prompt": text}),
        ("/jobs", {"kind": "dpo", "settings": {text: 1}}),
        ("/jobs", {"kind": "dpo", "settings": {"x": [text]}}),
        ("/me", {"name": text}),
        ("/gradio_api/queue/join", {"data": [text], "fn_index": 0, "session_hash": "s"}),
        ("/gradio_api/call/play", {"data": [text]}),
    ]
    headers = {"Content-Type": "application/json"}
    for path, body in bodies:
        answer = ada.ask("POST", path, content=json.dumps(body), headers=headers)
        assert answer.status_code == 400, (path, answer.text)
        assert "NUL" in answer.json()["error"]
    quoted = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
    for path in (f"/labels/{quoted}/diff", f"/export?campaign={quoted}", f"/runs?text={quoted}"):
        assert 400 <= ada.get(path).status_code < 500, path


def test_text_with_whole_pairs_and_escapes_is_taken(ada: Any) -> None:
    body = json.dumps({"prompt": "An \U0001f600 and \\u0000, written out"})
    headers = {"Content-Type": "application/json"}
    assert ada.ask("POST", "/runs", content=body, headers=headers).status_code == 201


def test_gradios_own_routes_answer_what_is_malformed_with_a_sentence(
    ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("queue/join", "call/play", "run/predict", "cancel", "reset", "component_server"):
        for body in ("{}", "[]", "null", '{"data": 7}', '{"fn_index": "x"}', "[" * 5000, "{"):
            answer = ada.ask("POST", f"/gradio_api/{path}", content=body, headers=headers)
            assert 400 <= answer.status_code < 500, (path, body, answer.status_code, answer.text)
    assert "Traceback" not in caplog.text


def test_pages_take_nothing_from_other_sites_and_stand_in_no_frame(ada: Any) -> None:
    for path in ("/", "/sign-in", "/api/v1/health", "/api/v1/nothing"):
        headers = ada.client.get(path).headers
        policy = dict(
            part.strip().partition(" ")[::2]
            for part in headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert "http" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"


def test_a_framed_page_stands_in_the_frame_that_is_meant() -> None:
    headers = security_headers(framed=True, framed_by=("https://huggingface.co",))
    assert "frame-ancestors https://huggingface.co" in headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in headers


def test_a_body_that_does_not_arrive_is_refused_in_time() -> None:
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    async def send(message: Any) -> None:
        said.append(message.get("status"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    guarded = Guard(app, serves=lambda name: True, timeout_s=0.05)
    for kind in (b"application/json", b"text/plain"):
        said.clear()
        headers = [(b"host", b"x"), (b"content-length", b"9"), (b"content-type", kind)]
        scope = {"type": "http", "method": "POST", "path": "/api/v1/runs", "headers": headers}
        asyncio.run(guarded(scope, receive, send))
        assert said[0] == 408


def test_a_body_that_has_come_is_taken_however_long_the_answer_took() -> None:
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        return None

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.03)  # an export is made
        said.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"x")]}
    asyncio.run(Guard(app, serves=lambda name: True, timeout_s=0.01)(scope, receive, send))
    assert said == ["http.request"]
