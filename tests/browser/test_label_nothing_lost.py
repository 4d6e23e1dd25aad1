"""Answers survive: a server that does not answer, a reload, a refusal, a second tab."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from label_world import World, answers, open_label, press, prompt_of, wait_until_stored
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy import func, select, update

from db.models import Assignment

pytestmark = pytest.mark.browser

Campaign = Callable[..., World]
VOTES = "**/api/v1/labels/**"


def test_votes_without_a_connection_survive_a_reload_and_arrive(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    world = campaign(answers(10))
    page.on("dialog", lambda dialog: dialog.accept())
    open_label(page, world)
    context.route(VOTES, lambda route: route.abort())
    said = [prompt_of(page)]
    press(page, "ArrowLeft")
    said.append(prompt_of(page))
    press(page, "ArrowRight")
    said.append(prompt_of(page))
    press(page, "ArrowDown")
    told = page.locator("[data-part=stored]")
    expect(told).to_have_text("3 votes waiting: the server does not answer")
    press(page, "u")
    expect(page.locator(".label-status")).to_contain_text("Undo has to wait")
    page.reload()
    expect(told).to_have_text("3 votes waiting: the server does not answer")
    assert prompt_of(page) not in said
    assert world.votes() == []

    context.unroute(VOTES)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    wait_until_stored(page)
    assert [prompt for prompt, _ in world.said()] == said
    expect(page.locator(".label-status")).to_contain_text("3 done")
    press(page, "u")  # undo reaches what was said before the reload
    assert prompt_of(page) == said[-1]


def test_a_vote_whose_acknowledgement_was_lost_is_stored_once(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    world = campaign(answers(4))
    open_label(page, world)
    lost = []

    # One route for the whole test: what is on its way when a route ends is let through.
    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        route.fetch()  # the server has it, the browser does not know
        lost.append(route.request.url)
        route.abort()

    context.route(VOTES, lose)
    press(page, "ArrowLeft")
    wait_until_stored(page)
    assert len(lost) == 1
    assert len(world.votes()) == 1


def test_a_broken_server_is_asked_again_and_a_refusal_is_told_and_dropped(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    world = campaign(answers(8))
    refusal = "This pair is not on offer any more."
    answer: dict[str, Any] = {}
    # One route for the whole test, there before the page is: a request that leaves while routes are
    # set or taken away may pass unseen.
    context.route(VOTES, lambda route: route.fulfill(**answer) if answer else route.continue_())
    open_label(page, world)
    answer |= {"status": 503, "json": {"error": "The disk is full."}}
    press(page, "ArrowLeft")
    expect(page.locator(".label-status")).to_contain_text("1 done")  # the press was taken
    expect(page.locator("[data-part=stored]")).to_have_text("1 vote waiting: The disk is full")
    answer.clear()
    wait_until_stored(page)
    assert len(world.votes()) == 1

    answer |= {"status": 409, "json": {"error": refusal}}
    press(page, "ArrowLeft")
    alert = page.get_by_role("alert")
    expect(alert).to_have_text(f"Not saved: {refusal}")
    expect(page.locator(".label-status")).to_contain_text("1 done")  # what is not saved is not done
    answer.clear()
    wait_until_stored(page)
    said = alert.element_handle()
    press(page, "d", "d")
    assert said.evaluate("(node) => node.isConnected")  # not read aloud again
    press(page, "ArrowLeft")
    wait_until_stored(page)
    assert len(world.votes()) == 2


def test_the_page_asks_before_it_is_left_only_while_something_is_unsent(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    open_label(page, campaign(answers(4)))
    press(page, "ArrowLeft")
    wait_until_stored(page)
    page.reload()
    expect(page.locator(".label-side:visible")).to_have_count(2)
    assert asked == []
    context.route(VOTES, lambda route: route.abort())
    page.wait_for_timeout(400)
    press(page, "ArrowLeft")
    page.reload()
    assert asked == ["beforeunload"]


def test_two_tabs_of_one_person_never_show_the_same_pair(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    world = campaign(answers(40))
    open_label(page, world)
    with (
        context.expect_page() as copied
    ):  # a tab opened from this one starts with a copy of its shelf
        page.evaluate("window.open(location.href)")
    tabs = [page, copied.value]
    expect(tabs[1].locator(".label-side:visible")).to_have_count(2)
    tabs[1].wait_for_timeout(400)
    seen = []
    for _ in range(5):
        for tab in tabs:
            tab.bring_to_front()
            seen.append(prompt_of(tab))
            press(tab, "ArrowLeft")
    for tab in tabs:
        wait_until_stored(tab)
    assert len(set(seen)) == 10
    assert len(world.votes()) == 10


def test_a_reload_goes_on_with_the_pairs_the_page_had(page: Page, campaign: Campaign) -> None:
    world = campaign(answers(12))
    open_label(page, world)
    press(page, "ArrowLeft")
    wait_until_stored(page)
    prompt, given = prompt_of(page), len(world.states())
    page.reload()
    expect(page.locator(".label-side:visible")).to_have_count(2)
    assert prompt_of(page) == prompt
    page.wait_for_timeout(1000)  # for what the page asks for after a reload
    assert len(world.states()) <= given + 1  # filled up, not given as many again


def test_an_explanation_that_came_late_is_read_before_it_goes_on(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    open_label(page, campaign(answers(5), n_practice=1))
    context.route(VOTES, lambda route: route.abort())
    practised = prompt_of(page)
    press(page, "ArrowLeft", "ArrowLeft", "Enter")
    banner = page.locator(".label-banner")
    expect(banner).to_contain_text("Waiting for the explanation")
    assert prompt_of(page) == practised
    page.reload()
    expect(page.locator(".label-side:visible")).to_have_count(2)
    context.unroute(VOTES)
    expect(banner).to_contain_text("Only one of them is right.")
    expect(page.locator(".label-side:visible")).to_have_count(0)  # it is about no other pair
    page.wait_for_timeout(400)
    press(page, "Enter")
    expect(page.locator(".label-side:visible")).to_have_count(2)
    expect(banner).to_be_hidden()
    assert prompt_of(page) != practised


def test_who_comes_last_waits_for_what_others_leave(
    page: Page, context: BrowserContext, campaign: Campaign
) -> None:
    """A page fetches eight pairs ahead: the second person of a small campaign finds none free."""
    world = campaign(answers(5))
    open_label(page, world)
    press(page, "ArrowLeft")
    wait_until_stored(page)
    browser = context.browser
    assert browser is not None
    second = browser.new_context().new_page()
    second.goto(world.page)
    told = second.locator(".label-empty")
    expect(told).to_contain_text("Every remaining pair is with somebody else")
    expect(told.get_by_role("link", name="Home")).to_be_visible()

    left = (Assignment.campaign_id == world.id) & (Assignment.lease_until < time.time() + 300)

    def n_left() -> int:
        with world.database.read() as session:
            return session.scalar(select(func.count()).where(left)) or 0

    assert n_left() == 0
    page.goto("about:blank")
    until = time.monotonic() + 30
    while n_left() < 3 and time.monotonic() < until:
        page.wait_for_timeout(200)
    assert n_left() == 3, "all but the one that was on the screen"
    expect(told).to_contain_text("Every remaining pair is with somebody else")
    with world.database.write() as session:  # a minute later
        session.execute(update(Assignment).where(left).values(lease_until=1.0))
    expect(second.locator(".label-side:visible")).to_have_count(2)
    second.context.close()
