"""A running app and a real browser. Without a browser the tests are skipped, or fail in CI."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from label_world import World, close_campaign, make_campaign
from module_world import serve_modules
from network_seen import NetworkSeen
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from db.storage.session import Database, open_database

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
START_S = 240.0

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser_path() -> str:
    path = os.environ.get("THRICE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = (
            f"no browser is installed (looked for {', '.join(NAMES)}; THRICE_BROWSER names one)"
        )
        if os.environ.get("THRICE_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    """A browser for a file: while Playwright runs, no other test of this process can use asyncio."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        started.on("context", _SEEN.watch)
        yield started
        started.close()


_SEEN = NetworkSeen()
"""What the browser said since the test began, which stands in the report of one that failed."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (said := _SEEN.report()):
        report.sections.append(("What the browser said", said))
    if report.when == "teardown":
        _SEEN.begin()
    return report


@pytest.fixture(scope="session")
def app_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the app that `app_url` starts; a test may write into its database."""
    return tmp_path_factory.mktemp("app") / "data"


@pytest.fixture(scope="session")
def app_url(browser_path: str, app_data: Path) -> str:
    """The address of a real app: bundled model, fresh database, one worker; one for all tests.

    Each test has a browser context, and so is a visitor, of its own.
    """
    return _SHARED.enter_context(_served(app_data))


_SHARED = ExitStack()
"""What the shared app holds; it ends with the last of these tests, not with the session."""


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or nextitem.path.parent != item.path.parent:
        _SHARED.close()


@pytest.fixture(scope="module")
def own_app_url(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app of one file: its first test may count everything there is."""
    with _served(tmp_path_factory.mktemp("own") / "data") as url:
        yield url


@pytest.fixture(scope="module")
def closed_app(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The set-up link of an app whose visitors only label, as its terminal shows it."""
    data = tmp_path_factory.mktemp("closed") / "data"
    with _served(data, "--visitor-role", "annotator", "--no-worker"):
        said = data.with_name("app.log").read_text(encoding="utf-8")
        yield re.findall(r"http://\S+/join\?token=\S+", said)[0]


@pytest.fixture(scope="module")
def app_to_restart(
    browser_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """The address of an app without a worker, how to end it, and how to start it there again."""
    data, port = tmp_path_factory.mktemp("restarts") / "data", _free_port()
    with ExitStack() as running:

        def start() -> None:
            running.enter_context(_served(data, "--no-worker", port=port))

        start()
        yield f"http://127.0.0.1:{port}", running.close, start


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def _served(data: Path, *flags: str, port: int | None = None) -> Iterator[str]:
    port = port or _free_port()
    log = data.with_name("app.log")
    with log.open("wb") as written:
        app = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port), "--data-dir", str(data), *flags],
            cwd=ROOT,
            stdout=written,
            stderr=written,
            start_new_session=True,  # as a terminal has: its training stands back behind it alone
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_up(app, url, log)
            yield url
        finally:
            app.terminate()
            app.wait(timeout=20)


@pytest.fixture(scope="session")
def app_database(app_url: str, app_data: Path) -> Iterator[Database]:
    """The database of the running app, opened beside it."""
    opened = open_database(f"sqlite:///{app_data / 'thrice.db'}")
    yield opened
    opened.dispose()


@pytest.fixture
def campaign(
    app_url: str, app_database: Database, request: pytest.FixtureRequest
) -> Iterator[Callable[..., World]]:
    """Makes campaigns of the pairs it is given, and closes them at the end."""
    made: list[World] = []

    def make(pairs: Sequence[tuple[str, str, str]], **settings: Any) -> World:
        name = f"{request.node.name[:100]} {len(made)}"
        made.append(make_campaign(app_url, app_database, name, pairs, **settings))
        return made[-1]

    yield make
    for world in made:
        close_campaign(world)


def _wait_until_up(app: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and app.poll() is None:
        try:
            if httpx.get(f"{url}/api/v1/health", timeout=5).is_success:  # its model is there too
                return
        except httpx.TransportError:
            pass  # not there yet
        time.sleep(0.1)
    pytest.fail(f"the app did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def bare(browser: Browser) -> Iterator[Page]:
    """A page with nothing on it, where the pages' modules are: no app is needed."""
    page = browser.new_page()
    serve_modules(page)
    yield page
    page.close()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go, to be looked at."""
    folder = ROOT / "test-results"
    folder.mkdir(exist_ok=True)
    return folder
