"""A page that is open while the app restarts goes on: what is typed stays, and is what is done."""

import json
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

AWAY = "The app does not answer. This page goes on when it does, with all that is typed."
NOT_DONE = "The app does not answer; it may be starting again."
UPDATED = "The app was updated since this page was loaded"


def open_train(page: Page, url: str) -> list[str]:
    """Opens Train with something typed; returns the addresses that the tab loads from then on."""
    page.goto(f"{url}/train")
    page.locator("#arriving.there").wait_for(state="attached")
    rounds = page.locator("#evaluate-rounds input")
    rounds.press("Control+a")
    page.keyboard.type("2")
    expect(page.locator("#train-measure textarea").last).to_have_value(
        "python -m ptrapp evaluate --rounds 2"
    )
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    return loads


def go_away(page: Page) -> None:
    """Loses everything that Gradio asks, as while no app is there."""
    page.route("**/gradio_api/**", lambda route: route.abort())


@pytest.mark.timeout(900)
def test_what_was_typed_before_a_restart_is_what_is_queued_after_it(
    page: Page, app_to_restart: tuple[str, Callable[[], None], Callable[[], None]]
) -> None:
    url, stop, start = app_to_restart
    loads = open_train(page, url)
    stop()
    expect(page.get_by_text(AWAY)).to_be_visible()
    start()
    expect(page.get_by_text(AWAY)).to_have_count(0)
    expect(page.locator("#evaluate-rounds input")).to_have_value("2")
    assert loads == []
    page.get_by_role("button", name="Measure", exact=True).click()
    page.wait_for_url("**/train?job=*")
    (job,) = httpx.get(f"{url}/api/v1/jobs").json()
    assert '"rounds": 2' in json.dumps(httpx.get(f"{url}/api/v1/jobs/{job['id']}").json())


def test_what_is_pressed_while_no_app_answers_ends_in_words_and_works_later(
    page: Page, app_url: str
) -> None:
    page.goto(f"{app_url}/people")
    page.locator("#arriving.there").wait_for(state="attached")
    page.get_by_label("Name (empty: they choose)").fill("Ada")
    go_away(page)
    press = page.get_by_role("button", name="Create link")
    press.click()
    expect(page.get_by_text(NOT_DONE)).to_be_visible()
    page.unroute_all()
    press.click()
    expect(page.locator("#people-link")).to_contain_text("shown this once")
    expect(page.get_by_role("gridcell").filter(has_text="Ada").first).to_be_visible()


def test_a_stream_that_breaks_off_ends_what_waited_for_it_in_words(
    page: Page, app_url: str
) -> None:
    page.goto(f"{app_url}/people")
    page.locator("#arriving.there").wait_for(state="attached")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.route("**/gradio_api/queue/data**", lambda route: route.abort())
    press = page.get_by_role("button", name="Create link")
    press.click()
    expect(page.get_by_text("The app ended before this was answered.")).to_be_visible()
    page.unroute_all()
    press.click()
    expect(page.locator("#people-link")).to_contain_text("shown this once")
    assert loads == []


def test_a_page_of_before_an_update_says_so_and_what_is_typed_stays_until_it_is_loaded(
    page: Page, app_url: str
) -> None:
    before = len(httpx.get(f"{app_url}/api/v1/jobs").json())
    loads = open_train(page, app_url)
    page.evaluate("gradio_config.app_id = 7")
    said = page.get_by_role("status").filter(has_text=UPDATED)
    expect(said).to_be_visible()
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.locator(".toast-body").filter(has_text="nothing was done")).to_be_visible()
    expect(page.locator("#evaluate-rounds input")).to_have_value("2")
    assert len(httpx.get(f"{app_url}/api/v1/jobs").json()) == before
    assert loads == []
    said.get_by_role("button", name="load it again").click()
    expect(page.locator("#evaluate-rounds input")).to_have_value("3")
    expect(said).to_have_count(0)


def test_a_page_that_nobody_touched_is_replaced_by_itself_after_an_update(
    page: Page, app_url: str
) -> None:
    page.clock.install()
    page.goto(f"{app_url}/train")
    page.clock.run_for(61_000)
    page.locator("#arriving.there").wait_for(state="attached")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.evaluate("gradio_config.app_id = 7")
    with page.expect_navigation():
        page.clock.run_for(5_000)
    assert loads == [f"{app_url}/train"]
