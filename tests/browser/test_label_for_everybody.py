"""The Label page for everybody: blind, inert, by finger, with other keys, read aloud, on a phone."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from label_world import (
    MARKER,
    READ_MS,
    World,
    answers,
    close_all,
    close_campaign,
    open_label,
    press,
    prompt_of,
    response_of,
    wait_until_stored,
)
from playwright.sync_api import Browser, BrowserContext, Page, Response, Route, expect

from ptrapp.core import modules

pytestmark = pytest.mark.browser

Campaign = Callable[..., World]
HOSTILE = (
    "Say <script>window.hacked = 1</script>something.",
    'See <img src=x onerror="window.hacked = 2"> and <script>window.hacked = 3</script> here. '
    "[press](javascript:window.hacked=4) <svg onload='window.hacked=5'></svg>",
    '</section><style>.label { display: none }</style><iframe srcdoc="<script>parent.hacked=6</script>"></iframe>'
    '<a href="https://example.org/" onclick="window.hacked=7">here</a>',
)


def test_nothing_of_thoughts_reaches_the_browser_before_the_vote(
    page: Page, campaign: Campaign
) -> None:
    bodies: dict[str, str] = {}

    def keep(response: Response) -> None:
        kind = response.headers.get("content-type", "")
        if "json" in kind or "html" in kind:
            bodies[response.url] = bodies.get(response.url, "") + response.text()

    page.on("response", keep)
    world = campaign(answers(8))
    open_label(page, world)
    press(page, "ArrowLeft", "d", "g", "?", "u", "x", "v")
    wait_until_stored(page)
    assert any("/next" in url for url in bodies)
    assert any("/diff" in url for url in bodies)
    bodies["config"] = page.request.get(f"{world.url}/config").text()
    bodies["the page"] = page.content()
    assert [url for url, body in bodies.items() if MARKER in body] == []
    pairs = [json.loads(body)["pairs"] for url, body in bodies.items() if url.endswith("/next")]
    allowed = {
        "key",
        "aspect",
        "practice",
        "system",
        "context",
        "prompt",
        "prompt_html",
        "left",
        "right",
        "was",
        "was_much",
    }
    assert all(set(pair) <= allowed for pair in pairs[0])


def test_what_is_said_is_seen_on_a_phone_and_moves_no_key(page: Page, campaign: Campaign) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_label(page, campaign(answers(4)))
    keys = page.locator(".label-answers")
    before = keys.bounding_box()
    press(page, "f")
    expect(page.get_by_text("Flagged. Why says what is wrong")).to_be_in_viewport(ratio=1)
    assert keys.bounding_box() == before


def test_a_long_name_of_a_campaign_makes_no_page_wider(page: Page, campaign: Campaign) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_label(page, campaign(answers(4)))
    page.locator(".label-top h1").evaluate("name => { name.textContent = 'name_'.repeat(30); }")
    top = page.locator(".label-top").bounding_box()
    assert top is not None
    assert top["x"] + top["width"] <= 390


@pytest.mark.parametrize("width", [1280, 390])
def test_long_responses_are_scrolled_by_keyboard(
    page: Page, campaign: Campaign, shots: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    long = "\n\n".join(f"Line {n}." for n in range(200))
    open_label(page, campaign([(long, f"One. {long}", f"Two. {long}")]))
    boxes = page.locator(".label-asked, .label-side .label-text")
    tops = "nodes => nodes.map((node) => Math.round(node.scrollTop))"
    far = boxes.evaluate_all("nodes => nodes.map((node) => node.scrollHeight - node.clientHeight)")
    assert boxes.evaluate_all(tops) == [0, 0, 0]
    page.keyboard.press("PageDown")
    first = boxes.evaluate_all(tops)
    assert all(0 < top < end for top, end in zip(first, far, strict=True))
    page.keyboard.press("PageDown")
    assert all(one < two for one, two in zip(first, boxes.evaluate_all(tops), strict=True))
    page.keyboard.press("PageUp")
    assert boxes.evaluate_all(tops) == pytest.approx(first, abs=2)
    page.screenshot(path=shots / f"label-scrolled-{width}.png")
    page.keyboard.press("End")
    assert boxes.evaluate_all(tops) == pytest.approx(far, abs=2)
    page.keyboard.press("Home")
    assert boxes.evaluate_all(tops) == [0, 0, 0]
    page.keyboard.press("?")
    expect(page.locator(".label-panel")).to_contain_text("Scroll both responses, and the prompt")
    page.keyboard.press("End")  # is the panel's: it has the focus
    assert boxes.evaluate_all(tops) == [0, 0, 0]
    page.screenshot(path=shots / f"label-scroll-help-{width}.png")


def test_markup_in_texts_is_inert(page: Page, campaign: Campaign) -> None:
    strangers: list[str] = []
    world = campaign([HOSTILE, *answers(2)])
    page.on(
        "request",
        lambda r: (
            strangers.append(r.url) if not r.url.startswith((world.url, "data:", "blob:")) else None
        ),
    )
    open_label(page, world)
    for _ in range(3):
        inside = page.locator(".label-pair")
        assert inside.locator("script, img, svg, iframe, style, [onclick], [onerror]").count() == 0
        assert inside.locator("a[href^='javascript']").count() == 0
        press(page, "d", "d", "ArrowLeft")
    expect(page.locator(".label-empty")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert strangers == []


def test_a_swipe_answers_and_scrolling_does_not(
    browser: Browser, campaign: Campaign, shots: Path
) -> None:
    world = campaign(answers(6))
    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    open_label(page, world)
    expect(page.locator(".label-hint")).to_be_visible()
    page.screenshot(path=shots / "label-phone-light.png")
    first, better = prompt_of(page), response_of(page, "left").inner_text()
    finger(page, (300, 420), (295, 220))  # up: the page scrolls
    finger(page, (200, 420), (160, 421))  # too short
    finger(page, (300, 420), (200, 425), (190, 640))  # around a corner
    assert prompt_of(page) == first
    finger(page, (300, 420), (120, 430))
    expect(page.locator(".label-status")).to_contain_text("1 done")
    page.wait_for_timeout(READ_MS)
    second, other = prompt_of(page), response_of(page, "right").inner_text()
    assert second != first
    page.wait_for_timeout(READ_MS)
    finger(page, (100, 420), (280, 410))
    wait_until_stored(page)
    assert world.said() == [(first, better), (second, other)]
    phone.close()


def finger(page: Page, *way: tuple[int, int]) -> None:
    """One finger along these points, as a touch screen reports it."""
    touch = page.context.new_cdp_session(page)
    points = [
        (x + (to_x - x) * i / 8, y + (to_y - y) * i / 8)
        for (x, y), (to_x, to_y) in pairwise(way)
        for i in range(9)
    ]
    for i, (x, y) in enumerate(points):
        kind = "touchMove" if i else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(50)


def test_keys_are_bound_anew_kept_refused_in_words_and_reset(
    page: Page, campaign: Campaign
) -> None:
    world = campaign(answers(8))
    open_label(page, world)
    press(page, "?")
    tie = page.locator("[data-part=key-tie]")
    tie.click()
    page.keyboard.press("x")
    expect(page.get_by_role("alert").filter(has_text="x is taken")).to_contain_text("Both are bad")
    page.keyboard.press("3")
    expect(page.get_by_role("alert").filter(has_text="digits")).to_be_visible()
    page.keyboard.press("t")
    expect(tie).to_have_text("t")
    expect(page.locator("[data-part=tie] kbd")).to_have_text("t")
    assert world.votes() == []
    page.reload()
    expect(page.locator(".label-side:visible")).to_have_count(2)
    page.wait_for_timeout(READ_MS)
    press(page, "ArrowDown", "t")
    wait_until_stored(page)
    assert [outcome for _, outcome in world.said()] == ["tie"]
    press(page, "?")
    page.locator("[data-part=keys-reset]").click()
    expect(tie).to_have_text("↓")
    press(page, "ArrowDown")
    wait_until_stored(page)
    assert len(world.votes()) == 2


@pytest.mark.parametrize("width", [390, 720, 1000, 1280, 1920])
def test_behind_a_panel_nothing_is_answered_and_where_there_is_room_it_stands_beside(
    page: Page, campaign: Campaign, width: int
) -> None:
    world = campaign(answers(3), guidelines="Prefer the **right** one.\n\n" * 12)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{world.url}/label?campaign={world.id}")
    panel = page.get_by_role("complementary", name="Guidelines")
    expect(panel.locator("strong").first).to_have_text("right")
    sides = page.locator(".label-side:visible")
    expect(sides).to_have_count(2)
    page.wait_for_timeout(READ_MS)
    press(page, "ArrowLeft")
    if width < 1000:
        expect(page.get_by_text("Close the panel first: it covers the pair.")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        expect(panel).to_be_hidden()
        press(page, "ArrowLeft")
    wait_until_stored(page)
    assert len(world.votes()) == 1


def test_one_open_campaign_opens_at_once_and_of_several_one_is_chosen(
    page: Page, app_url: str, campaign: Campaign
) -> None:
    close_all(app_url)
    first = campaign(answers(2), guidelines="Prefer the **right** one.")
    page.goto(f"{first.url}/label")
    expect(page.locator(".label-side:visible")).to_have_count(2)
    guidelines = page.get_by_role("complementary", name="Guidelines")
    expect(guidelines.locator("strong")).to_have_text("right")
    page.reload()
    expect(page.locator(".label-side:visible")).to_have_count(2)
    expect(guidelines).to_be_hidden()
    with httpx.Client(base_url=f"{app_url}/api/v1") as admin:  # as many letters as before
        changed = {"guidelines": "Prefer the **short** one."}
        assert admin.post(f"/campaigns/{first.id}/guidelines", json=changed).is_success
    page.reload()
    expect(guidelines.locator("strong")).to_have_text("short")
    page.goto(f"{first.url}/label?campaign=999999")
    expect(page.get_by_role("alert")).to_have_text("Campaign 999999 is not open to you.")
    page.get_by_role("link", name="Home").click()
    expect(page.locator(".label-campaigns a")).to_have_count(1)
    second = campaign(answers(2))
    page.goto(f"{first.url}/label")
    expect(page.locator(".label-campaigns a")).to_have_count(2)
    page.locator(".label-campaigns a").nth(1).click()
    expect(page.locator(".label-side:visible")).to_have_count(2)
    assert page.url in {first.page, second.page}
    close_campaign(first)
    page.goto(first.page)
    expect(page.get_by_role("alert")).to_contain_text("is closed: nobody labels it now.")


def test_a_person_is_called_as_they_like(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    world = campaign(answers(6))
    open_label(page, world)
    name = f"Ada {world.id}"
    page.locator(".label-who summary").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Save name").click()
    expect(page.locator(".label-who summary")).to_have_text(f"You are {name}")
    press(page, "ArrowLeft")
    wait_until_stored(page)
    other = context.browser.new_context().new_page()
    other.goto(world.page)
    other.locator(".label-who summary").click()
    other.get_by_label("Your name").fill(name)
    other.get_by_role("button", name="Save name").click()
    expect(other.locator(".label-who .label-problem")).to_contain_text(name)
    other.context.close()


def test_keys_work_inside_a_frame_once_the_pointer_is_over_it(
    page: Page, campaign: Campaign
) -> None:
    world = campaign(answers(4))

    def allow(route: Route) -> None:
        """Lets the page stand in a frame, as on a Space; elsewhere it refuses."""
        answer = route.fetch()
        left_out = (
            "content-security-policy", "x-frame-options", "content-encoding", "content-length",
        )  # fmt: skip
        headers = {name: value for name, value in answer.headers.items() if name not in left_out}
        route.fulfill(status=answer.status, headers=headers, body=answer.body())

    page.route("**/label*", allow)
    page.route("**/api/v1/health", allow)
    page.goto(f"{world.url}/api/v1/health")
    page.evaluate(
        "(src) => { document.body.innerHTML = `<input autofocus><iframe width=1200 height=850 src='${src}'>`; }",
        world.page,
    )
    frame = page.frame_locator("iframe")
    expect(frame.locator(".label-side:visible")).to_have_count(2)
    page.locator("input").focus()
    page.mouse.move(600, 400)
    page.mouse.move(610, 410)
    page.wait_for_timeout(READ_MS)
    press(page, "ArrowLeft")
    expect(frame.locator(".label-status")).to_contain_text("1 done")


def test_who_may_only_look_is_told_so(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(2))
    invited = page.request.post(f"{world.url}/api/v1/invitations", data={"role": "viewer"})
    page.goto(invited.json()["link"])
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(lambda url: "/join" not in url)
    page.goto(world.page)
    expect(page.locator("main")).to_contain_text("a viewer. Yours is Play.")
    expect(page.locator(".label-side:visible")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("wide", 1280), ("narrow", 390)])
def test_axe_finds_nothing_serious(
    page: Page, campaign: Campaign, shots: Path, theme: str, name: str, width: int
) -> None:
    world = campaign(
        [("Write `code` for $x^2$.", RICH, RICH.replace("two", "2"))], guidelines="Be *kind*."
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{world.page}&__theme={theme}")
    expect(page.locator(".label-side:visible")).to_have_count(2)
    for key in ("", "?", "d"):
        if key:
            page.keyboard.press(key)
            page.wait_for_timeout(200)
        page.screenshot(
            path=shots / f"label-{name}-{theme}{ {'': '', '?': '-help', 'd': '-diff'}[key] }.png"
        )
        found = Axe().run(page).response["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not grave, json.dumps(grave, indent=1)[:4000]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


RICH = """A function of *two* lines:

```python
def square(x):  # a comment that is rather long, so that the line has to go on somewhere else
    return x * x
```

| x | square |
|---|--------|
| 2 | 4      |

and $$\\frac{a + b}{2} = \\sqrt{c}$$

- one
- two
"""


def test_what_a_screen_reader_says(page: Page, campaign: Campaign) -> None:
    open_label(page, campaign(answers(4)))
    expect(page.get_by_role("region", name="Response A")).to_be_visible()
    expect(page.get_by_role("region", name="Response B")).to_be_visible()
    press(page, "ArrowLeft")
    live = page.locator("[aria-live=polite]", has_text="Pair 1 saved")
    expect(live).to_have_count(1)
    page.get_by_role("button", name="Tie").press("Enter")
    wait_until_stored(page)
    expect(page.locator("[aria-live=polite]", has_text="Pair 2 saved")).to_have_count(1)
    page.wait_for_timeout(READ_MS)
    expect(page.get_by_role("button", name="Tie")).to_be_focused()


def test_the_page_is_small_and_asks_nobody_else(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(10))
    hosts: set[str] = set()
    ours: dict[str, int] = {}

    def weigh(response: Response) -> None:
        hosts.add(urlsplit(response.url).netloc)
        if "/api/v1/" in response.url:
            ours[response.url] = len(response.body())

    page.on("response", weigh)
    open_label(page, world)
    assert hosts - {""} == {urlsplit(world.url).netloc}
    sent = sum(file.stat().st_size for file in modules.FOLDER.rglob("*.js"))
    assert sent + sum(ours.values()) < 300_000
