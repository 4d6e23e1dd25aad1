"""A page says in words when the app cannot do its work, and what to do."""

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

SAID = "The engine ended: MemoryError. Start the app again. Until then no prompt is answered."
READY = "The model is ready: prompts are answered again."


@pytest.mark.parametrize("path", ["", "label", "campaigns", "train", "data"])
def test_every_page_says_that_the_engine_has_ended(page: Page, app_url: str, path: str) -> None:
    def ended(route: Route) -> None:
        route.fulfill(status=503, json={"error": SAID})

    page.route("**/api/v1/health", ended)
    page.goto(f"{app_url}/{path}")
    banner = page.get_by_role("alert").filter(has_text="The engine ended")
    expect(banner).to_have_text(SAID)
    expect(banner).to_be_in_viewport()
    page.unroute("**/api/v1/health", ended)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(banner).to_have_count(0)
    expect(page.locator("#thrice-health")).to_have_text(READY)
    expect(page.locator("#thrice-health")).to_be_hidden(timeout=15_000)


def test_while_a_model_loads_the_page_looks_every_two_seconds_and_says_that_it_is_ready(
    page: Page, app_url: str
) -> None:
    said = ["is being loaded, 3 s so far.", "is being loaded, 5 s so far."]

    def loading(route: Route) -> None:
        if said:
            route.fulfill(status=503, json={"error": f"The model {said.pop(0)}"})
        else:
            route.continue_()

    page.clock.install()
    page.route("**/api/v1/health", loading)
    page.goto(app_url)
    banner = page.locator("#thrice-health")
    for seconds in (3, 5):
        expect(banner.get_by_role("alert")).to_have_text(
            f"The model is being loaded, {seconds} s so far."
        )
        page.clock.run_for(2_100)
    expect(banner.get_by_role("status")).to_have_text(READY)
    page.clock.run_for(5_100)
    expect(banner).to_be_hidden()


def test_a_warning_is_on_the_page_until_it_is_over(page: Page, app_url: str) -> None:
    said = ["The training worker ended (SIGKILL). It is started again in 4 s."]

    def warn(route: Route) -> None:
        answer = {"serving": "base", "worker": False}
        route.fulfill(json=answer | ({"warning": said.pop()} if said else {}))

    page.clock.install()
    page.route("**/api/v1/health", warn)
    page.goto(app_url)
    banner = page.locator("#thrice-health")
    expect(banner.get_by_role("alert")).to_contain_text("started again in 4 s")
    page.clock.run_for(2_100)
    expect(banner).to_be_hidden()


def test_a_page_of_an_app_that_is_well_has_no_banner(page: Page, app_url: str) -> None:
    with page.expect_response("**/api/v1/health") as answered:
        page.goto(app_url)
    assert answered.value.status == 200
    expect(page.locator("#thrice-health")).to_be_hidden()


def test_the_examples_of_the_play_page_leave_no_hole_below_their_title(
    page: Page, app_url: str
) -> None:
    page.goto(app_url)
    title = page.locator("#examples .label")
    expect(title).to_be_visible()
    assert title.evaluate("node => getComputedStyle(node).paddingBottom") in ("0px", "1px", "2px")
