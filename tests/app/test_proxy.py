"""The app under a path of a real nginx and a real Caddy, with the configurations of the documents."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Response, expect, sync_playwright

pytestmark = pytest.mark.worker

ROOT = Path(__file__).resolve().parents[2]
HOST = "thrice.example"
"""The host name in the documents; nothing resolves it, so every client here is told where it is."""
START_S = 90.0
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Served(NamedTuple):
    """The app behind a proxy, and the token that makes a browser its admin."""

    port: int
    token: str
    scheme: str = "http"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    def visitor(self) -> httpx.Client:
        """Returns a client that has cookies and sends what a browser sends from our own page."""
        headers = {"Host": f"{HOST}:{self.port}", "Origin": self.origin}
        here = f"{self.scheme}://127.0.0.1:{self.port}"
        return httpx.Client(base_url=here, headers=headers, timeout=60, verify=False)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """The port of an app that is told of its proxy as the documents say, and a link's token for admins."""
    folder, port = tmp_path_factory.mktemp("behind"), free_port()
    (line,) = [each for each in documented("sh") if each.startswith("thrice ")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("THRICE_")}
    log = folder / "app.log"
    command = [sys.executable, str(ROOT / "app.py"), *line.split()[1:], "--port", str(port)]
    command += ["--data-dir", str(folder / "data"), "--no-worker"]
    with running(command, log, port, cwd=folder, env=environment):
        until = time.monotonic() + START_S
        while not (found := re.search(r"/thrice/join\?token=(\S+)", log.read_text("utf-8"))):
            assert time.monotonic() < until, log.read_text("utf-8")
            time.sleep(0.1)
        health = f"http://127.0.0.1:{port}/api/v1/health"
        while httpx.get(health, timeout=60).status_code != 200:
            assert time.monotonic() < until
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/thrice", timeout=60) as first:
            joined = first.post("/join", data={"token": found[1], "password": "a long password"})
            assert joined.status_code == 303
            asked = {"role": "admin", "uses": 100}
            yield port, first.post("/api/v1/invitations", json=asked).json()["token"]


@pytest.fixture(scope="module", params=["nginx", "caddy", "nginx over TLS"])
def served(
    request: pytest.FixtureRequest,
    app: tuple[int, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    name, _, over_tls = request.param.partition(" ")
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    (port, token), folder, listening = app, tmp_path_factory.mktemp(name), free_port()
    (block,) = documented(name)
    to_the_app = swapped(block, "127.0.0.1:7860", f"127.0.0.1:{port}")
    start = _nginx if name == "nginx" else _caddy
    if over_tls:
        to_the_app = with_certificate(to_the_app, folder)
    command = start(program, folder, to_the_app, listening)
    private = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with running(command, folder / "log", listening, cwd=folder, env=private):
        yield Served(listening, token, "https" if over_tls else "http")


def with_certificate(block: str, folder: Path) -> str:
    """Returns nginx's configuration with the lines that the documents name for TLS."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    files = {"cert": folder / "cert.pem", "key": folder / "key.pem"}
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    command += ["-out", str(files["cert"]), "-keyout", str(files["key"])]
    subprocess.run(command, check=True, capture_output=True)
    lines = documented("nginx-tls")[0]
    for name, path in files.items():
        lines = swapped(lines, f"/etc/ssl/thrice-{name}.pem", str(path))
    return swapped(block, "    listen 80;\n", lines)


def _nginx(program: str, folder: Path, block: str, port: int) -> list[str]:
    server = re.sub(r"listen (?:80|443)( ssl)?;", rf"listen 127.0.0.1:{port}\1;", block)
    paths = "\n".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    user = "user root;" if os.geteuid() == 0 else ""
    text = (
        f"{user} daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{paths}\n{server} }}\n"
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    return [program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def _caddy(program: str, folder: Path, block: str, port: int) -> list[str]:
    site = swapped(block, f"{HOST} {{", f"http://{HOST}:{port} {{")
    options = "{\n\tadmin off\n}\n"
    (folder / "Caddyfile").write_text(options + site, encoding="utf-8")
    return [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def test_a_person_signs_in_by_an_invitation(served: Served) -> None:
    with served.visitor() as admin, served.visitor() as guest:
        assert urlsplit(admin.get("/thrice").headers["location"]).path == "/thrice/"
        asked = admin.get("/thrice/join", params={"token": served.token})
        assert 'action="/thrice/join"' in asked.text
        joined = admin.post("/thrice/join", data={"token": served.token})
        assert (joined.status_code, joined.headers["location"]) == (303, "/thrice/")
        cookie = joined.headers["set-cookie"].lower()
        assert "; path=/thrice;" in cookie
        assert ("secure" in cookie.split("; ")) == (served.scheme == "https")
        assert admin.get("/thrice/").status_code == 200
        assert admin.get("/thrice/api/v1/me").json()["role"] == "admin"

        invitation = {"role": "annotator", "name": f"Carol {served.port}"}
        made = admin.post("/thrice/api/v1/invitations", json=invitation).json()
        assert made["link"] == f"{served.origin}/thrice/join?token={made['token']}"
        assert guest.get(made["link"].removeprefix(served.origin)).status_code == 200
        sent = {"token": made["token"]}
        arrived = guest.post("/thrice/join", data=sent, follow_redirects=True)
        assert (arrived.status_code, arrived.url.path) == (200, "/thrice/label")
        me = guest.get("/thrice/api/v1/me").json()
        assert (me["name"], me["role"]) == (invitation["name"], "annotator")


def test_writes_from_another_site_stay_refused(served: Served) -> None:
    with admin_of(served) as admin:
        evil = {"Origin": "http://evil.example"}
        assert (
            admin.post("/thrice/api/v1/runs", json={"prompt": "1?"}, headers=evil).status_code
            == 403
        )
        evil["X-Forwarded-Host"] = "evil.example"  # what a proxy is told is not what it tells
        assert (
            admin.post("/thrice/api/v1/runs", json={"prompt": "1?"}, headers=evil).status_code
            == 403
        )


def test_a_file_of_some_megabytes_goes_in(served: Served) -> None:
    row = '{{"prompt": "Why {n} by {port}?", "chosen": "{long}", "rejected": "No."}}\n'
    content = "".join(row.format(n=n, port=served.port, long="so " * 300) for n in range(6000))
    assert len(content) > 5 * 2**20, "more than nginx and every other path take"
    with admin_of(served) as admin:
        where = "/thrice/api/v1/import?file=pairs.jsonl"
        answer = admin.post(where, content=content.encode())
        assert answer.status_code == 200, answer.text
        assert answer.json()["n_new"] == 6000


def test_a_body_that_is_too_large_is_refused_in_words(served: Served) -> None:
    with admin_of(served) as admin, served.visitor() as stranger:
        enormous = b" " * (6 * 2**20)
        refused = admin.post("/thrice/api/v1/runs", content=enormous)
        assert (refused.status_code, refused.json()["error"]) == (
            413,
            "The request is larger than 4 MB. Send less at once.",
        )
        forbidden = stranger.post("/thrice/api/v1/import?file=a.jsonl", content=enormous)
        assert forbidden.status_code == 403
        assert "error" in forbidden.json()


def test_a_run_streams_while_it_is_written(served: Served) -> None:
    asked = [
        "Ada has 2 pens and buys 3. How many?",
        "",
        "refine",
        3,
        4,
        "always",
        0.8,
        0.95,
        160,
        1,
        160,
        "",
        "Check it.",
        [],
    ]
    with admin_of(served) as admin:
        event = admin.post("/thrice/gradio_api/call/play", json={"data": asked}).json()
        arrived: list[tuple[str, float]] = []
        with admin.stream("GET", f"/thrice/gradio_api/call/play/{event['event_id']}") as stream:
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    arrived.append((line.removeprefix("event: "), time.monotonic()))
    names = [name for name, _ in arrived]
    assert names[-1] == "complete"
    assert names.count("generating") >= 2
    assert arrived[-1][1] - arrived[0][1] > 0.05, "a proxy that keeps events back sends all at once"


def test_a_connection_that_a_proxy_keeps_does_not_end_under_its_next_request(
    app: tuple[int, str],
) -> None:
    """Proxies answer 502 there, and keep connections for a minute or two (uvicorn: 5 s)."""
    connection = HTTPConnection("127.0.0.1", app[0], timeout=60)
    with closing(connection):
        connection.connect()
        sock = connection.sock
        for wait_s in (0.0, 6.0):
            time.sleep(wait_s)
            connection.request("GET", "/api/v1/health")
            assert connection.getresponse().read()
            assert connection.sock is sock, "it would be opened anew"


@pytest.fixture(scope="module")
def browser_path() -> str:
    path = os.environ.get("THRICE_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no browser is installed")
    return path


@pytest.fixture
def page(browser_path: str, served: Served) -> Iterator[Page]:
    flags = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        yield browser.new_page(ignore_https_errors=True)
        browser.close()


def test_every_page_works_in_a_browser(page: Page, served: Served) -> None:
    expect.set_options(timeout=30_000)
    base, wrong = f"{served.origin}/thrice", list[str]()

    def note(response: Response) -> None:
        if response.status >= 400 or not response.url.startswith((f"{base}/", "data:", "blob:")):
            wrong.append(f"{response.status} {response.url}")

    page.on("response", note)
    page.goto(f"{base}/join?token={served.token}")
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(lambda url: "/join" not in url)
    expect(page).to_have_url(f"{base}/")
    page.locator("#examples .gallery-item").first.click()
    expect(page.locator("#prompt textarea")).not_to_have_value("")
    page.locator("#run").click()
    expect(page.locator(".cell.stored")).to_have_count(3)
    link = page.locator(".board-facts a").first.get_attribute("href") or ""
    assert link.startswith(f"{base}/?run=")
    page.goto(link)
    expect(page.locator(".cell.stored")).to_have_count(3)

    page.get_by_role("link", name="Label", exact=True).click()
    expect(page).to_have_url(re.compile(re.escape(f"{base}/label") + "/?$"))
    home = page.locator("#label-home")
    expect(home).to_contain_text("No campaign is open")
    home.get_by_role("link", name="Campaigns").click()
    expect(page).to_have_url(re.compile(re.escape(f"{base}/campaigns") + "/?$"))
    expect(page.locator("#campaigns-title")).to_contain_text("campaign")
    for name in ("train", "data"):
        page.goto(f"{base}/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_text(name.title())
    assert not wrong


@contextmanager
def admin_of(served: Served) -> Iterator[httpx.Client]:
    with served.visitor() as admin:
        assert admin.post("/thrice/join", data={"token": served.token}).status_code == 303
        yield admin


def documented(language: str) -> list[str]:
    """Returns the blocks of a language in the documents' section on proxies."""
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    part = text.partition("## Behind a reverse proxy\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.DOTALL | re.MULTILINE)


def swapped(text: str, documented: str, here: str) -> str:
    assert text.count(documented) == 1, documented
    return text.replace(documented, here)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str], log: Path, port: int, *, cwd: Path, env: dict[str, str]
) -> Iterator[None]:
    """A program that listens on a port, until the block ends."""
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, cwd=cwd, env=env)
        try:
            until = time.monotonic() + START_S
            while not listens(port):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < until, log.read_text("utf-8")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
