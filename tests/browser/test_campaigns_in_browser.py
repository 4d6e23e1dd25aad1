"""The Campaigns page in a real browser: made, labelled by two, measured, explained, opened and closed."""

import re
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from label_world import World, answers, make_campaign
from playwright.sync_api import Browser, BrowserContext, Page, expect

from db.storage.session import Database

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"window.hacked='yes'\"> is mine"


def label_all(world: World, name: str, outcomes: list[str]) -> None:
    """An invited annotator answers every pair, by script; `outcomes` are as the screen shows them."""
    with httpx.Client(base_url=f"{world.url}/api/v1", timeout=30) as client:
        token = client.post("/invitations", json={"role": "annotator", "name": name}).json()[
            "token"
        ]
        signed = {"Authorization": f"Bearer {token}"}
        for outcome in outcomes:
            asked = client.post(f"/campaigns/{world.id}/next", json={"n": 1}, headers=signed)
            (pair,) = asked.json()["pairs"]
            said = {"outcome": outcome, "decided_ms": 1500}
            assert client.post(f"/labels/{pair['key']}/vote", json=said, headers=signed).is_success


@pytest.fixture(scope="module")
def labelled(app_url: str, app_database: Database) -> World:
    """Twelve pairs, answered by two: never alike."""
    pairs = [*answers(11), ("Who wrote this?", HOSTILE, "Somebody else.")]
    world = make_campaign(app_url, app_database, "Which is better?", pairs, overlap=2)
    label_all(world, "Uma", ["tie"] * 12)
    label_all(world, "Vic", ["both_bad"] * 12)
    return world


def open_campaign(page: Page, world: World) -> None:
    page.goto(f"{world.url}/campaigns")
    page.locator(f"[data-part=open-{world.id}]").click()
    expect(page.locator("#campaign-detail h3")).to_be_focused()
    expect(page.locator("#campaign-detail .matrix")).to_be_visible()


def test_progress_and_agreement_are_those_of_the_votes(page: Page, labelled: World) -> None:
    open_campaign(page, labelled)
    row = page.locator("tr", has_text="Which is better?").first
    expect(row).to_contain_text("24 of 24 labels · 100 %")
    expect(row).to_contain_text("24 today")
    expect(row).to_contain_text("2 raters")
    people = page.locator("#campaign-detail [data-kind=human]")
    expect(people).to_contain_text("2 raters · 24 labels on 12 comparisons, 12 labelled by several")
    expect(people).to_contain_text("not enough data")
    raters = page.get_by_role("region", name="Raters", exact=True)
    expect(raters.get_by_role("row", name="Uma")).to_contain_text("12")
    assert page.url == f"{labelled.url}/campaigns#{labelled.id}"
    page.reload()
    expect(page.locator("#campaign-detail .matrix")).to_be_visible()


def test_disagreements_are_shown_with_who_said_what_and_nothing_runs(
    page: Page, labelled: World
) -> None:
    open_campaign(page, labelled)
    page.get_by_role("button", name="Show disagreements").click()
    cards = page.locator(".gallery .card")
    expect(cards).to_have_count(12)
    expect(cards.first).to_contain_text("TieUma")
    expect(cards.first).to_contain_text("Both badVic")
    expect(page.locator(".gallery")).to_contain_text(HOSTILE)
    expect(page.locator(".gallery img")).to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_guidelines_are_previewed_and_saved(page: Page, labelled: World) -> None:
    open_campaign(page, labelled)
    editor = page.locator("#campaign-detail .guidelines")
    written = f"Prefer **short** ones. {HOSTILE}"
    editor.locator("textarea").fill(written)
    page.get_by_role("button", name="Close Which is better?").click()
    expect(page.get_by_role("link", name="Label this campaign")).to_have_count(0)
    page.get_by_role("button", name="Open Which is better?").click()
    expect(page.get_by_role("link", name="Label this campaign")).to_be_visible()
    expect(editor.locator("textarea")).to_have_value(written)  # typed, not saved, and still here
    editor.get_by_role("button", name="Preview the guidelines").click()
    expect(editor.locator(".preview strong")).to_have_text("short")
    editor.get_by_role("button", name="Save the guidelines").click()
    expect(editor).to_contain_text("Saved.")
    assert page.evaluate("window.hacked") is None
    stored = httpx.get(f"{labelled.url}/api/v1/campaigns/{labelled.id}").json()
    assert stored["guidelines"].startswith("Prefer **short** ones.")


def test_a_campaign_is_made_closed_and_opened_by_keyboard_alone(
    page: Page, labelled: World
) -> None:
    page.goto(f"{labelled.url}/campaigns")
    page.locator(".making > summary").focus()
    page.keyboard.press("Enter")
    page.locator(".making").get_by_label("Name", exact=True).focus()
    page.keyboard.type("Any two")
    form = page.locator(".making form")
    form.get_by_label("Pairs", exact=True).select_option("random")
    form.get_by_label("Labels per pair").fill("3")
    expect(form.locator(".outlook")).to_contain_text(
        re.compile(r"The campaign would have \d+ comparisons")
    )
    expect(form.locator(".outlook")).to_contain_text("need 36 labels")
    form.get_by_role("button", name="Create the campaign").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#campaign-detail h3")).to_have_text("Any two")
    expect(page.locator("#campaign-detail")).to_contain_text("comparisons of responses")
    row = page.locator("tr", has_text="Any two").first
    expect(row).to_contain_text("0 of 36 labels")
    row.get_by_role("button", name="Close Any two").focus()
    page.keyboard.press("Enter")
    expect(row.locator(".state")).to_have_text("closed")
    expect(row.get_by_role("button", name="Open Any two")).to_be_focused()
    form.get_by_label("Name", exact=True).fill("Any two")
    form.get_by_role("button", name="Create the campaign").click()
    expect(form).to_contain_text("There is a campaign 'Any two' already")


def test_a_viewer_reads_figures_and_changes_nothing(
    page: Page, browser: Browser, labelled: World
) -> None:
    asked = httpx.post(f"{labelled.url}/api/v1/invitations", json={"role": "viewer"})
    guest = browser.new_context()
    theirs = guest.new_page()
    theirs.goto(asked.json()["link"])
    open_campaign(theirs, labelled)
    expect(theirs.locator(".guidelines .rendered")).to_be_visible()
    for name in ("Close", "Save", "Create", "Create link", "judge", "disagreements"):
        expect(theirs.locator(".campaigns").get_by_role("button", name=name)).to_have_count(0)
    guest.close()


def test_known_answers_are_listed_with_their_explanation(
    page: Page, app_url: str, app_database: Database
) -> None:
    world = make_campaign(app_url, app_database, "With practice", answers(2), n_practice=1)
    page.goto(f"{app_url}/campaigns#{world.id}")
    page.get_by_text("Gold and practice comparisons").click()
    card = page.locator("#campaign-detail .card", has_text="practice")
    expect(card).to_contain_text("Left is better")
    expect(card).to_contain_text("explanation: Only one of them is *right*.")


def test_an_invitation_lets_an_annotator_in_who_sees_no_figures(
    page: Page, browser: Browser, labelled: World
) -> None:
    page.goto(f"{labelled.url}/campaigns")
    invite = page.locator(".invite")
    invite.get_by_label("Name", exact=True).fill("Wim")
    invite.get_by_role("button", name="Create link").click()
    field = invite.get_by_label("The link", exact=True)
    expect(field).to_have_value(re.compile("^http"))
    link = field.input_value()
    guest: BrowserContext = browser.new_context()
    theirs = guest.new_page()
    theirs.goto(link)
    assert "/label" in theirs.url
    theirs.goto(f"{labelled.url}/campaigns")
    expect(theirs.get_by_role("alert")).to_contain_text("not for the role annotator")
    expect(theirs.locator("body")).not_to_contain_text("Uma")
    guest.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    page: Page, labelled: World, shots: Any, width: int, theme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{labelled.url}/campaigns?__theme={theme}#{labelled.id}")
    expect(page.locator("#campaign-detail .matrix")).to_be_visible()
    page.locator(".making > summary").click()
    page.get_by_role("button", name="Show disagreements").click()
    expect(page.locator(".gallery .card").first).to_be_visible()
    found = Axe().run(page, context=".campaigns")
    serious = [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in found.response["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
    assert not serious
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=shots / f"campaigns-{width}-{theme}.png", full_page=True)


def test_a_measurement_that_fails_says_so_and_can_be_asked_for_again(
    page: Page, labelled: World
) -> None:
    path = f"**/campaigns/{labelled.id}/agreement"
    page.route(path, lambda route: route.fulfill(status=503, json={"error": "The disk is full."}))
    page.goto(f"{labelled.url}/campaigns#{labelled.id}")
    detail = page.locator("#campaign-detail")
    expect(detail).to_contain_text("The disk is full.")
    detail.get_by_role("button", name="Recompute").click()
    page.wait_for_timeout(300)
    expect(detail).to_contain_text("The disk is full.")
    page.unroute(path)
    detail.get_by_role("button", name="Recompute").click()
    expect(detail.locator(".matrix")).to_be_visible()
    expect(detail).not_to_contain_text("The disk is full.")
