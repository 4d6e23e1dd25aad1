"""The Play page in a real browser: the answer is in view, rounds are a chain, a pair is blind."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from db.models import Vote
from db.storage.session import Database
from ptrapp.services.examples import examples

pytestmark = pytest.mark.browser

PROMPT = examples()[0][0]


def ask(page: Page, app_url: str, n: int = 3, query: str = "") -> None:
    page.goto(app_url + query)
    page.locator("#examples .gallery-item").first.click()
    expect(page.locator("#prompt textarea")).to_have_value(PROMPT)
    page.locator("#run").click()
    expect(page.locator(".cell.stored")).to_have_count(n)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_the_answer_is_in_view(page: Page, app_url: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    ask(page, app_url)
    expect(page.locator("#composer")).to_be_hidden()
    expect(page.locator(".response").first).to_be_in_viewport(ratio=1)
    top = page.locator(".cell").first.bounding_box()
    assert top is not None
    assert 0 < top["y"] < 0.4 * height
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_nothing_lies_under_the_bar_of_the_board(
    page: Page, app_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    ask(page, app_url)
    bar = page.locator(".board-bar")
    send = bar.get_by_role("button", name="Send to a campaign")
    send.click(trial=True)  # refused where another element would get the click
    page.evaluate("window.scrollTo(0, document.scrollingElement.scrollHeight)")
    last = page.locator(".foot" if width > 720 else ".thought").last
    expect(last).to_be_in_viewport(ratio=1)
    below, above = bar.bounding_box(), last.bounding_box()
    assert below is not None
    assert above is not None
    assert above["y"] + above["height"] <= below["y"]
    nav = page.get_by_role("navigation", name="Pages").bounding_box()
    assert nav is not None
    assert width > 720 or below["y"] + below["height"] <= nav["y"] + 0.5


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_a_pair_stands_in_the_middle_of_the_window_and_nothing_beside_it(
    page: Page, app_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    ask(page, app_url)
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.locator(".cell.side")).to_have_count(2)
    expect(page.locator("#thrice-foot")).to_be_hidden()
    expect(page.locator(".folded")).to_be_in_viewport(ratio=1)
    top, first, last, bar = (
        page.locator(one).bounding_box() or {}
        for one in (".folded", ".side >> nth=0", ".side >> nth=1", ".board-bar")
    )
    assert first["height"] == last["height"]
    above, below = top["y"] - 52, bar["y"] - (last["y"] + last["height"])
    assert min(above, below) >= 16
    assert abs(above - below) <= 2
    assert page.evaluate("document.scrollingElement.scrollHeight") <= height


def test_both_of_a_pair_are_in_view_where_the_page_is_zoomed_to_200_percent(
    page: Page, app_url: str
) -> None:
    page.set_viewport_size({"width": 640, "height": 400})
    ask(page, app_url)
    page.keyboard.press("1")
    page.keyboard.press("3")
    bar = page.locator(".board-bar")
    expect(page.locator(".cell.side")).to_have_count(2)
    for side in page.locator(".cell.side").all():
        above, below = side.bounding_box() or {}, bar.bounding_box() or {}
        assert above["y"] + above["height"] <= below["y"]


def test_a_press_that_comes_too_early_is_said_and_moves_no_key(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    ask(page, app_url)
    page.keyboard.press("1")
    expect(page.locator(".cell.selected")).to_have_count(1)
    keys = page.evaluate("""async () => {
      const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      const top = () => document.querySelector(".votes")?.getBoundingClientRect().top;
      press("3");
      while (!top()) await new Promise(requestAnimationFrame);
      const before = top();
      press("ArrowLeft");
      while (!document.querySelector(".bar-notice")) await new Promise(requestAnimationFrame);
      return [before, top(), document.querySelector(".bar-notice").textContent];
    }""")
    assert keys[0] == keys[1]
    assert keys[2].strip() == "Too soon, not counted"


def test_a_prompt_that_is_edited_on_a_phone_is_seen_whole(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    run = page.request.post(f"{app_url}/api/v1/runs", data={"prompt": f"{PROMPT} {PROMPT}", "n": 1})
    page.goto(f"{app_url}?run={run.json()['run_id']}")
    page.get_by_role("button", name="Edit").click()
    field = page.locator("#prompt textarea")
    expect(field).to_have_value(f"{PROMPT} {PROMPT}")
    assert field.evaluate("f => f.scrollHeight - f.clientHeight") <= 0


def test_what_has_the_focus_is_seen_where_the_page_is_zoomed_to_200_percent(
    page: Page, app_url: str
) -> None:
    page.set_viewport_size({"width": 640, "height": 400})
    ask(page, app_url)
    page.evaluate("window.scrollTo(0, 0)")
    page.locator("[data-part=changes]").focus()
    covered = []
    for _ in range(6):  # Compare and the thought of three rounds
        page.keyboard.press("Tab")
        covered += page.evaluate("""() => {
          const one = document.activeElement, box = one.getBoundingClientRect();
          const at = document.elementFromPoint(box.x + box.width / 2, box.bottom - 3);
          return one.contains(at) ? [] : [one.dataset.part];
        }""")
    assert covered == []


def test_a_choice_that_has_the_focus_is_marked(page: Page, app_url: str) -> None:
    page.goto(app_url)
    expect(page.locator("#examples .gallery-item").first).to_be_visible()
    page.locator("#mode input").last.focus()
    for marked in ("#rounds input", "#think .wrap:has(input)"):
        page.keyboard.press("Tab")
        ring = page.locator(marked).first.evaluate("one => getComputedStyle(one).outlineStyle")
        assert ring == "solid", marked


@pytest.mark.parametrize("mode", ["Refine", "Sample", "Versions"])
def test_the_composer_is_one_row(page: Page, app_url: str, mode: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(app_url)
    expect(page.locator("#examples .gallery-item").first).to_be_visible()
    page.locator("#mode").get_by_text(mode, exact=True).click()
    word = {"Refine": "Think again", "Sample": "Sample", "Versions": "Ask them"}[mode]
    expect(page.locator("#run")).to_have_text(word)
    boxes = [page.locator(name).bounding_box() for name in ("#mode", "#think", "#gear", "#run")]
    middles = [box["y"] + box["height"] / 2 for box in boxes if box]
    assert len(middles) == 4
    assert max(middles) - min(middles) < 12
    clipped = page.locator("#think input").evaluate("i => i.scrollWidth - i.clientWidth")
    assert clipped <= 0


def test_no_label_lies_over_the_header(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(app_url)
    label = page.locator("#rounds span").first
    expect(label).to_be_visible()
    expect(page.locator(".recorded .take")).to_have_count(3)  # the page is long enough to scroll
    label.evaluate("l => window.scrollBy(0, l.getBoundingClientRect().top - 20)")
    seen = label.evaluate("""l => {
      const box = l.getBoundingClientRect();
      const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return [box.bottom < 52, top.closest(".bar-line-top") !== null];
    }""")
    assert seen == [True, True]


def test_a_new_question_is_a_step_of_the_history(page: Page, app_url: str) -> None:
    ask(page, app_url)
    first = page.url
    page.get_by_role("button", name="New question").click()
    expect(page.locator("#prompt textarea")).to_be_focused()
    expect(page.locator("#prompt textarea")).to_have_value("")
    page.keyboard.type("What is 2 + 3?")
    page.keyboard.press("Enter")
    expect(page.locator(".board-prompt")).to_have_text("What is 2 + 3?")
    expect(page.locator(".cell.stored")).to_have_count(3)
    second = page.url
    page.reload()
    expect(page.locator(".cell.stored")).to_have_count(3)
    assert page.url == second != first
    page.go_back()
    expect(page.locator(".board-prompt")).to_have_text(PROMPT)
    expect(page.locator("#prompt textarea")).to_have_value(PROMPT)
    assert page.url == first
    page.go_back()
    expect(page.locator("#composer")).to_be_visible()
    expect(page.locator(".board")).to_be_hidden()
    assert "run=" not in page.url


def stopped(board: dict[str, Any]) -> dict[str, Any]:
    """The run as if it had been stopped while its second round was thinking."""
    for cell, state, n_tokens in zip(
        board["cells"], ("stored", "stopped", "stopped"), (12, 7, 0), strict=True
    ):
        cell |= {"state": state, "n_tokens": n_tokens}
        if state == "stopped":
            cell |= {"round_id": None, "response": "", "correct": None, "flip": None, "diff": []}
    return board | {"state": "stopped"}


def test_a_stopped_run_neither_writes_nor_waits(page: Page, app_url: str) -> None:
    ask(page, app_url)
    page.route("**/api/v1/runs/*", lambda route: route.fulfill(json=stopped(route.fetch().json())))
    page.locator("[data-part=thought]").first.click()  # the board is read again
    expect(page.locator(".cell.stopped")).to_have_count(2)
    expect(page.locator(".cell.stopped .cell-meta").nth(0)).to_contain_text("stopped · 7 tokens")
    expect(page.locator(".cell.stopped .cell-meta").nth(1)).to_have_text("stopped")
    expect(page.locator(".board")).not_to_contain_text("Thinking…")
    expect(page.locator(".board")).not_to_contain_text("waiting")


def test_no_line_is_wider_than_one_reads(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 1920, "height": 1000})
    ask(page, app_url)
    read = page.evaluate("""() => {
      const text = document.querySelector(".response");
      text.textContent = "one of many words ".repeat(200);
      const probe = document.createElement("span");
      probe.textContent = "0".repeat(68);
      text.after(probe);
      const wide = probe.getBoundingClientRect().width;
      return [text.getBoundingClientRect().width, wide];
    }""")
    assert read[0] <= read[1] + 1


def test_enter_sends_and_shift_enter_breaks_the_line(page: Page, app_url: str) -> None:
    page.goto(app_url)
    text = page.locator("#prompt textarea")
    text.click()
    page.keyboard.type("What is 2 + 3?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Say it.")
    expect(text).to_have_value("What is 2 + 3?\nSay it.")
    expect(page.locator(".cell")).to_have_count(0)
    expect(page.locator("#composer-keys")).to_contain_text("new line")
    page.keyboard.press("Enter")
    expect(page.locator(".cell.stored")).to_have_count(3)
    expect(page.locator(".board-prompt")).to_have_text("What is 2 + 3?\nSay it.")


def test_the_composer_opens_again_and_keeps_what_was_asked(page: Page, app_url: str) -> None:
    ask(page, app_url)
    page.reload()
    expect(page.locator(".cell.stored")).to_have_count(3)
    expect(page.locator("#composer")).to_be_hidden()
    page.get_by_role("button", name="Edit the prompt").click()
    expect(page.locator("#prompt textarea")).to_be_focused()
    expect(page.locator("#prompt textarea")).to_have_value(PROMPT)
    expect(page.get_by_label("Temperature").first).to_be_hidden()
    page.get_by_role("button", name="Settings").first.click()
    expect(page.get_by_label("Temperature").first).to_be_visible()
    page.get_by_role("spinbutton", name="Rounds").fill("2")
    page.locator("#run").click()
    expect(page.locator(".cell.stored")).to_have_count(2)
    page.locator("body").press("r")
    expect(page.locator(".board-facts a").first).not_to_have_text("run 1")
    expect(page.locator(".cell.stored")).to_have_count(2)


def made_up(board: dict[str, Any]) -> dict[str, Any]:
    """The run as if it had been wrong, fixed, and broken with other words."""
    for cell, correct, flip, word in zip(
        board["cells"],
        (False, True, False),
        (None, "fixed", "broken"),
        ("8", "9", "7"),
        strict=True,
    ):
        cell |= {"correct": correct, "flip": flip, "response": f"It is {word}."}
        cell["diff"] = [["It is ", "same"], [f"{word}.", "added"]] if cell["index"] else []
    return board


def unchecked(board: dict[str, Any]) -> dict[str, Any]:
    """The run as if nothing had been checked: round 2 says the same, round 3 something else."""
    for cell, kind in zip(board["cells"], (None, "same", "added"), strict=True):
        cell |= {"correct": None, "flip": None, "diff": [["It.", kind]] if kind else []}
    return board


@pytest.mark.parametrize(
    ("change", "steps"), [(made_up, ["fixed", "broken"]), (unchecked, ["same", "changed"])]
)
def test_an_arrow_says_what_a_round_did_to_the_one_before(
    page: Page, app_url: str, change: Callable[[dict[str, Any]], dict[str, Any]], steps: list[str]
) -> None:
    def instead(route: Route) -> None:
        route.fulfill(json=change(route.fetch().json()))

    ask(page, app_url)
    heights = page.locator(".answer").evaluate_all("all => all.map(a => a.offsetHeight)")
    assert len(set(heights)) == 1
    page.route("**/api/v1/runs/*", instead)
    page.locator(".pick").nth(0).click()
    with page.expect_response("**/api/v1/runs/*"):  # until then the board takes no other press
        page.locator(".pick").nth(1).click()
    expect(page.locator(".side")).to_have_count(2)
    page.get_by_role("button", name="Back Esc").click()
    expect(page.locator(".arrow")).to_have_text(steps)
    page.keyboard.press("d")
    expect(page.locator("[data-part=changes]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".response ins")).to_have_count(2 if change is made_up else 1)


def test_a_pair_shows_two_responses_and_nothing_that_tells_the_round(
    page: Page, app_url: str, app_database: Database
) -> None:
    ask(page, app_url)
    expect(page.locator(".mark")).to_have_count(3)
    said = page.locator(".response").all_inner_texts()
    run = page.locator(".board-facts a").first.inner_text().removeprefix("run ")
    page.locator(".pick").nth(0).click()
    page.locator(".pick").nth(2).click()
    expect(page.locator(".side")).to_have_count(2)
    assert sorted(page.locator(".response").all_inner_texts()) == sorted([said[0], said[2]])
    expect(page.locator(".letter")).to_have_text(["A", "B"])
    expect(page.locator(".cell.stored, .mark, .arrow, .thought, .cell-meta")).to_have_count(0)
    expect(page.locator(".board-grid")).not_to_contain_text("Round")
    sent = page.request.get(f"{app_url}/api/v1/runs/{run}").json()
    assert {cell["correct"] for cell in sent["cells"]} == {None}
    assert all(not cell["diff"] and not cell["flip"] for cell in sent["cells"])

    page.reload()  # the pair is still open, and still covered
    expect(page.locator(".side")).to_have_count(2)
    page.wait_for_timeout(400)  # a key sooner than this is not taken for a decision
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".mark")).to_have_count(3)
    expect(page.locator(".mine")).to_have_text(re.compile(r"^your vote: much better than \d$"))
    expect(page.locator(".bar-title")).to_contain_text("is much better")
    teaches = said[0].strip() != said[2].strip()  # the model's own words, never twice the same
    notice, title = page.locator(".bar-notice"), page.locator(".bar-title")
    if teaches:
        expect(title).to_contain_text("that base has not learnt")
        expect(title.get_by_role("link", name="Train")).to_be_visible()
    else:
        expect(notice).to_contain_text("nothing is learnt from it")
        expect(title.get_by_role("link", name="Train")).to_be_hidden()
    with app_database.read() as session:
        vote = session.scalars(select(Vote).order_by(Vote.id.desc())).first()
        assert vote is not None
        assert (vote.strength, vote.client) == (2, "board, marks seen")


def test_a_key_that_comes_too_soon_is_seen_to_be_refused(page: Page, app_url: str) -> None:
    ask(page, app_url)
    page.evaluate("performance.now = () => 0")  # the pair was painted in this same moment
    page.locator(".pick").nth(0).click()
    page.locator(".pick").nth(1).click()
    expect(page.locator(".side")).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".bar-notice")).to_contain_text("Too soon, not counted")
    expect(page.locator("#spoken")).to_contain_text("Too soon, not counted")
    expect(page.locator(".side")).to_have_count(2)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_axe_finds_nothing_serious(page: Page, app_url: str, theme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{app_url}/?__theme={theme}")
    expect(page.locator("#examples .gallery-item").first).to_be_visible()
    _nothing_serious(page, width)
    ask(page, app_url, query=f"/?__theme={theme}")
    _nothing_serious(page, width)
    page.locator(".pick").nth(0).click()
    page.locator(".pick").nth(1).click()
    expect(page.locator(".side")).to_have_count(2)
    _nothing_serious(page, width)


def _nothing_serious(page: Page, width: int) -> None:
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not grave, json.dumps(grave, indent=1)[:4000]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
