"""A page whose file was lost on its way: it is loaded once more, and says so where that is no help."""

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

LOST = [
    "**/assets/index-*.js",  # the first script
    "**/assets/Blocks-*.css",
    "**/modules/*/bar.js",  # one of ours
]


def lose(page: Page, pattern: str, most: int, *, silently: bool = False) -> list[str]:
    """Loses the first requests for a file; returns their addresses, as they are lost."""
    lost: list[str] = []

    def answer(route: Route) -> None:
        if len(lost) >= most:
            route.continue_()
            return
        lost.append(route.request.url)
        if not silently:
            route.abort()

    page.route(pattern, answer)
    return lost


def page_loads(page: Page) -> list[str]:
    """Returns the addresses that the tab loads, as it does."""
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    return loads


@pytest.mark.parametrize("pattern", LOST)
def test_a_page_that_lost_a_file_is_loaded_again_by_itself(
    page: Page, app_url: str, pattern: str
) -> None:
    lost = lose(page, pattern, 1)
    loads = page_loads(page)
    page.goto(f"{app_url}/people", wait_until="commit")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    expect(page.locator(".gradio-container .main > .wrap.full")).to_have_count(0)
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    expect(page.locator(".not-whole")).to_have_count(0)
    assert (len(lost), len(loads)) == (1, 2)
    page.wait_for_function("() => sessionStorage.getItem('thrice-loaded-again') === null")


def test_a_page_is_not_loaded_again_before_the_app_answers(page: Page, app_url: str) -> None:
    """Else the browser's own page for that would take its place, and stay."""
    lose(page, "**/modules/*/bar.js", 1)
    page.route("**/api/v1/health", lambda route: route.abort())
    loads = page_loads(page)
    page.goto(f"{app_url}/people", wait_until="commit")
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    page.wait_for_timeout(2_500)
    assert len(loads) == 1
    page.unroute("**/api/v1/health")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert len(loads) == 2


def test_a_file_that_neither_comes_nor_fails_is_not_waited_for_for_ever(
    page: Page, app_url: str
) -> None:
    lost = lose(page, "**/assets/Blocks-*.js", 1, silently=True)
    loads = page_loads(page)
    page.goto(f"{app_url}/people", wait_until="commit")
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    assert (len(lost), len(loads)) == (1, 2)


@pytest.mark.parametrize("pattern", ["**/assets/Blocks-*.js", "**/modules/*/bar.js"])
def test_a_page_that_does_not_come_whole_twice_says_so_and_is_loaded_when_asked(
    page: Page, app_url: str, pattern: str
) -> None:
    lose(page, pattern, 100)
    loads = page_loads(page)
    page.goto(f"{app_url}/people", wait_until="commit")
    said = page.get_by_role("alert")
    expect(said).to_have_text("A part of this page did not arrive. Load again")
    assert len(loads) == 2
    page.wait_for_timeout(3_000)  # the rest of the page comes, and changes nothing of that
    expect(said).to_be_visible()
    page.unroute_all()
    said.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
    expect(page.locator(".not-whole")).to_have_count(0)


def test_what_somebody_wrote_is_not_thrown_away_for_a_file_that_comes_late(
    page: Page, app_url: str
) -> None:
    page.goto(app_url)
    prompt = page.get_by_role("textbox").first
    prompt.fill("Tom has 12 pens.")
    prompt.press("End")
    page.keyboard.type(" And now?")
    loads = page_loads(page)
    lose(page, "**/modules/lost.js", 1)
    page.evaluate("void import(new URL('modules/lost.js', document.baseURI).href)")
    expect(page.get_by_role("alert")).to_contain_text("A part of this page did not arrive.")
    expect(prompt).to_have_value("Tom has 12 pens. And now?")
    assert loads == []
