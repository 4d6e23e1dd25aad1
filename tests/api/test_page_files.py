"""Pages and their files travel small, are kept by browsers, and bring what documents need alone."""

import re
import time
from pathlib import Path
from typing import Any

import brotli
import gradio
import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ptrapp.api.kept_files import KeptFiles
from ptrapp.api.module_files import FRAME_SCRIPT
from ptrapp.api.page_files import _LARGE_BYTES
from ptrapp.core import modules
from ptrapp.ui.page_head import FIRST
from ptrapp.ui.page_own import EVERYWHERE, OWN, STYLES, stylesheet

MODULE = f"/{modules.AT}/bar.js"
BROTLI, PLAIN = {"Accept-Encoding": "br"}, {"Accept-Encoding": "identity"}


def raw(page: TestClient, path: str, headers: dict[str, str]) -> tuple[httpx.Headers, bytes]:
    """The head of an answer, and its body as it came over the wire."""
    with page.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, path
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", ["/", "/train", MODULE, "/theme.css?v=1"])
def test_a_page_and_its_files_are_compressed_for_who_can_read_that(
    page: TestClient, path: str
) -> None:
    headers, small = raw(page, path, BROTLI)
    assert headers["Content-Encoding"] == "br"
    assert "Accept-Encoding" in headers["Vary"]
    assert int(headers["Content-Length"]) == len(small)
    plain_headers, plain = raw(page, path, PLAIN)
    assert "Content-Encoding" not in plain_headers
    assert brotli.decompress(small) == plain
    assert len(small) < 0.5 * len(plain)
    assert raw(page, path, BROTLI)[1] == small, "the second time too"


def test_a_large_file_comes_at_once_and_is_smaller_for_who_asks_next(page: TestClient) -> None:
    folder = Path(gradio.__file__).parent / "templates/frontend/assets"
    name = next(one.name for one in folder.glob("AltairPlot-*.js"))
    plain = (folder / name).read_bytes()
    assert len(plain) > _LARGE_BYTES
    first = raw(page, f"/assets/{name}", BROTLI)[1]
    until = time.monotonic() + 60
    while len(later := raw(page, f"/assets/{name}", BROTLI)[1]) == len(first):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert len(later) < 0.95 * len(first)
    assert brotli.decompress(first) == brotli.decompress(later) == plain


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/api/v1/openapi.json", "/api/v1/data"])
def test_what_may_be_for_one_person_is_never_compressed(page: TestClient, path: str) -> None:
    headers, _ = raw(page, path, BROTLI)
    assert "Content-Encoding" not in headers


def test_a_file_with_a_hash_in_its_name_is_kept_for_good_and_nobody_is_looked_up(
    page: TestClient,
) -> None:
    page.cookies.clear()
    for encoding in (BROTLI, PLAIN):
        headers, _ = raw(page, MODULE, encoding)
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in headers
        assert "Cookie" not in headers.get("Vary", "")
        assert "ETag" not in headers
    assert "immutable" not in raw(page, "/", BROTLI)[0].get("Cache-Control", "")
    again = f"/{modules.AT}/%2e/bar.js"  # as many paths as one likes: none of these is kept
    assert "immutable" not in raw(page, again, BROTLI)[0].get("Cache-Control", "")
    missing = page.get(f"/{modules.AT}/nothing.js", headers=BROTLI)
    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("Cache-Control", "")


def test_a_script_or_style_brings_no_policy_of_documents_and_everything_else_does(
    page: TestClient,
) -> None:
    for path in (MODULE, "/theme.css?v=1"):
        headers, _ = raw(page, path, BROTLI)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Content-Security-Policy" not in headers
    for path in (
        "/",
        "/static/img/clear.svg",
        f"/{modules.AT}/vendor/LICENSE.htm",
        "/assets/no.js",
    ):
        headers = page.get(path, headers=BROTLI).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"], path


def test_a_part_of_a_file_is_sent_as_it_was_asked_for(page: TestClient) -> None:
    answer: Any = page.get(MODULE, headers=BROTLI | {"Range": "bytes=0-9"})
    assert answer.status_code == 206
    assert len(answer.content) == 10
    assert "Content-Encoding" not in answer.headers


def test_each_page_brings_its_own_title_styles_and_layout_and_no_other_page_s(
    page: TestClient,
) -> None:
    own = {
        "": "#composer-card",
        "label": ".label-sides",
        "versions": ".time-card",
        "train": ".phases",
    }
    for path, rule in own.items():
        html = page.get(f"/{path}").text
        assert f"\\n{rule} {{" in html, path
        others = {other for name, other in own.items() if name != path}
        assert not [other for other in others if f"\\n{other} {{" in html], path
        assert html.count('"layout":{"id"') == 2, "once for the page and once as the only one"
        title = f"{path.capitalize()} · Thrice" if path else "Thrice"
        assert f'"title":"{title}"' in html, "tabs are told apart"


@pytest.mark.parametrize("path", ["/", "/versions"])
def test_a_page_has_its_colours_before_a_script_runs_and_introduces_itself(
    page: TestClient, path: str
) -> None:
    head, body = page.get(path).text.split("</head>")
    styles, scripts = head.split("<script>", 1)
    assert "--bg: light-dark(#f8f8f6, #0f1013);" in styles
    assert "body { background: var(--bg);" in styles
    assert ".not-whole {" in styles
    assert "A part of this page did not arrive." in scripts
    assert "--bg: light-dark" not in scripts + body, "once"
    assert '<meta property="og:title" content="Thrice" />' in head
    introductions = re.findall(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>', head)
    assert len(introductions) == 4
    assert not any("gradio" in one.lower() for one in introductions)


def test_every_file_of_styles_belongs_to_a_page() -> None:
    named = {name for files in OWN.values() for name in files} | {*FIRST, *EVERYWHERE}
    there = {path.stem for path in STYLES.glob("*.css")} - {"door"}
    assert named == there
    assert all("/*" not in stylesheet(page) for page in OWN)


def test_the_script_for_frames_is_empty_where_nobody_may_frame_the_pages(page: TestClient) -> None:
    answer = page.get(FRAME_SCRIPT)
    assert answer.status_code == 200
    assert answer.text == ""


class _Counted:
    """An app of one file, which counts how often it is asked and says for whom it answers."""

    def __init__(self, body: bytes = b"let a;" * 100, status: int = 200) -> None:
        self.n_asked = 0
        self._body, self._status = body, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.n_asked += 1
        headers = {"Set-Cookie": "for=one", "Access-Control-Allow-Origin": "http://a.example"}
        answer = Response(self._body, self._status, headers, media_type="text/javascript")
        await answer(scope, receive, send)


def test_a_file_with_a_hash_in_its_name_is_read_once_and_sent_without_what_was_for_one() -> None:
    app = _Counted()
    browser = TestClient(KeptFiles(app), base_url="http://ours.example:7860")
    own = {"Origin": "http://ours.example:7860"}
    for headers in ({}, own, own):
        answer = browser.get("/assets/a-1f.js", headers=headers)
        assert answer.content == b"let a;" * 100
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Content-Length"] == "600"
    assert app.n_asked == 1
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"
    browser.get("/assets/a-1f.js", headers={"Accept-Encoding": "identity"})
    assert app.n_asked == 2, "not as it is compressed"
    browser.get("/assets/b-1f.js")
    assert app.n_asked == 3


@pytest.mark.parametrize(
    "headers",
    [{"Range": "bytes=0-9"}, {"Origin": "http://a.example"}, {"Origin": "null"}],
    ids=["a part", "another site", "a sandbox"],
)
def test_what_is_asked_for_otherwise_is_not_answered_from_memory(headers: dict[str, str]) -> None:
    app = _Counted()
    browser = TestClient(KeptFiles(app), base_url="http://ours.example")
    for sent in ({}, headers, headers):
        browser.get("/assets/a-1f.js", headers=sent)
    assert app.n_asked == 3


@pytest.mark.parametrize(
    ("app", "path"),
    [
        (_Counted(status=404), "/assets/a-1f.js"),
        (_Counted(b"x" * 100_000), "/assets/a-1f.js"),
        (_Counted(), "/static/a.js"),
        (_Counted(), "/theme.css"),
        (_Counted(), "/api/v1/data"),
        (_Counted(), "/assets/%2e/a-1f.js"),
        (_Counted(), "/assets/b/%2e%2e/a-1f.js"),
        (_Counted(), "/assets//a-1f.js"),
    ],
    ids=[
        "missing",
        "large",
        "without a hash",
        "a style without one",
        "data",
        "a second path",
        "a third",
        "a fourth",
    ],
)
def test_what_may_change_or_is_large_is_not_kept(app: _Counted, path: str) -> None:
    browser = TestClient(KeptFiles(app))
    for _ in range(2):
        browser.get(path)
    assert app.n_asked == 2


def test_a_file_that_broke_off_is_not_kept() -> None:
    n_asked = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal n_asked
        n_asked += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"let", "more_body": True})
        if n_asked == 1:
            raise OSError
        await send({"type": "http.response.body", "body": b" a;"})

    browser = TestClient(KeptFiles(app), raise_server_exceptions=False)
    browser.get("/assets/a-1f.js")
    assert [browser.get("/assets/a-1f.js").text for _ in range(2)] == ["let a;", "let a;"]
    assert n_asked == 2
