"""Takes the pictures of the documents: `python -m bench.pictures` starts an app of its own.

Every frame of the moving picture is a screenshot of that app. Two things are not as they were: how
long a frame is shown is chosen here, and the app is halted between frames, because the bundled
model writes a round in a tenth of a second. The version `demo` answers.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from ptrapp.services.demo import NAME

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT = 1280, 720
EXAMPLE = 5
"""Which of the example prompts is asked."""
MOST_RUNS = 20
"""How often it is asked until the first round is wrong and the last right, which is chance."""
RUNS_S, DRAWN_MS, FRAME_MS = 0.02, 60, 150
"""How long the app runs for a frame of a round being written, how long the page is given to draw
it, and how long the frame is shown."""
KEY_DELAY_MS = 500
"""A key sooner after the pair is shown is not taken for a decision."""


def main() -> None:
    """Writes every picture, and prints their sizes in bytes."""
    with _app() as (url, app), _browser() as browser:
        for theme, name in (("light", "refine.webp"), ("dark", "refine-dark.webp")):
            film_a_vote(browser, f"{url}/?__theme={theme}", app).save(PICTURES / name)
        photograph_label(browser, url)
        photograph_versions(browser, url)
    print(json.dumps({one.name: one.stat().st_size for one in sorted(PICTURES.iterdir())}))


def photograph_versions(browser: Browser, url: str) -> None:
    """The Versions page: the shipped version beside the base, with what was measured of them."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1100})
    page.goto(f"{url}/versions?__theme=light")
    page.locator("#versions-plots").scroll_into_view_if_needed()
    page.wait_for_selector("#versions-plot-0 svg.marks")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(2500)
    page.screenshot(path=PICTURES / "versions.png")


def film_a_vote(browser: Browser, url: str, app: "subprocess.Popen[bytes]") -> "Film":
    """A run that is wrong in the first round and right in the last, and a vote on it."""
    for _ in range(MOST_RUNS):
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        film = Film(page)
        if fixed := refine(page, url, film, app):
            vote(page, film)
        page.close()
        if fixed:
            return film
    raise SystemExit(f"No run of {MOST_RUNS} was wrong at first and right at last; try again.")


def photograph_label(browser: Browser, url: str) -> None:
    """The Label page over the rounds that were written for the films."""
    source = {"kind": "adjacent"}
    made = {"name": "Word problems", "source": source, "guidelines": "Which answer is right?"}
    httpx.post(f"{url}/api/v1/campaigns", json=made, timeout=30).raise_for_status()
    page = browser.new_page(viewport={"width": WIDTH, "height": 720})
    page.goto(f"{url}/label")
    page.get_by_text("Word problems").first.click()
    page.wait_for_timeout(1500)
    page.keyboard.press("Escape")  # the guidelines, which stand open at first
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / "label.png")


class Film:
    """Screenshots in order, each with the time it is shown."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._shown_ms: list[int] = []

    def take(self, shown_ms: int) -> None:
        """Add a frame; one that is equal to the last only lengthens it."""
        shot = Image.open(BytesIO(self._page.screenshot())).convert("RGB")
        if self._frames and self._frames[-1].tobytes() == shot.tobytes():
            self._shown_ms[-1] = max(self._shown_ms[-1], shown_ms)
            return
        self._frames.append(shot)
        self._shown_ms.append(shown_ms)

    def save(self, path: Path) -> None:
        first, *rest = self._frames
        first.save(
            path,
            save_all=True,
            append_images=rest,
            duration=self._shown_ms,
            loop=0,
            quality=70,
            method=6,
            minimize_size=True,
        )


def refine(page: Page, url: str, film: Film, app: "subprocess.Popen[bytes]") -> bool:
    """Ask for three rounds and film them; whether the first is wrong and the last is right."""
    page.goto(url)
    page.wait_for_selector("#examples .gallery-item")
    page.wait_for_timeout(1500)
    page.locator("#examples .gallery-item").nth(EXAMPLE).click()
    page.wait_for_timeout(800)
    film.take(1500)
    page.locator("#run").click()
    while page.locator(".cell.stored").count() < 3:
        app.send_signal(signal.SIGCONT)
        time.sleep(RUNS_S)
        app.send_signal(signal.SIGSTOP)
        page.wait_for_timeout(DRAWN_MS)
        film.take(FRAME_MS)
    app.send_signal(signal.SIGCONT)
    page.wait_for_timeout(500)
    film.take(2500)
    first, last = (page.locator(".cell").nth(at).inner_text() for at in (0, -1))
    return "wrong" in first and "right" in last


def vote(page: Page, film: Film) -> None:
    """Compare the first round and the last by keys, and see the thoughts after the vote."""
    page.keyboard.press("Tab")
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    film.take(700)
    right = page.locator(".cell .response").last.inner_text()
    page.keyboard.press("3")
    page.wait_for_selector(".cell.side")
    page.wait_for_timeout(KEY_DELAY_MS)
    film.take(2000)
    first, _ = page.locator(".cell.side .response").all_inner_texts()  # sides are drawn by chance
    page.keyboard.press("ArrowLeft" if first == right else "ArrowRight")
    page.wait_for_selector(".thought-text")
    page.wait_for_timeout(500)
    film.take(5000)


@contextmanager
def _app() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A fresh app without a worker, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as data:
        flags = ["--port", port, "--data-dir", data, "--no-worker"]
        app = subprocess.Popen([sys.executable, "app.py", *flags], cwd=ROOT)
        url = f"http://127.0.0.1:{port}"
        try:
            while not _answers(url):
                time.sleep(0.3)
            httpx.post(
                f"{url}/api/v1/versions/{NAME}/serve", json={}, timeout=60
            ).raise_for_status()
            yield url, app
        finally:
            app.send_signal(signal.SIGCONT)
            app.terminate()
            app.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v1/health", timeout=5).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
