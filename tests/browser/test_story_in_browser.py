"""The product's story in a real browser: ask, watch, compare, train, be answered by the result."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from label_world import World
from playwright.sync_api import BrowserContext, Page, expect

from ptrapp.services.examples import examples

pytestmark = pytest.mark.browser

TRAINED_S = 300_000
"""Milliseconds a job may take here: starting its process is most of it."""


def ask_an_example(page: Page, place: int = 0) -> None:
    if page.locator("[data-part=edit]").is_visible():
        page.locator("[data-part=edit]").click()
    page.locator("#examples .gallery-item").nth(place).click()
    expect(page.locator("#prompt textarea")).to_have_value(examples()[place][0])
    page.locator("#run").click()


def ask_until_two_differ(page: Page) -> tuple[int, int]:
    """Ask until two rounds say different things; two equal ones would teach nothing."""
    for attempt in range(18):  # every example three times: what is drawn is chance
        ask_an_example(page, attempt % 6)
        expect(page.locator(".board-facts a").first).to_have_text(f"run {attempt + 1}")
        expect(page.locator(".cell.stored")).to_have_count(3)
        said = [text.strip() for text in page.locator(".cell .response").all_inner_texts()]
        for left, right in ((0, 2), (0, 1), (1, 2)):
            if said[left] != said[right] and all(said[i].startswith("The") for i in (left, right)):
                return left, right
    pytest.fail("the model said the same in every round of every example")


def counted_clicks(page: Page) -> list[str]:
    """What a person clicks from now on, on whichever page it is."""
    clicks: list[str] = []
    page.expose_function("clickedOn", lambda words: clicks.append(words))
    count = """addEventListener("click", (event) => {
      if (event.isTrusted && event.detail) clickedOn(event.target.textContent.trim()); }, true)"""
    page.add_init_script(count)
    page.evaluate(count)
    return clicks


@pytest.mark.timeout(900)
def test_ask_compare_train_and_be_answered_by_the_new_version(
    page: Page, own_app_url: str, shots: Path, context: BrowserContext
) -> None:
    foreign: list[str] = []
    page.on("request", lambda r: None if _ours(r.url, own_app_url) else foreign.append(r.url))
    page.goto(own_app_url)
    left, right = ask_until_two_differ(page)
    expect(page.locator(".cell-meta").first).to_contain_text("base")
    expect(page.locator(".board-facts")).to_contain_text("reference answer")

    page.keyboard.press("Tab")
    page.locator(".pick").nth(left).click()
    page.locator(".pick").nth(right).click()
    expect(page.locator(".bar-title")).to_contain_text("Which response is better?")
    expect(page.locator(".thought-text")).to_have_count(0)
    page.wait_for_timeout(900)  # a key sooner than this is not taken for a decision
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mine")).to_have_text(re.compile(r"^your vote: better than \d$"))
    expect(page.locator(".thought-text")).to_have_count(2)
    page.screenshot(path=shots / "play-wide-light.png", full_page=True)

    clicks = counted_clicks(page)
    page.locator(".bar-line").get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("button", name="Train on 1 pair").click()
    made = page.locator("#job-made")
    expect(made).to_contain_text("Is measured beside base: job 2", timeout=TRAINED_S)
    expect(made).to_contain_text(
        "Learnt from 1 example; from fewer than 10 no version serves by itself", timeout=TRAINED_S
    )
    expect(made).to_contain_text("base goes on answering")
    page.screenshot(path=shots / "job-wide-light.png", full_page=True)
    page.get_by_role("button", name="Serve it all the same").click()
    expect(page.get_by_label("Why serve it all the same?")).to_be_focused()
    page.keyboard.type("It is a test.")
    page.keyboard.press("Enter")
    expect(made).to_contain_text("Served all the same by")
    expect(made.locator(".chip")).to_have_text("answers")
    assert len(clicks) == 3, "vote, trained, measured and served: three clicks, none of a search"

    page.get_by_role("link", name="All jobs").click()
    table = page.locator("#train-jobs")
    expect(table).to_contain_text("learnt from 1 example")
    page.screenshot(path=shots / "train-wide-light.png", full_page=True)
    table.locator("[role=gridcell]").get_by_role("link", name="dpo-000001").click()
    expect(page.locator("#versions-headline")).to_contain_text("dpo-000001")
    row = page.get_by_role("row").filter(has_text="dpo-000001")
    expect(row).to_contain_text("answers")
    expect(page.locator("#versions-gate")).not_to_contain_text("waits")
    page.screenshot(path=shots / "versions-wide-light.png", full_page=True)

    page.goto(own_app_url)
    expect(page.locator("#prompt textarea")).not_to_have_value("")
    page.locator("[data-part=again]").click()
    expect(page.locator(".board-facts")).to_contain_text("model version dpo-000001")
    expect(page.locator(".cell.stored")).to_have_count(3)

    serving = page.locator(".barchip.serving")
    for button, name in (("rollback", "base"), ("serve dpo-000001", "dpo-000001")):
        serving.click()
        page.locator(f"[data-part='{button}']").click()
        expect(serving).to_have_text(name)
    _look_narrow_and_dark(context, own_app_url, shots)
    assert foreign == []


def test_a_reload_shows_the_last_run_and_its_link_opens_it(
    page: Page, own_app_url: str, context: BrowserContext
) -> None:
    page.goto(own_app_url)
    ask_an_example(page)
    expect(page.locator(".cell.stored")).to_have_count(3)
    said = page.locator(".response").all_inner_texts()
    prompt = page.locator("#prompt textarea").input_value()
    page.reload()
    expect(page.locator(".cell.stored")).to_have_count(3)
    assert page.locator(".response").all_inner_texts() == said
    expect(page.locator("#prompt textarea")).to_have_value(prompt)
    link = page.locator(".board-facts a").first.get_attribute("href")
    assert link is not None
    other = context.browser.new_context().new_page()  # somebody else, with the link
    other.goto(link)
    expect(other.locator(".cell.stored")).to_have_count(3)
    assert other.locator(".response").all_inner_texts() == said
    other.context.close()


def test_candidates_are_compared_by_the_judge_and_by_keys_and_a_vote_is_undone(
    page: Page, own_app_url: str
) -> None:
    bodies: list[str] = []
    page.on("response", lambda r: bodies.append(r.text()) if "/api/v1/" in r.url else None)
    page.goto(own_app_url)
    page.get_by_label("Sample", exact=True).check()
    expect(page.locator("#run")).to_have_text("Sample")
    ask_an_example(page)
    expect(page.locator(".cell.stored")).to_have_count(4)

    page.keyboard.press("Tab")
    page.keyboard.press("1")
    expect(page.locator(".cell.selected")).to_have_count(1)
    page.keyboard.press("2")
    expect(page.locator(".votes")).to_be_visible()  # the answers to a pair
    page.keyboard.press("j")
    expect(page.locator(".bar-judge")).to_contain_text("The judge (verifier) says")

    page.keyboard.press("3")
    expect(page.locator(".cell.selected")).to_have_count(1)
    page.keyboard.press("4")
    expect(page.locator(".votes")).to_be_visible()  # the answers to a pair
    before = list(bodies)
    page.wait_for_timeout(900)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".mine")).to_have_count(2)
    thoughts = page.locator(".thought-text").all_inner_texts()
    assert len(thoughts) == 2
    assert all(thought not in body for thought in thoughts for body in before)

    page.keyboard.press("u")
    expect(page.locator(".bar-notice")).to_have_text("Your last vote on this run is undone.")
    expect(page.locator(".mine")).to_have_count(0)


@pytest.mark.timeout(120)
def test_a_run_is_sent_to_labelling(
    page: Page, app_url: str, campaign: Callable[..., World]
) -> None:
    for other in page.request.get(f"{app_url}/api/v1/campaigns").json():
        closed = {"state": "closed"}
        assert page.request.post(f"{app_url}/api/v1/campaigns/{other['id']}/state", data=closed).ok
    page.goto(app_url)
    ask_an_example(page)
    expect(page.locator(".cell.stored")).to_have_count(3)
    said = [text.strip() for text in page.locator(".cell .response").all_inner_texts()]
    differ = sum(one != other for one, other in pairwise(said))  # the model's own words: 0 to 2
    sent, again = ("left out",) * 2
    if differ:
        sent, again = f"{differ} comparison{'s' * (differ > 1)} sent to", "already has the"
    page.keyboard.press("l")
    expect(page.locator(".bar-notice")).to_contain_text("No campaign is open.")

    one = campaign([("Which?", "This.", "That.")])
    where = page.get_by_role("group", name="Send to which campaign?")
    for leaves in ("Escape", "l"):
        page.keyboard.press("l")
        expect(where.get_by_role("button").first).to_be_focused()
        page.keyboard.press(leaves)
        expect(where).to_have_count(0)
    for said_of_it in (sent, again):
        page.keyboard.press("l")
        expect(where.get_by_role("button").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".bar-notice")).to_contain_text(said_of_it)

    campaign([("Which, then?", "This.", "That.")])
    page.get_by_role("button", name="Send to a campaign").click()
    page.get_by_role("group", name="Send to which campaign?").get_by_role("button").first.click()
    expect(page.locator(".bar-notice")).to_contain_text(sent)
    listed = page.request.get(f"{app_url}/api/v1/campaigns/{one.id}").json()
    assert listed["n_items"] == 1 + differ


def test_an_empty_prompt_gets_a_sentence_and_asks_nothing(page: Page, app_url: str) -> None:
    page.goto(app_url)
    page.locator("#run").click()
    expect(page.get_by_text("The prompt is empty.")).to_be_visible()
    expect(page.locator(".cell")).to_have_count(0)


def _look_narrow_and_dark(context: BrowserContext, app_url: str, shots: Path) -> None:
    for path, name in (("/", "play"), ("/train", "train")):
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{app_url}{path}?__theme=dark")
        expect(page.locator(".cell.stored, #train-jobs [role=gridcell] a").first).to_be_visible()
        page.screenshot(path=shots / f"{name}-narrow-dark.png", full_page=True)
        width = page.evaluate("document.scrollingElement.scrollWidth")
        assert width <= 390, f"{path} is {width} pixels wide on a phone"
        page.close()


def _ours(url: str, app_url: str) -> bool:
    return url.startswith(app_url) or re.match(r"(data|blob|about):", url) is not None


def test_a_reference_answer_goes_with_any_change_of_its_prompt(
    page: Page, own_app_url: str, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=own_app_url)
    page.goto(own_app_url)
    ask_an_example(page)
    expect(page.locator(".board-facts")).to_contain_text("(from the example)")
    expect(page.locator(".cell.stored")).to_have_count(3)

    prompt = page.locator("#prompt textarea")
    page.locator("[data-part=edit]").click()
    page.evaluate("navigator.clipboard.writeText('Name a fruit.')")
    prompt.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("ControlOrMeta+v")
    expect(prompt).to_have_value("Name a fruit.")
    page.locator("#run").click()
    expect(page.locator(".board-prompt")).to_have_text("Name a fruit.")
    expect(page.locator(".board-facts")).to_contain_text("no reference answer")
    expect(page.locator(".cell.stored")).to_have_count(3)

    ask_an_example(page, 1)
    expect(page.locator(".board-prompt")).to_have_text(examples()[1][0])
    expect(page.locator(".board-facts")).to_contain_text("(from the example)")
    expect(page.locator(".cell.stored")).to_have_count(3)
    page.reload()
    expect(prompt).to_have_value(examples()[1][0])
    page.locator("[data-part=edit]").click()
    prompt.fill("What is 1 + 1?")  # as a script sets it
    page.locator("#run").click()
    expect(page.locator(".board-prompt")).to_have_text("What is 1 + 1?")
    expect(page.locator(".board-facts")).to_contain_text("no reference answer")
