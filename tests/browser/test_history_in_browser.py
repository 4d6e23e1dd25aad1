"""History and the time machine in a real browser: found, starred, put away, read by a link, pinned."""

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser

PENS = "Tom has 12 pens. He buys 7 more. How many pens does he have?"
RANGE = "What is the range of 19, 10 and 22?"


@pytest.fixture(scope="module")
def runs(app_url: str) -> dict[str, int]:
    """Two finished runs of somebody else, by prompt."""
    found = {}
    with httpx.Client(base_url=f"{app_url}/api/v1", timeout=60) as somebody:
        somebody.get("/health")
        for prompt, reference in ((PENS, "19"), (RANGE, "12")):
            asked = {"prompt": prompt, "n": 2, "reference_answer": reference}
            run_id = somebody.post("/runs", json=asked).json()["run_id"]
            until = time.monotonic() + 60
            while somebody.get(f"/runs/{run_id}").json()["state"] == "running":
                assert time.monotonic() < until
                time.sleep(0.1)
            found[prompt] = run_id
    return found


def test_a_run_is_found_starred_named_put_away_and_brought_back(
    page: Page, app_url: str, runs: dict[str, int]
) -> None:
    run_id = runs[PENS]
    page.goto(f"{app_url}/history")
    row = page.locator(f".history-rows li[data-run='{run_id}']")
    expect(row).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("no prompt says this")
    expect(page.locator(".history-none")).to_contain_text("No run is like that.")
    page.get_by_label("Search").fill("BUYS 7 more")
    expect(row).to_be_visible()
    expect(page.locator(f".history-rows li[data-run='{runs[RANGE]}']")).to_have_count(0)

    star = row.get_by_role("button", name=f"Star run {run_id}")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    row.get_by_role("button", name=f"Name run {run_id}").click()
    name = page.get_by_label(f"Name of run {run_id}")
    expect(name).to_be_focused()
    name.fill("<b>Pens</b>")
    name.press("Enter")
    expect(row.get_by_role("heading")).to_have_text("<b>Pens</b>")  # text, not markup

    row.get_by_role("button", name=f"Delete run {run_id}").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name=f"Undo: bring run {run_id} back").click()
    expect(row).to_be_visible()
    row.get_by_role("link").click()
    expect(page.locator(".board-facts")).to_contain_text(f"run {run_id}")
    expect(page.locator(".runline .star")).to_have_attribute("aria-pressed", "true")


def test_arrow_keys_go_from_run_to_run(page: Page, app_url: str, runs: dict[str, int]) -> None:
    page.goto(f"{app_url}/history")
    links = page.locator(".history-rows h2 a")
    expect(links.nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".board-grid .cell").first).to_be_visible()


def test_back_from_a_run_finds_what_was_looked_for(
    page: Page, app_url: str, runs: dict[str, int]
) -> None:
    page.goto(f"{app_url}/history?mode=refine&whose=everybody&voted=nonsense")
    rows = page.locator(".history-rows li")
    expect(rows.nth(1)).to_be_visible()
    expect(page.get_by_label("Mode")).to_have_value("refined")
    page.get_by_label("Search").fill("range")
    expect(rows).to_have_count(1)
    page.wait_for_url("**/history?*text=range*")
    rows.get_by_role("link").click()
    expect(page.locator(".board-grid .cell").first).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value("range")
    expect(page.get_by_label("Mode")).to_have_value("refined")
    expect(rows).to_have_count(1)


def test_a_link_opens_a_run_to_read_alone(page: Page, app_url: str, runs: dict[str, int]) -> None:
    changed: list[str] = []
    page.on("request", lambda r: changed.append(r.url) if r.method == "POST" and "/api/v1/" in r.url
            else None)  # fmt: skip
    page.goto(f"{app_url}/?run={runs[RANGE]}&read=1")
    expect(page.locator(".board-grid .cell")).to_have_count(2)
    expect(page.locator(".board-facts")).to_contain_text("Read-only")
    for part in ("pick", "thought", "edit", "new", "again", "star"):
        expect(page.locator(f".board [data-part={part}]")).to_have_count(0)
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator(".votes")).to_have_count(0)
    assert changed == []


def test_a_pinned_prompt_is_answered_by_every_version_and_shown_beside(
    page: Page, app_url: str, runs: dict[str, int]
) -> None:
    page.goto(f"{app_url}/?run={runs[RANGE]}")
    page.locator(".runline [data-part=pin]").click()
    expect(page.locator(".bar-notice")).to_contain_text("Pinned")
    pin = page.locator(".runline [data-part=pin]")
    expect(pin).to_have_attribute("aria-pressed", "true")
    pin.click()
    expect(page.locator(".bar-notice")).to_contain_text("Not pinned any more")
    expect(pin).to_have_attribute("aria-pressed", "false")

    page.goto(f"{app_url}/history")
    pin = page.get_by_role("button", name=re.compile(f"the prompt of run {runs[RANGE]}$"))
    for word, pressed in (("Pinned", "true"), ("Pin", "false"), ("Pinned", "true")):
        pin.click()
        expect(pin).to_have_text(word)
        expect(pin).to_have_attribute("aria-pressed", pressed)
        expect(pin).to_be_focused()

    page.goto(f"{app_url}/versions")
    cards = page.locator(".time-card")  # another test may have left a version without an answer
    expect(page.locator(".time-asked h3")).to_have_text(RANGE)
    for name in ("base", "demo"):
        card = page.locator(f".time-card[aria-label={name}]")
        expect(card.locator(".time-text").first).not_to_be_empty(timeout=40_000)
    expect(cards.locator(".mini").first).to_be_visible()

    page.get_by_label("By time").click()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("demo")
    page.locator("#time-at input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    expect(cards).to_contain_text("base")
    cards.get_by_role("link").click()
    expect(page.locator(".board-grid .cell")).to_have_count(2)
    expect(page.locator(".runline .star")).to_have_count(0)  # no person's run


@pytest.fixture(scope="module")
def theme_contexts(browser: Browser) -> Iterator[dict[tuple[int, str], BrowserContext]]:
    made = {
        (width, theme): browser.new_context(viewport={"width": width, "height": 900})
        for width in (390, 1280)
        for theme in ("light", "dark")
    }
    yield made
    for context in made.values():
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_history_and_the_time_machine_are_accessible_and_fit(
    theme_contexts: dict[tuple[int, str], BrowserContext],
    app_url: str,
    runs: dict[str, int],
    width: int,
    theme: str,
) -> None:
    page = theme_contexts[width, theme].new_page()
    for path, there in (("history", ".history-rows li"), ("versions", ".time-card, .time-none")):
        page.goto(f"{app_url}/{path}?__theme={theme}")
        expect(page.locator(there).first).to_be_visible()
        found = Axe().run(page).response["violations"]
        worst = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not worst, json.dumps([(one["id"], one["nodes"][0]["html"]) for one in worst])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
