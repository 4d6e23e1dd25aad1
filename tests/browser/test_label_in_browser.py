"""The Label page in a real browser: one key an answer, undo, skip, training, reasons, reveal."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from label_world import (
    LIT_MS,
    MARKER,
    READ_MS,
    World,
    answers,
    open_label,
    press,
    prompt_of,
    response_of,
    wait_until_stored,
)
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = pytest.mark.browser

Campaign = Callable[..., World]


def test_fifty_comparisons_take_fifty_key_presses(page: Page, campaign: Campaign) -> None:
    """The page's clock is put forward, so that nobody waits fifty times as long as a person reads."""
    page.clock.install()
    world = campaign(answers(50))
    open_label(page, world)
    expected = []
    keys = ("ArrowLeft", "ArrowRight", "ArrowDown", "x", "2", "4", "Shift+ArrowLeft", "0")
    sides = ("left", "right", "tie", "both_bad", "left", "right", "left", "both_bad")
    for i in range(50):
        side = sides[i % len(sides)]
        chosen = response_of(page, side).inner_text() if side in ("left", "right") else side
        expected.append((prompt_of(page), chosen))
        page.keyboard.press(keys[i % len(keys)])
        page.clock.fast_forward(LIT_MS)
        if i < 49:  # the next one may be on its way, and is read only once it is there
            expect(page.locator(".label-side:visible")).to_have_count(2)
        page.clock.fast_forward(READ_MS)
    expect(page.locator(".label-empty")).to_contain_text("50 pairs. Thank you.")
    wait_until_stored(page)
    assert world.said() == expected
    assert [vote.strength for vote in world.votes()][:8] == [1, 1, 1, 1, 1, 1, 2, 1]
    assert all(vote.decided_ms >= 350 and vote.client == "label" for vote in world.votes())
    expect(page.locator(".label-status")).to_contain_text("this session: 50, median 0.")


def test_next_pairs_are_here_before_they_are_needed(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    open_label(page, campaign(answers(12)))
    context.route("**/next", lambda route: route.abort())
    seen = [prompt_of(page)]
    for _ in range(5):
        press(page, "ArrowLeft")
        seen.append(prompt_of(page))
    assert len(set(seen)) == 6


def test_the_chosen_side_is_lit_and_then_the_next_pair_is_there(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    open_label(page, campaign(answers(6)))
    context.route("**/next", lambda route: route.abort())
    before = prompt_of(page)
    lit = page.evaluate(
        """() => {
          document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }));
          return [...document.querySelectorAll('.label-side.hit')].map((one) => one.dataset.side);
        }"""
    )
    assert lit == ["left"]
    expect(page.locator(".label-side.hit")).to_have_count(0)
    assert prompt_of(page) != before


def test_a_key_too_early_or_held_down_is_no_answer(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(6))
    open_label(page, world)
    first = prompt_of(page)
    page.keyboard.down("ArrowLeft")
    page.wait_for_timeout(READ_MS)
    second = prompt_of(page)
    assert second != first
    page.keyboard.down("ArrowLeft")  # the key repeats
    assert prompt_of(page) == second
    page.keyboard.up("ArrowLeft")
    early = page.evaluate(
        """() => ['ArrowLeft', 'ArrowRight', 's'].map((key) => {
          document.dispatchEvent(new KeyboardEvent('keydown', { key }));
          return document.querySelector('.label-turn:last-child .label-text').textContent;
        })"""
    )
    assert [text.strip() for text in early] == [second.strip()] * 3, (
        "lit, and nothing else is taken for an answer"
    )
    wait_until_stored(page)
    assert [vote.outcome for vote in world.votes()].count("withdrawn") == 0
    assert len(world.votes()) == 2


def test_undo_goes_three_deep_and_then_on_where_one_was(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(8))
    open_label(page, world)
    seen = []
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "x"):
        seen.append(prompt_of(page))
        press(page, key)
    current = prompt_of(page)
    for prompt, said in zip(seen[:0:-1], ("both are bad", "a tie", "B is better"), strict=True):
        press(page, "u")
        expect(page.locator(".label-banner")).to_have_text(
            f"Your earlier answer: {said}. Answer again."
        )
        assert prompt_of(page) == prompt
    for prompt in seen[1:]:
        assert prompt_of(page) == prompt
        press(page, "ArrowLeft")
    assert prompt_of(page) == current
    wait_until_stored(page)
    assert len(world.votes()) == 4 + 3 + 3
    assert world.states().count("done") == 4
    expect(page.locator(".label-status")).to_contain_text("4 done")


def test_a_skipped_pair_never_comes_again(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(4))
    open_label(page, world)
    skipped, counted = prompt_of(page), page.locator(".label-where")
    expect(counted).to_contain_text("0 of 4")
    press(page, "s")
    expect(counted).to_contain_text("0 of 3")
    press(page, "u")
    expect(counted).to_contain_text("0 of 4")
    assert prompt_of(page) == skipped
    press(page, "s")
    shown = []
    for _ in range(3):
        shown.append(prompt_of(page))
        press(page, "ArrowRight")
    expect(page.locator(".label-empty")).to_contain_text("3 pairs")
    wait_until_stored(page)
    assert skipped not in shown
    page.reload()
    expect(page.locator(".label-empty")).to_contain_text("3 pairs")
    assert sorted(world.states()) == ["done", "done", "done", "skipped"]


def test_training_explains_each_answer_before_it_goes_on(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(5), n_practice=2)
    open_label(page, world)
    banner = page.locator(".label-banner")
    told = set()
    for place in (1, 2):
        expect(banner).to_contain_text(f"Practice {place} of 2")
        right = page.locator(".label-side", has_text="The sum is")
        assert right.count() == 1
        prompt = prompt_of(page)
        press(page, "ArrowLeft")
        expect(banner).to_contain_text("Only one of them is right.")
        assert banner.locator("em").inner_text() == "right"
        assert prompt_of(page) == prompt
        expected = "A" if right.get_attribute("data-side") == "left" else "B"
        words = "Correct: A is better." if expected == "A" else "Expected answer: B is better."
        expect(banner.locator("strong")).to_have_text(words)
        told.add(prompt)
        press(page, "Enter" if place == 1 else "ArrowRight")
    assert len(told) == 2
    expect(banner).to_be_hidden()
    press(page, "ArrowLeft")
    wait_until_stored(page)
    assert [vote.purpose for vote in world.votes()] == ["practice", "practice", "label"]


def test_a_reason_is_typed_without_keys_answering_and_stays_until_it_is_stored(
    page: Page, campaign: Campaign
) -> None:
    world = campaign(answers(6))
    open_label(page, world)
    press(page, "ArrowLeft")
    wait_until_stored(page)
    prompt = prompt_of(page)
    page.keyboard.press("w")
    line = page.get_by_label("Reason for “A is better (pair 1)”")
    expect(line).to_be_focused()
    page.keyboard.type("sux 0 is shorter")
    assert prompt_of(page) == prompt
    page.reload()
    expect(line).to_have_value("sux 0 is shorter")
    line.press("Escape")
    expect(line).to_have_count(0)
    page.wait_for_timeout(READ_MS)
    press(page, "ArrowRight", "w")  # what was typed about the first is not lost to the second
    expect(line).to_have_value("sux 0 is shorter")
    page.keyboard.press("Enter")
    expect(line).to_have_count(0)
    wait_until_stored(page)
    page.keyboard.press("w")
    second = page.get_by_label("(pair 2)”")
    expect(second).to_have_value("")
    second.press("Escape")
    assert [vote.rationale for vote in world.standing()] == ["sux 0 is shorter", None]
    assert prompt_of(page) not in (prompt, world.said()[0][0])


def test_what_the_last_pair_was_is_shown_after_the_vote_where_the_campaign_allows(
    page: Page, campaign: Campaign
) -> None:
    bodies: list[str] = []
    page.on("response", lambda r: bodies.append(r.text()) if "/api/v1/" in r.url else None)
    open_label(page, campaign(answers(6), reveal=True))
    press(page, "v")
    expect(page.locator(".label-status")).to_contain_text("You have not answered a pair yet")
    press(page, "ArrowLeft")
    assert not any(MARKER in body for body in bodies)
    press(page, "v")
    panel = page.get_by_role("complementary", name="The last pair")
    expect(panel.locator(".label-thought")).to_have_count(2)
    expect(panel).to_contain_text(MARKER)
    expect(panel.locator("h4").first).to_contain_text("A: base")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_a_campaign_of_thoughts_compares_thoughts(page: Page, campaign: Campaign) -> None:
    open_label(page, campaign(answers(2), aspect="thought"))
    expect(page.get_by_role("region", name="Thought A")).to_contain_text(MARKER)
    expect(page.locator(".label-pair")).not_to_contain_text("The sum is")


def test_what_differs_is_marked_on_each_side(page: Page, campaign: Campaign) -> None:
    pair = ("How many?", "There are two cats here.", "There are three cats here.")
    open_label(page, campaign([pair]))
    before = response_of(page, "left").inner_text()
    press(page, "d")
    words = {
        page.locator(".label-diff mark").inner_text(),
        page.locator(".label-diff ins").inner_text(),
    }
    assert words == {"two", "three"}
    assert response_of(page, "left").inner_text() == before
    press(page, "d")
    expect(page.locator(".label-diff")).to_have_count(0)


def test_a_flag_is_set_and_taken_away(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(4))
    open_label(page, world)
    button = page.get_by_role("button", name="Flag")
    press(page, "f")
    expect(button).to_have_attribute("aria-pressed", "true")
    wait_until_stored(page)
    assert world.n_flagged() == 1
    press(page, "f")
    wait_until_stored(page)
    assert world.n_flagged() == 0
    press(page, "f", "ArrowLeft")
    expect(button).to_have_attribute("aria-pressed", "false")
    wait_until_stored(page)
    assert world.n_flagged() == 1


@pytest.mark.parametrize(
    ("key", "about"),
    [
        ("ArrowLeft", "Reason for “A is better (pair 1)”"),
        ("f", "What is wrong with this pair?"),
    ],
)
def test_why_is_stored_however_soon_enter_is_pressed(
    page: Page, campaign: Campaign, key: str, about: str
) -> None:
    world = campaign(answers(4))
    open_label(page, world)
    press(page, key, "w")
    expect(page.get_by_label(about)).to_be_focused()
    page.keyboard.type("A quotes sources: x")
    page.keyboard.press("Enter")
    wait_until_stored(page)
    said = [*(vote.rationale for vote in world.standing()), *world.notes()]
    assert said == ["A quotes sources: x"]


def test_a_pause_is_no_decision_of_the_session(page: Page, campaign: Campaign) -> None:
    page.clock.install()
    open_label(page, campaign(answers(6)))
    press(page, "ArrowLeft")
    page.clock.fast_forward("10:00")
    press(page, "ArrowLeft")
    figures = page.locator(".label-status")
    expect(figures).to_contain_text(re.compile(r"this session: 2, median \d\.\d s"))
    press(page, "u")
    expect(figures).to_contain_text(re.compile(r"this session: 1, median \d\.\d s"))


def test_a_key_too_early_is_refused_visibly_and_announced(
    page: Page, campaign: Campaign, shots: Path
) -> None:
    world = campaign(answers(3))
    open_label(page, world)
    page.wait_for_timeout(READ_MS)
    said = page.evaluate(
        """() => {
          document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }));
          document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
          const bar = document.querySelector('.label-bar');
          const kbd = bar.querySelector('.label-answers kbd');
          return [bar.querySelector('.label-refusal').textContent, getComputedStyle(kbd).borderStyle];
        }"""
    )
    assert said == ["Too soon, not counted", "dashed"]
    refusal = page.locator(".label-refusal")
    expect(refusal).to_have_attribute("role", "status")
    page.screenshot(path=shots / "label-too-soon.png")
    expect(page.locator(".label-bar.early")).to_have_count(0)
    expect(refusal).to_have_text("")
    wait_until_stored(page)
    assert len(world.votes()) == 1, "what was too soon is not stored"
    press(page, "ArrowRight")
    wait_until_stored(page)
    assert len(world.votes()) == 2
