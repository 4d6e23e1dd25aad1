"""The frame of every page: its bar, what a role sees of it, its dialogs, and that nothing jumps."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = pytest.mark.browser

PAGES = ["Play", "Label", "Campaigns", "Versions", "Train", "Data", "People"]
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({type: "layout-shift", buffered: true});
"""


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_the_bar_and_says_which_page_it_is(
    page: Page, app_url: str, name: str
) -> None:
    page.goto(app_url if name == "Play" else f"{app_url}/{name.lower()}")
    nav = page.get_by_role("navigation", name="Pages")
    expect(nav.get_by_role("link")).to_have_text(PAGES)
    expect(nav.locator("[aria-current=page]")).to_have_text(name)
    expect(page.locator(".nav-holder")).to_be_hidden()


def test_who_only_labels_sees_label_and_nothing_else(browser: Browser, app_url: str) -> None:
    context = browser.new_context()
    asked = context.request.post(f"{app_url}/api/v1/invitations", data={"role": "annotator"})
    joined = browser.new_context().new_page()
    joined.goto(f"{app_url}/join?token={asked.json()['token']}")
    joined.get_by_role("button", name="Join").click()
    joined.wait_for_url(lambda url: "/join" not in url)
    expect(joined.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_text("Label")
    expect(joined.locator(".avatar")).to_have_attribute("title", re.compile("annotator"))
    expect(joined.locator(".barchip.serving")).to_have_count(0)
    frame = joined.request.get(f"{app_url}/api/v1/frame").json()
    assert (frame["serving"], frame["job"], frame["pages"]) == (None, None, ["Label"])
    joined.context.close()
    context.close()


def test_keys_are_listed_and_a_page_is_gone_to_by_its_name(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/train")
    expect(page.locator(".avatar")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("go to any page")
    expect(page.locator("[data-part=keys] h2")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("vers")
    expect(page.get_by_role("dialog", name="Go to").get_by_role("link")).to_have_text("Versions")
    page.keyboard.press("Enter")
    page.wait_for_url("**/versions")


def test_the_chip_says_what_answers_and_opens(page: Page, app_url: str) -> None:
    page.goto(app_url)
    serving = page.request.get(f"{app_url}/api/v1/health").json()["serving"]
    chip = page.locator(".barchip.serving")
    expect(chip).to_have_text(serving)
    chip.click()
    menu = page.get_by_role("dialog", name="The version that answers")
    expect(menu).to_contain_text(f"{serving} answers the next prompt.")
    expect(menu.get_by_role("link")).to_have_attribute("href", re.compile("/versions$"))
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(chip).to_be_focused()


def test_what_a_roll_back_would_serve_is_not_offered_twice(page: Page, app_url: str) -> None:
    now = {"serving": "demo", "parent": "base", "may_serve": True}
    page.route("**/api/v1/frame", lambda route: route.fulfill(json=route.fetch().json() | now))
    page.goto(app_url)
    expect(page.locator(".barchip.serving")).to_have_text("demo")
    with page.expect_response("**/api/v1/versions"):
        page.locator(".barchip.serving").click()
    menu = page.get_by_role("dialog", name="The version that answers")
    expect(menu.get_by_role("button")).to_have_text(["Roll back to base"])


def test_the_foot_links_only_to_what_is_there(page: Page, app_url: str) -> None:
    page.goto(app_url)
    links = page.locator(".foot a")
    expect(links).to_have_text(["API"])
    read = page.request.get(links.evaluate("a => a.href"))
    assert read.json()["info"]["title"] == "Thrice"


def test_a_job_shows_how_far_it_is_and_tells_when_it_has_ended(page: Page, app_url: str) -> None:
    job = {"id": 7, "kind": "dpo", "status": "running", "share": 0.62, "eta_s": 240, "n_waiting": 1}
    now: dict[str, Any] = {"job": job, "ended": None}

    def answer(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | now)

    page.route("**/api/v1/frame", answer)
    page.goto(app_url)
    expect(page.locator(".barchip.job")).to_have_text("DPO62 %· 4 min left · 1 more")
    now.update(job=None, ended=job | {"status": "done", "share": 1.0, "eta_s": None})
    expect(page.locator(".bar-toast")).to_contain_text("DPO (job 7) is done.")
    expect(page.locator(".barchip.job")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_nothing_jumps_while_play_is_loaded(
    page: Page, app_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.add_init_script(SHIFTS)
    page.goto(app_url)
    expect(page.locator("#examples .gallery-item").first).to_be_visible()
    expect(page.locator(".avatar")).to_be_visible()
    page.wait_for_timeout(1000)
    assert page.evaluate("window.shifted") <= 0.02
