"""For who sees with help: a page at 400 % zoom, in the system's own colours, and where the keyboard is."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
from label_world import World, answers, open_label, press
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

pytestmark = pytest.mark.browser

Campaign = Callable[..., World]
SHOWN = {
    "": "#examples .gallery-item",
    "history": "#history-counted",
    "train": "#train-jobs",
    "campaigns": "#campaigns-title",
    "versions": "#leaderboard [role=gridcell]",
    "data": "#import-look",
    "people": "#people-members",
    "label": "#label-home h1, .label-side, .label-empty",
}
"""Every page, and what of it is there in the end."""
LONG = " It goes on, so that there is something to read." * 8
FILLS = "node => { const s = getComputedStyle(node); return [s.backgroundColor, s.color]; }"
RING = """node => {
  const s = getComputedStyle(node);
  return s.outlineStyle === "none" ? 0 : parseFloat(s.outlineWidth);
}"""
REACHED = """node => {
  const box = node.getBoundingClientRect();
  const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return node.contains(hit);
}"""
OVER = """() => [...document.querySelectorAll(".label-bar button")].map((button) => {
  const words = document.createRange();
  words.selectNodeContents(button);
  const boxes = [button.getBoundingClientRect(), words.getBoundingClientRect()];
  const wide = button.querySelector("small") ? boxes.slice(0, 1) : boxes;
  return { name: button.dataset.part, left: Math.min(...wide.map((box) => box.left)),
    right: Math.max(...wide.map((box) => box.right)), top: boxes[0].top, bottom: boxes[0].bottom };
})"""
"""Each button of the desk with the words in it; what is read aloud alone stands in `small`."""


@pytest.fixture
def near(browser: Browser) -> Iterator[BrowserContext]:
    """A window of 1280 by 1024 pixels, at 400 %."""
    opened = browser.new_context(
        viewport={"width": 320, "height": 256}, reduced_motion="reduce", has_touch=False
    )
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.fixture
def contrast(browser: Browser) -> Iterator[Page]:
    """A page whose colours the system has chosen."""
    opened = browser.new_context(forced_colors="active", viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(30_000)
    yield opened.new_page()
    opened.close()


def _overlapping(page: Page) -> list[tuple[str, str]]:
    boxes: list[dict[str, Any]] = page.evaluate(OVER)
    return [
        (one["name"], other["name"])
        for one, other in combinations(boxes, 2)
        if one["left"] < other["right"] - 0.5
        and other["left"] < one["right"] - 0.5
        and one["top"] < other["bottom"] - 0.5
        and other["top"] < one["bottom"] - 0.5
    ]


def test_all_of_a_pair_is_read_and_answered_at_400_percent(
    near: BrowserContext, campaign: Campaign
) -> None:
    page = near.new_page()
    texts = [(one + LONG, left + LONG, right + LONG) for one, left, right in answers(2)]
    open_label(page, campaign(texts, reveal=True))
    assert _overlapping(page) == []
    for side in page.locator(".label-side .label-text").all():
        side.scroll_into_view_if_needed()
        expect(side).to_be_in_viewport(ratio=1)
        height = side.evaluate("node => node.clientHeight")
        assert height >= 100
        side.focus()
        for _ in range(9):
            page.keyboard.press("PageDown")
        below = "node => node.scrollHeight - node.clientHeight - node.scrollTop"
        assert side.evaluate(below) <= 1
    for button in page.locator(".label-bar button").all():
        button.scroll_into_view_if_needed()
        expect(button).to_be_in_viewport(ratio=1)
        assert button.evaluate(REACHED)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
    page.locator("[data-part=left]").click()
    expect(page.locator(".label-where")).to_contain_text("1 of 2")


def test_why_there_is_no_pair_is_read_at_400_percent(
    near: BrowserContext, campaign: Campaign
) -> None:
    page = near.new_page()
    campaign(answers(1))
    world = campaign(answers(1))
    open_label(page, world)
    press(page, "ArrowLeft")
    told = page.locator(".label-empty")
    expect(told).to_be_visible()
    for part in (told.locator("p").first, page.locator("[data-part=undo]")):
        part.scroll_into_view_if_needed()
        expect(part).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320


@pytest.mark.parametrize(("width", "height"), [(320, 640), (360, 640), (427, 240), (480, 270)])
def test_no_button_of_the_desk_lies_over_another(
    page: Page, campaign: Campaign, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    open_label(page, campaign(answers(2), reveal=True))
    assert _overlapping(page) == []


@pytest.mark.parametrize("path", SHOWN)
def test_nothing_is_beside_a_page_at_400_percent_and_no_bar_stays_over_it(
    near: BrowserContext, app_url: str, path: str
) -> None:
    page = near.new_page()
    page.goto(f"{app_url}/{path}")
    expect(page.locator(SHOWN[path]).first).to_be_visible()
    expect(page.locator(".avatar")).to_be_visible()
    page.wait_for_timeout(300)  # a table that comes last
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
    page.evaluate("window.scrollTo(0, 400)")
    top = page.locator(".bar-line-top").evaluate("node => node.getBoundingClientRect().top")
    assert top == pytest.approx(-page.evaluate("window.scrollY"), abs=1)
    assert top < 0


def test_what_is_chosen_of_a_filter_is_read_on_a_narrow_page(
    near: BrowserContext, app_url: str
) -> None:
    page = near.new_page()
    page.goto(f"{app_url}/history")
    fields = page.locator("#history-controls input[role=combobox]")
    expect(fields).to_have_count(6)
    cut = fields.evaluate_all("nodes => nodes.filter((n) => n.scrollWidth > n.clientWidth).length")
    assert cut == 0


def test_what_is_pressed_is_seen_in_the_systems_colours(contrast: Page, campaign: Campaign) -> None:
    open_label(contrast, campaign(answers(2)))
    button = contrast.locator("[data-part=diff]")
    before = button.evaluate(FILLS)
    press(contrast, "d")
    expect(button).to_have_attribute("aria-pressed", "true")
    after = button.evaluate(FILLS)
    assert after[0] != before[0]
    assert after[0] != after[1]
    assert button.locator("span").evaluate(FILLS)[1] == after[1]
    changed = contrast.locator(".label-diff :is(ins, mark)").first
    assert "underline" in changed.evaluate("node => getComputedStyle(node).textDecorationLine")


def test_signs_and_choices_are_seen_in_the_systems_colours(contrast: Page, app_url: str) -> None:
    contrast.goto(app_url)
    gear = contrast.locator("#gear")
    expect(gear).to_be_visible()
    sign, ground = gear.evaluate(
        'node => [getComputedStyle(node, "::before").backgroundColor,'
        " getComputedStyle(node).backgroundColor]"
    )
    assert sign not in (ground, "rgba(0, 0, 0, 0)")
    modes = contrast.locator("#mode label")
    chosen, other = (modes.nth(at).evaluate(FILLS) for at in (0, 1))
    assert chosen != other
    pressed = contrast.locator(".recorded-versions .btn")
    expect(pressed.first).to_be_visible()
    assert pressed.nth(0).evaluate(FILLS) != pressed.nth(1).evaluate(FILLS)


def _tab_to(page: Page, field: Locator) -> None:
    for _ in range(40):
        if field.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("the keyboard does not come to it")


def test_where_the_keyboard_is_has_a_ring(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/history")
    expect(page.locator("#history-counted")).to_be_visible()
    field = page.locator("#history-search :is(input, textarea)")
    assert field.evaluate(RING) == 0
    _tab_to(page, field)
    assert field.evaluate(RING) >= 2
    page.keyboard.press("Tab")
    choice = page.locator("#history-controls .wrap:has(> .wrap-inner)").first
    assert choice.evaluate(RING) >= 2
    page.goto(f"{app_url}/people")
    expect(page.locator("#people-members .table-wrap")).to_be_visible()
    focused = page.locator(":focus")  # a table, or with rows one of its cells
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused.count() and focused.evaluate("node => Boolean(node.closest('.table-wrap'))"):
            break
    assert focused.evaluate(RING) >= 2


def test_the_prompts_card_has_a_ring_while_the_prompt_is_written_alone(
    page: Page, app_url: str
) -> None:
    page.goto(app_url)
    card, prompt = page.locator("#composer-card"), page.locator("#prompt textarea")
    expect(page.locator("#gear")).to_be_visible()
    prompt.focus()
    assert card.evaluate(RING) >= 2
    page.keyboard.press("Tab")
    assert card.evaluate(RING) == 0
    mode = page.locator("#mode label").first
    assert mode.evaluate(RING) >= 2
    assert mode.evaluate("node => parseFloat(getComputedStyle(node).outlineOffset)") <= -2
