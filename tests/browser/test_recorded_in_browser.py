"""An untouched Play page plays the recorded run, and gives way to the first run of one's own."""

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ptrapp.services import demo

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, app_url: str) -> Page:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 720})
    opened = context.new_page()
    opened.goto(app_url)
    return opened


def test_it_is_what_was_recorded_with_what_was_measured(page: Page) -> None:
    recorded = demo.recorded()
    takes = page.locator(".recorded .take")
    expect(takes).to_have_count(3)
    expect(page.locator(".recorded h2")).to_have_text(recorded["prompt"])
    for index, one in enumerate(recorded[demo.NAME]):
        expect(takes.nth(index).locator(".response")).to_have_text(one["response"])
        expect(takes.nth(index)).to_contain_text(one["thought"])
    expect(page.locator(".recorded .arrow").first).to_have_text("fixed")
    expect(page.locator(".recorded code")).to_have_text(recorded["command"])
    expect(page.locator(".recorded a")).to_contain_text("right in rounds 1 to 3, n = 400")
    ask = page.locator(".recorded [data-part=ask]")
    expect(ask).to_have_text("Ask base yourself")

    page.locator(".recorded [data-part=base]").click()
    expect(takes.nth(2).locator(".response")).to_have_text(recorded["base"][2]["response"])
    expect(page.locator(".recorded .mark.bad")).to_have_count(3)
    expect(ask).to_have_text("Ask it yourself")


@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_seen_without_scrolling_above_what_is_said_of_the_model(
    page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    expect(page.locator(".recorded h2")).to_be_in_viewport(ratio=1)
    expect(page.locator("#honest")).to_contain_text("The bundled model is tiny")
    tops = [page.locator(one).bounding_box() for one in ("#examples", ".recorded", "#honest")]
    assert all(tops)
    assert sorted(tops, key=lambda box: box["y"]) == tops  # type: ignore[index]


def test_it_gives_way_to_a_run_of_one_s_own(page: Page) -> None:
    expect(page.locator("#composer-below")).to_be_visible()
    page.locator(".recorded").evaluate("r => r.scrollIntoView({block: 'end'})")
    page.locator(".recorded [data-part=ask]").click()
    expect(page.locator("#prompt textarea")).to_be_focused()
    assert page.evaluate("window.scrollY") == 0
    expect(page.locator("#prompt textarea")).to_have_value(demo.recorded()["prompt"])
    page.keyboard.press("Enter")
    expect(page.locator(".board .cell.stored")).to_have_count(3)
    expect(page.locator(".recorded")).to_be_hidden()
    page.reload()
    expect(page.locator(".board .cell.stored")).to_have_count(3)
    expect(page.locator(".recorded .take")).to_have_count(0)


def test_it_does_not_play_beside_a_run_that_a_link_opens(browser: Browser, app_url: str) -> None:
    context = browser.new_context()
    asked = {"prompt": "What is 1 + 1?", "n": 1}
    run = httpx.post(f"{app_url}/api/v1/runs", json=asked).json()["run_id"]
    page = context.new_page()
    page.goto(f"{app_url}/?run={run}&read=1")
    expect(page.locator(".board .cell.stored")).to_have_count(1)
    expect(page.locator(".recorded .take")).to_have_count(0)
    context.close()


def test_it_plays_once_and_can_be_held(browser: Browser, app_url: str) -> None:
    page = browser.new_context().new_page()
    page.goto(app_url)
    hold = page.locator(".recorded [data-part=hold]")
    expect(hold).to_have_text("Pause")
    hold.click()
    expect(hold).to_have_text("Go on")
    stands = page.locator(".recorded progress").get_attribute("value")
    page.wait_for_timeout(400)
    assert page.locator(".recorded progress").get_attribute("value") == stands
    hold.click()
    expect(hold).to_have_text("Play again")
    expect(page.locator(".recorded .take.stored")).to_have_count(3)


def test_two_versions_answer_one_prompt_and_are_voted_on_blind(page: Page) -> None:
    page.locator("#examples .gallery-item").last.click()
    page.locator("#mode").get_by_text("Versions", exact=True).click()
    asked = page.locator("#asked-versions")
    expect(asked).to_contain_text("demo")
    expect(asked).to_contain_text("base")
    page.locator("#run").click()
    cells = page.locator(".board .cell.stored")
    expect(cells).to_have_count(2)
    expect(page.locator(".board .chip.version")).to_have_count(0)  # told after the vote
    for told in ("demo", "base"):
        expect(page.locator(".board-grid")).not_to_contain_text(told)
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator(".board .cell.side")).to_have_count(2)
    for told in ("demo", "base", "Candidate"):
        expect(page.locator(".board-grid")).not_to_contain_text(told)
    page.wait_for_timeout(400)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".board .mine")).to_have_count(1)
    names = page.locator(".board .chip.version")
    expect(names).to_have_count(2)
    assert {"demo", "base"} == set(names.all_inner_texts())
    page.reload()
    expect(page.locator(".board .cell.stored")).to_have_count(2)
