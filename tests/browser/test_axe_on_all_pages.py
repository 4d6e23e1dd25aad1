"""axe on every page as it is opened, at three widths and in both themes, and how far the page moved
until it was there; other tests have axe on what opens on a page."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser

WIDTHS = (390, 1280, 1920)
SHOWN = {
    "": "#examples .gallery-item",
    "history": "#history-counted",
    "label": "#label-home h1, .label-side, .label-empty",
    "campaigns": "#campaigns-title",
    "versions": "#leaderboard [role=gridcell]",
    "train": "#train-jobs",
    "data": "#import-look",
    "people": "#people-members",
    "account": "main",
    "sign-in": "main",
}
"""Every page, and what of it is there in the end."""


MOST_SHIFTED = 0.02
"""Sum of the layout shifts of a page that fills."""
_WATCH = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shifted += one.value; }))
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """One visitor for all pages, whose browser keeps what they have in common."""
    opened = browser.new_context(reduced_motion="reduce")
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", SHOWN)
def test_nothing_serious_nothing_beside_the_page_and_nothing_that_moves(
    visitor: BrowserContext, app_url: str, path: str, theme: str
) -> None:
    page = visitor.new_page()
    page.add_init_script(_WATCH)
    try:
        page.goto(f"{app_url}/{path}?__theme={theme}")
        expect(page.locator(SHOWN[path]).first).to_be_visible()
        page.wait_for_timeout(300)  # a chart or a table that comes last
        assert page.evaluate("window.shifted") <= MOST_SHIFTED
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(150)
            assert _grave(page) == [], width
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width, width
    finally:
        page.close()  # each open page keeps a connection, and a browser has six


def _grave(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:150] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
