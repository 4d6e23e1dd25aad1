"""The Campaigns page in a real browser: the owner's story from making one to settling what people
disagree on, and who may see what of it."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from label_world import World, answers, make_campaign
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from db.models import Campaign, CampaignItem, Purpose, Vote
from db.storage.session import Database

pytestmark = pytest.mark.browser

NAME = f"Which is better ({uuid4().hex[:6]})?"
HOSTILE = "<img src=x onerror=\"window.hacked='yes'\"> is mine"


def label_all(world: World, name: str, outcomes: list[str], note: str = "") -> None:
    """A visitor answers every pair, by script; `outcomes` are as the screen shows them.

    With a note each pair is flagged.
    """
    with httpx.Client(base_url=f"{world.url}/api/v1", timeout=30) as client:
        client.get("/me")
        assert client.post("/me", json={"name": name}).is_success
        for outcome in outcomes:
            (pair,) = client.post(f"/campaigns/{world.id}/next", json={"n": 1}).json()["pairs"]
            if note:
                flag = {"note": note}
                assert client.post(f"/labels/{pair['key']}/flag", json=flag).is_success
            said = {"outcome": outcome, "decided_ms": 1500}
            assert client.post(f"/labels/{pair['key']}/vote", json=said).is_success


@pytest.fixture(scope="module")
def labelled(app_url: str, app_database: Database) -> World:
    """Twelve pairs, answered by two: never alike."""
    pairs = [*answers(11), ("Who wrote this?", HOSTILE, "Somebody else.")]
    world = make_campaign(app_url, app_database, NAME, pairs, overlap=2)
    label_all(world, "Uma", ["tie"] * 12)
    label_all(world, "Vic", ["both_bad"] * 12, "Both sums are wrong.")
    return world


def open_campaign(page: Page, world: World, tab: str = "") -> None:
    more = f"&tab={tab}" if tab else ""
    page.goto(f"{world.url}/campaigns?campaign={world.id}{more}")
    expect(page.locator("#campaign-head h1")).to_be_visible()


def test_the_list_has_each_campaign_with_its_figures_and_leads_to_its_page(
    page: Page, labelled: World
) -> None:
    page.goto(f"{labelled.url}/campaigns")
    row = page.locator("#campaigns-table [role=row]", has_text=NAME).first
    expect(row).to_contain_text("24 of 24 · 100%")
    expect(row).to_contain_text("24 today · 2 people")
    expect(row).to_contain_text("all labelled")
    row.get_by_role("link", name=NAME).click()
    expect(page).to_have_url(f"{labelled.url}/campaigns?campaign={labelled.id}")
    head = page.locator("#campaign-head")
    expect(head).to_contain_text("Done: all 24 labels are in")
    expect(head.get_by_role("link", name="Train on it")).to_have_attribute("href", "train")
    expect(page.locator("#campaign-burn-down svg.marks").first).to_be_visible()


def test_what_is_not_read_yet_says_so(page: Page, app_url: str) -> None:
    page.route("**/gradio_api/queue/join*", lambda route: None)  # the answer stays away
    page.goto(f"{app_url}/campaigns?campaign=1")
    expect(page.locator("#campaigns-waiting")).to_contain_text("They are being read")
    expect(page.locator("#campaigns-list")).to_be_hidden()


def test_agreement_that_is_being_counted_says_so_and_moves_nothing(
    page: Page, labelled: World
) -> None:
    open_campaign(page, labelled, "overview")
    expect(page.locator("#campaign-about")).to_contain_text("Labels")
    page.route("**/gradio_api/queue/join*", lambda route: None)  # the answer stays away
    page.get_by_role("tab", name="Agreement", exact=True).click()
    expect(page.locator("#campaign-groups")).to_contain_text("Counting the agreement…")
    expect(page.locator("#campaign-drift-said")).to_be_hidden()
    expect(page.locator("#thrice-foot")).not_to_be_in_viewport()


def test_agreement_is_that_of_the_votes_and_people_are_listed(page: Page, labelled: World) -> None:
    open_campaign(page, labelled, "agreement")
    people = page.locator("#campaign-groups [data-kind=human]")
    expect(people).to_contain_text("2 raters · 24 labels on 12 comparisons, 12 labelled by several")
    expect(people).to_contain_text("not enough data")
    expect(page.locator("#campaign-kappas svg.marks").first).to_be_visible()
    expect(page.locator("#campaign-drift-said")).to_contain_text("Not enough data for a course")
    page.get_by_role("tab", name="People").click()
    raters = page.locator("#campaign-people")
    expect(raters.locator("[role=row]", has_text="Uma").first).to_contain_text("12")
    expect(raters.locator("[role=row]", has_text="Vic").first).to_contain_text("12")
    last = raters.get_by_role("columnheader").last
    edges = [one.bounding_box() for one in (last, raters)]
    assert edges[0]["x"] + edges[0]["width"] <= edges[1]["x"] + edges[1]["width"]  # type: ignore[index]
    page.get_by_role("tab", name="Settings").click()
    expect(page.locator("#campaign-known-said")).to_contain_text("No pair has a known answer yet")
    expect(page.locator("#campaign-known")).to_be_hidden()


def test_what_raters_disagree_on_is_settled_made_gold_and_taken_back(
    page: Page, app_url: str, app_database: Database
) -> None:
    """The owner's story with adjudication."""
    world = make_campaign(app_url, app_database, "To be settled", answers(2), overlap=2)
    label_all(world, "Wim", ["tie"] * 2)
    label_all(world, "Xan", ["both_bad"] * 2)
    open_campaign(page, world, "disagreements")
    text = page.locator("#dispute")
    expect(text).to_contain_text("1 of 2, the widest apart first; 0 of them settled")
    expect(text).to_contain_text("TieWim")
    expect(text).to_contain_text("Both badXan")
    page.locator("#settle").click()
    expect(page.get_by_text("Choose which is right first.")).to_be_visible()
    first = text.locator(".asked").last.inner_text()
    page.get_by_label("A is better").check()
    page.get_by_label("Much better").check()
    page.get_by_label("Why (optional)").fill("It adds up.")
    page.locator("#settle").click()
    expect(text).to_contain_text("1 of them settled")
    expect(text).not_to_contain_text(first)  # what is settled comes last
    page.locator("#dispute-place input").fill("2")
    page.locator("#dispute-place input").press("Tab")
    expect(text).to_contain_text(re.compile("Settled by .*: A is much better. It adds up."))
    with app_database.read() as session:
        vote = session.scalars(_rulings(world)).one()
        assert (vote.outcome, vote.strength, vote.rationale) == ("left", 2, "It adds up.")
    page.locator("#take-back").click()
    expect(text).to_contain_text("0 of them settled")
    with app_database.read() as session:
        rows = session.scalars(_rulings(world)).all()
        assert [row.outcome for row in rows] == ["left", "withdrawn"], "the log keeps both"
    page.get_by_label("Tie").check()
    page.get_by_label("Make it gold").check()
    page.locator("#settle").click()
    expect(text).to_contain_text("1 of 1")  # a gold one is no disagreement
    with app_database.read() as session:
        assert session.get_one(Campaign, world.id).n_items == 1
    page.get_by_role("tab", name="Settings").click()
    expect(page.locator("#campaign-known-said")).to_contain_text("Raters are measured by gold")
    expect(page.locator("#campaign-known")).to_contain_text("gold")


def test_what_raters_flagged_is_looked_through_settled_and_its_flag_removed(
    page: Page, app_url: str, app_database: Database
) -> None:
    world = make_campaign(app_url, app_database, "To be flagged", answers(2))
    label_all(world, "Yul", ["tie"] * 2, f"Wrong sum {HOSTILE}")
    open_campaign(page, world, "flags")
    text = page.locator("#flagged")
    expect(text).to_contain_text("1 of 2, the newest first.")
    expect(text).to_contain_text(re.compile("Flagged by Yul, .* UTC. “Wrong sum <img"))
    expect(text).to_contain_text("Yul answered it.")
    expect(text).to_contain_text("TieYul")
    assert page.evaluate("window.hacked") is None
    first = text.locator(".asked").last.inner_text()
    form = page.locator("#flag-ruling")
    form.get_by_label("Both bad").check()
    page.locator("#flag-settle").click()
    expect(text).to_contain_text("Both bad.")
    with app_database.read() as session:
        assert [row.outcome for row in session.scalars(_rulings(world))] == ["both_bad"]
    page.locator("#flag-remove").click()
    expect(text).to_contain_text("1 of 1, the newest first.")
    expect(text).not_to_contain_text(first)
    assert world.n_flagged() == 1
    page.locator("#flag-remove").click()
    expect(text).to_contain_text("No pair is flagged.")
    expect(form).to_be_hidden()


def _rulings(world: World) -> Any:
    mine = select(CampaignItem.comparison_id).where(CampaignItem.campaign_id == world.id)
    ruled = (Vote.purpose == Purpose.ADJUDICATION, Vote.comparison_id.in_(mine))
    return select(Vote).where(*ruled).order_by(Vote.id)


def test_nothing_that_a_model_wrote_runs(page: Page, labelled: World) -> None:
    open_campaign(page, labelled, "disagreements")
    text = page.locator("#dispute")
    expect(text).to_contain_text("of 12")
    for place in range(1, 13):
        page.locator("#dispute-place input").fill(str(place))
        page.locator("#dispute-place input").press("Tab")
        expect(text).to_contain_text(f"{place} of 12")
        if HOSTILE in text.inner_text():
            break
    expect(text).to_contain_text(HOSTILE)
    expect(text.locator("img")).to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_a_campaign_is_made_in_the_dialog_and_paused(page: Page, labelled: World) -> None:
    page.goto(f"{labelled.url}/campaigns")
    page.locator("#campaign-open").click()
    dialog = page.get_by_role("dialog", name="New campaign")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("textbox", name=re.compile("^Name"))).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.locator("#campaign-open").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.locator("#campaign-open").click()
    expect(dialog.get_by_label("Budget")).to_have_attribute("placeholder", "no limit")
    expect(dialog.get_by_label("Budget")).to_have_value("")
    dialog.get_by_label("Template").click()
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("textbox", name=re.compile("^Name"))).to_be_visible()
    dialog.get_by_role("textbox", name=re.compile("^Name")).fill("Any two")
    dialog.get_by_label("Template").click()
    page.get_by_role("option", name="Any two responses to a prompt").click()
    dialog.get_by_label("Labels per pair").fill("3")
    dialog.get_by_label("Labels per pair").press("Tab")
    expect(dialog).to_contain_text(
        re.compile(r"would have [\d,]+ comparisons and need [\d,]+ labels")
    )
    dialog.locator("#campaign-create").click()
    expect(page.locator("#campaign-head h1")).to_contain_text("Any two")
    expect(page).to_have_url(re.compile(r"/campaigns\?campaign=\d+$"))
    page.locator("#campaign-pause").click()
    expect(page.locator("#campaign-head .chip")).to_have_text("paused")
    expect(page.locator("#campaign-label")).to_be_disabled()
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#campaign-head .chip")).to_have_text("open")
    page.goto(f"{labelled.url}/campaigns")
    page.locator("#campaign-open").click()
    page.keyboard.type("Any two")
    dialog.get_by_label("Template").click()
    page.get_by_role("option", name="Any two responses to a prompt").click()
    dialog.locator("#campaign-create").click()
    said = dialog.get_by_role("alert")
    expect(said).to_contain_text("There is a campaign 'Any two' already")


def test_what_is_wrong_with_a_new_campaign_stands_in_its_dialog_on_a_phone(
    page: Page, labelled: World, shots: Any
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{labelled.url}/campaigns")
    page.locator("#campaign-open").click()
    dialog = page.get_by_role("dialog", name="New campaign")
    said = dialog.locator("#campaign-refused").get_by_role("alert")
    expect(dialog.locator("#campaign-outlook")).to_contain_text("campaign would have")
    dialog.locator("#campaign-create").click()
    expect(said).to_contain_text("name")
    expect(said).to_be_in_viewport(ratio=1)
    on_top = said.evaluate(
        """(node) => { const { x, y, width, height } = node.getBoundingClientRect();
            return node.contains(document.elementFromPoint(x + width / 2, y + height / 2)); }"""
    )
    assert on_top
    page.screenshot(path=shots / "campaigns-new-refused-390.png")
    dialog.get_by_label("Labels per pair").fill("0")
    dialog.locator("#campaign-create").click()
    expect(said).to_contain_text("Labels per pair is a whole number from 1 to 100")
    dialog.get_by_role("button", name="Cancel").click()
    page.locator("#campaign-open").click()
    expect(said).to_have_count(0)


def test_a_campaign_is_renamed_copied_deleted_and_restored(
    page: Page, app_url: str, app_database: Database
) -> None:
    world = make_campaign(app_url, app_database, "To be changed", answers(1))
    open_campaign(page, world, "settings")
    page.locator("#campaign-name").get_by_role("textbox").fill("Changed")
    page.locator("#campaign-rename").click()
    expect(page.locator("#campaign-head h1")).to_contain_text("Changed")
    page.reload()
    expect(page.locator("#campaign-name").get_by_role("textbox")).to_have_value("Changed")
    page.locator("#campaign-duplicate").click()
    expect(page.locator("#campaign-head h1")).to_contain_text("Changed 2")
    page.get_by_role("tab", name="Settings").click()
    page.locator("#campaign-delete").click()
    row = page.locator("#campaigns-table [role=row]", has_text="Changed 2")
    expect(page.locator("#campaigns-table [role=row]", has_text="Changed").first).to_be_visible()
    expect(row).to_have_count(0)
    expect(page.locator("#campaigns-deleted input")).to_have_value("Changed 2")
    page.locator("#campaign-restore").click()
    expect(row.first).to_contain_text("closed")


def test_the_open_tab_is_in_the_address_and_opens_again(page: Page, labelled: World) -> None:
    page.goto(f"{labelled.url}/campaigns?campaign={labelled.id}")
    page.get_by_role("tab", name="Agreement", exact=True).click()
    expect(page.locator("#campaign-groups dl").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"campaign=\d+&tab=agreement$"))
    page.reload()
    expect(page.locator("#campaign-groups dl").first).to_be_visible()
    page.get_by_role("tab", name="Overview").click()
    expect(page).to_have_url(re.compile(r"campaign=\d+$"))


def test_guidelines_are_seen_as_raters_will_see_them_and_saved(page: Page, labelled: World) -> None:
    open_campaign(page, labelled, "guidelines")
    written = f"Prefer **short** ones. {HOSTILE}"
    page.locator("#campaign-guidelines textarea").fill(written)
    expect(page.locator("#guidelines-shown strong")).to_have_text("short")
    page.locator("#guidelines-save").click()
    expect(page.get_by_text("Saved. Raters see them")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    stored = httpx.get(f"{labelled.url}/api/v1/campaigns/{labelled.id}").json()
    assert stored["guidelines"] == written


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    page: Page, labelled: World, shots: Any, width: int, theme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{labelled.url}/campaigns?__theme={theme}")
    expect(page.locator("#campaigns-table")).to_contain_text(NAME)
    _clean(page, shots, width, f"campaigns-{width}-{theme}")
    page.locator("#campaign-open").click()
    expect(page.locator("#campaign-outlook")).to_contain_text("campaign would have")
    _clean(page, shots, width, f"campaigns-new-{width}-{theme}")
    for tab, sign in (
        ("overview", "#campaign-burn-down svg.marks"), ("agreement", "#campaign-kappas svg.marks"),
        ("disagreements", "#dispute .sides"), ("flags", "#flagged .sides"), ("guidelines", "#guidelines-shown p"),
        ("settings", "#campaign-delete"),
    ):  # fmt: skip
        page.goto(f"{labelled.url}/campaigns?campaign={labelled.id}&tab={tab}&__theme={theme}")
        expect(page.locator(sign).first).to_be_visible()
        _clean(page, shots, width, f"campaign-{tab}-{width}-{theme}")


def _of_gradios_table(rule: dict[str, Any]) -> bool:
    """A table that is wider than a phone: its cells have the keyboard, not what scrolls them."""
    nodes = [node["html"] for node in rule["nodes"]]
    scrolls = all("virtual-table-viewport" in html for html in nodes)
    return bool(rule["id"] == "scrollable-region-focusable" and scrolls)


def _clean(page: Page, shots: Any, width: int, name: str) -> None:
    page.screenshot(path=shots / f"{name}.png", full_page=True)
    found = Axe().run(page)
    serious = [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in found.response["violations"]
        if rule["impact"] in ("serious", "critical") and not _of_gradios_table(rule)
    ]
    assert not serious, name
    assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_a_viewer_reads_figures_and_changes_nothing(browser: Browser, labelled: World) -> None:
    guest = browser.new_context()
    theirs = guest.new_page()
    _join(theirs, labelled, "viewer", "Val")
    open_campaign(theirs, labelled)
    expect(theirs.get_by_role("tab", name="Agreement")).to_be_visible()
    for tab in ("Disagreements", "Settings"):
        expect(theirs.get_by_role("tab", name=tab)).to_have_count(0)
    for press in ("#campaign-pause", "#campaign-judge", "#guidelines-save", "#campaign-open"):
        expect(theirs.locator(press)).to_be_hidden()
    guest.close()


def test_an_annotator_sees_no_figures(browser: Browser, labelled: World) -> None:
    guest = browser.new_context()
    theirs = guest.new_page()
    _join(theirs, labelled, "annotator", "Zoe")
    theirs.goto(f"{labelled.url}/campaigns?campaign={labelled.id}")
    expect(theirs.locator("main")).to_contain_text("Yours is Label.")
    expect(theirs.locator("body")).not_to_contain_text("Uma")
    guest.close()


def _join(page: Page, world: World, role: str, name: str) -> None:
    """Follows an invitation, which asks before it changes who a browser is."""
    asked = httpx.post(f"{world.url}/api/v1/invitations", json={"role": role, "name": name})
    page.goto(f"{world.url}/join?token={asked.json()['token']}")
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(lambda url: "/join" not in url)
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
