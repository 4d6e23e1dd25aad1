"""The Versions page in a real browser: figures with intervals, what waits and why, and for whom."""

import json
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from measured_versions import compared, judged, measured, trained, waits
from playwright.sync_api import Browser, Page, expect

from db.models import AdapterStatus
from db.registry import adapters
from db.storage.session import Database

pytestmark = pytest.mark.browser

ANOTHER = "another model"
"""The base model of these versions, which is not the app's: none of them is ever served."""


@pytest.fixture(scope="module")
def names(app_database: Database) -> list[str]:
    """Four versions of a model that is not loaded: three measured, the newest waits."""
    with app_database.write() as session:
        made = []
        for step in range(4):
            parent = made[-1] if made else None
            version = trained(session, parent=parent, n_examples=40, base_model=ANOTHER)
            version.status = AdapterStatus.RETIRED
            rounds = [110 + 5 * step, 120 + 6 * step, 130 + 7 * step]
            by = measured(session, {None: [110, 112, 114], version: rounds}, n=200)
            compared(by, version, 0.01, 0.08, 0.15)
            judged(session, by, version, 0.5 + 0.01 * step, 0.56, 0.63)
            made.append(version)
        adapters.describe(session, made[0].id, "", "Its note of before.")
        made[-1].status = AdapterStatus.READY
        waits(session, made[-1], "worse than base: −3.1 points, 95 % −5.6 to −0.6, n = 480")
        return [version.name for version in made]


def test_the_page_answers_says_what_waits_and_draws_what_was_measured(
    page: Page, app_url: str, names: list[str]
) -> None:
    foreign: list[str] = []
    host = urlsplit(app_url).netloc
    page.on("request", lambda r: foreign.append(r.url) if urlsplit(r.url).netloc != host
            and r.url.startswith("http") else None)  # fmt: skip
    page.goto(f"{app_url}/versions")
    expect(page.locator("#versions-headline")).to_contain_text("base answers.")
    notice = page.locator("#versions-gate")
    expect(notice).to_contain_text(f"{names[3]} waits: worse than base: −3.1 points")
    expect(notice).to_contain_text("base goes on answering.")

    table = page.locator("#leaderboard")
    expect(table).to_contain_text("75.5")  # 151 of 200
    expect(table).to_contain_text("69.1 to 80.9 · n 200")
    versions = page.locator("#leaderboard [role=gridcell][data-col='0']")
    expect(versions.nth(0)).to_contain_text("demo")  # shipped, with its figures
    expect(versions.nth(1)).to_contain_text(names[3])
    plot = page.locator("#versions-plot-0 svg.marks")
    expect(plot).to_be_visible()
    expect(page.locator(".finding svg.marks")).to_have_count(6)
    expect(page.locator(".finding h2").nth(1)).to_have_text("3 of 4 win against base")
    ink = plot.locator("path[stroke='var(--s1)']").first
    assert ink.evaluate("path => getComputedStyle(path).stroke").startswith("rgb")

    refused = page.get_by_text(f"{names[3]} was trained on {ANOTHER}")
    for _ in range(30):  # until the app's model is loaded, another refusal comes first
        page.get_by_role("button", name="Serve all the same").click()
        page.wait_for_timeout(1000)
        if refused.count():
            break
    expect(refused.first).to_be_visible()
    assert foreign == []


def test_a_version_is_given_a_name_and_a_note_which_are_text(
    page: Page, app_url: str, names: list[str]
) -> None:
    page.goto(f"{app_url}/versions")
    expect(page.locator("#leaderboard")).to_contain_text(names[0])
    page.get_by_role("button", name="Name and note of a version").click()
    page.get_by_label("Version", exact=True).click()
    page.get_by_role("option", name=names[0]).click()
    expect(page.get_by_label("Note", exact=True)).to_have_value("Its note of before.")
    page.get_by_label("Name", exact=True).fill("<i>Gentle</i>")
    page.get_by_label("Note", exact=True).fill("Says sorry less.")
    page.locator("#keep-about").click()
    row = page.get_by_role("gridcell").filter(has_text="Says sorry less.")
    expect(row).to_contain_text("<i>Gentle</i>")
    expect(row).to_contain_text(names[0])


def test_what_waits_begins_where_the_page_does_and_its_fields_are_on_one_line(
    page: Page, app_url: str, names: list[str]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_url}/versions")
    expect(page.locator("#versions-gate .gate:not(.measuring)")).to_contain_text(names[3])
    left = "one => one.getBoundingClientRect().left"
    edges = {
        page.locator(one).evaluate(left) for one in (".versions-title", ".gate:not(.measuring)")
    }
    assert len(edges) == 1
    bottom = "one => Math.round(one.getBoundingClientRect().bottom)"
    below = page.locator("#versions-actions .block").evaluate_all(f"all => all.map({bottom})")
    assert len(set(below)) == 1


def test_an_annotator_sees_none_of_it(browser: Browser, app_url: str, names: list[str]) -> None:
    context = browser.new_context()
    asked = context.request.post(f"{app_url}/api/v1/invitations", data={"role": "annotator"})
    joined = browser.new_context().new_page()
    joined.goto(f"{app_url}/join?token={asked.json()['token']}")
    joined.get_by_role("button", name="Join").click()
    joined.wait_for_url(lambda url: "/join" not in url)
    joined.goto(f"{app_url}/versions")
    expect(joined.locator("main")).to_contain_text("Yours is Label.")
    joined.wait_for_timeout(4000)  # a tick of the page
    assert names[3] not in joined.content()
    expect(joined.locator(".finding svg.marks")).to_have_count(0)
    joined.context.close()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_axe_finds_nothing_serious(
    page: Page, app_url: str, names: list[str], theme: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{app_url}/versions?__theme={theme}")
    expect(page.locator("#leaderboard")).to_contain_text(names[0])
    page.locator("#versions-plots").scroll_into_view_if_needed()
    expect(page.locator(".finding svg.marks")).to_have_count(6)
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not grave, json.dumps(grave, indent=1)[:4000]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
