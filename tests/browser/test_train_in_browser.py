"""The Train page in a real browser: votes are taught, a job has a page, what fails is put away."""

import json
import time
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIRequestContext, Browser, Page, expect

from db.models import JobKind, JobStatus
from db.registry import jobs
from db.storage.session import Database

pytestmark = pytest.mark.browser

CELLS = "#train-jobs [role=gridcell]"
"""The list's cells; Gradio has a second table, out of view, to measure them by."""
TRAINED_MS = 300_000
"""Milliseconds a job may take here: starting its process is most of it."""


def vote_on_two_candidates(api: APIRequestContext, url: str) -> None:
    """What the Play page does for a person, by its routes."""
    ask = {"prompt": "What is 1 + 1?", "mode": "sample", "n": 2, "max_tokens": 8}
    run = api.post(f"{url}/runs", data=ask).json()["run_id"]
    until = time.monotonic() + 30
    while (board := api.get(f"{url}/runs/{run}").json())["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.1)
    left, right = (cell["round_id"] for cell in board["cells"])
    key = api.post(f"{url}/comparisons", data={"left": left, "right": right}).json()["key"]
    assert api.post(f"{url}/votes", data={"key": key, "outcome": "left"}).ok


def listed(app_url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{app_url}/api/v1/jobs").json()
    return found


@pytest.mark.timeout(900)
def test_votes_become_a_version_and_the_job_has_a_page(page: Page, own_app_url: str) -> None:
    api = f"{own_app_url}/api/v1"
    page.goto(f"{own_app_url}/train")
    teach = page.locator("#train-teach")
    expect(teach).to_contain_text("Nobody has preferred an answer yet.")
    expect(teach.locator("#train-teach-start")).to_be_disabled()
    way = teach.get_by_role("link", name="Compare answers")
    assert way.evaluate("link => link.href") == f"{own_app_url}/"
    expect(page.locator("#train-measure")).to_contain_text("not known: none on this model")

    vote_on_two_candidates(page.request, api)
    start = page.get_by_role("button", name="Train on 1 pair")
    expect(start).to_be_enabled()
    page.locator("#dpo-beta input").fill("0.2")
    expect(page.locator("#train-teach textarea").last).to_have_value(
        "python -m ptrapp dpo --beta 0.2"
    )
    warned: list[str] = []
    page.on("console", lambda one: warned.append(one.text) if one.type == "warning" else None)
    start.click()
    expect(page).to_have_url(f"{own_app_url}/train?job=1")
    expect(page.locator("#job-head")).to_contain_text("Job 1 · DPO")
    expect(page.locator("#job-head")).to_contain_text("done", timeout=TRAINED_MS)
    expect(page.locator("#train-overview")).to_be_hidden()
    expect(page.locator("#job-head .phases b")).to_have_text(["Load", "Learn", "Publish"])
    expect(page.locator("#job-about")).to_contain_text("Settings: Beta 0.2")
    expect(page.locator("#job-plots svg.marks")).to_have_count(4)
    expect(page.locator("#job-plots h3").first).to_contain_text("Loss 0.")
    expect(page.locator("#job-notes")).to_contain_text("Note: About ")
    expect(page.locator("#job-details h3")).to_have_text(["Notes", "What it found", "Log, its end"])
    assert "dpo-000001 is ready" in page.locator("#job-log textarea").input_value()
    whole = page.get_by_role("link", name="Download the whole log").get_attribute("href")
    assert "dpo-000001 is ready" in page.request.get(f"{own_app_url}/{whole}").text()
    expect(page.locator("#job-cancel")).to_be_hidden()
    expect(page.locator("#job-resume")).to_be_hidden()

    made = page.locator("#job-made")
    expect(made).to_contain_text("Learnt from 1 example", timeout=TRAINED_MS)
    made.get_by_role("link", name="job 2").click()
    expect(page.locator("#job-head")).to_contain_text("Job 2 · Evaluate")
    expect(page.locator("#job-about")).to_contain_text("Controls left out")
    expect(made).to_contain_text("By this job the gate decides on dpo-000001, which job 1 made.")
    assert not [one for one in warned if "Vega" in one]
    made.get_by_role("link", name="dpo-000001").click()
    expect(page.locator("#versions-gate")).to_contain_text("dpo-000001 waits", timeout=TRAINED_MS)

    page.goto(f"{own_app_url}/train?again=1")
    expect(page.locator("#dpo-beta input")).to_have_value("0.2")
    expect(page.locator("#train-teach-parent input")).to_have_value("base")
    expect(teach).to_contain_text("about")  # by the speed of job 1
    expect(teach.get_by_role("link", name="job 1", exact=True)).to_be_visible()


def test_fields_are_on_one_line_and_whole_on_a_phone(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app_url}/train")
    more = page.get_by_role("button", name="More settings of DPO")
    expect(more).to_be_visible()
    edges = [
        page.locator(f"#dpo-{name} input").evaluate("i => i.getBoundingClientRect().bottom")
        for name in ("beta", "epochs")
    ]
    assert edges[0] == edges[1]
    height = more.evaluate("button => button.getBoundingClientRect().height")
    assert height >= 44
    cut = page.locator(".train-card .form > .block").evaluate_all(
        "blocks => blocks.filter((one) => getComputedStyle(one).overflow !== 'visible').length"
    )
    assert cut == 0


@pytest.mark.timeout(600)
def test_a_mistake_in_a_setting_is_said_where_it_was_made_and_nothing_is_queued(
    page: Page, app_url: str
) -> None:
    vote_on_two_candidates(page.request, f"{app_url}/api/v1")
    before = listed(app_url)
    page.goto(f"{app_url}/train")
    page.locator("#dpo-beta input").fill("-1")
    expect(page.locator("#train-teach textarea").last).to_have_value(
        "python -m ptrapp dpo --beta -1"
    )
    page.locator("#train-teach-start").click()
    said = page.locator("#train-teach-problem").get_by_role("alert")
    expect(said).to_contain_text("cannot be used")
    expect(said).to_contain_text("Beta: it has to be more than 0 (given: -1)")
    assert listed(app_url) == before
    page.locator("#dpo-beta input").fill("0.3")
    expect(page.locator("#train-teach textarea").last).to_have_value(
        "python -m ptrapp dpo --beta 0.3"
    )
    expect(page.locator("#train-teach-problem").get_by_role("alert")).to_have_count(0)


@pytest.mark.timeout(600)
def test_a_job_that_failed_says_why_and_is_discarded_in_two_steps(page: Page, app_url: str) -> None:
    vote_on_two_candidates(page.request, f"{app_url}/api/v1")
    asked = {"kind": "dpo", "settings": {"lora_r": 512}}
    job_id = page.request.post(f"{app_url}/api/v1/jobs", data=asked).json()["job_id"]
    page.goto(f"{app_url}/train?job={job_id}")
    expect(page.locator("#job-about")).to_contain_text("lora_r is 512", timeout=TRAINED_MS)

    page.locator("#job-discard").click()
    expect(page.locator("#job-confirm")).to_contain_text("Votes and versions stay.")
    page.locator("#job-keep").click()
    expect(page.locator("#job-confirm")).to_be_hidden()
    assert job_id in [one["id"] for one in listed(app_url)]
    page.locator("#job-discard").click()
    page.locator("#job-really").click()
    expect(page.locator("#job-head")).to_contain_text("discarded")
    assert job_id not in [one["id"] for one in listed(app_url)]


def test_a_link_suggests_a_setting_or_a_method(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/train?label_smoothing=0.08")
    expect(page.locator("#dpo-label_smoothing input")).to_have_value("0.08")
    expect(page.locator("#dpo-label_smoothing")).to_be_visible()
    command = page.locator("#train-teach textarea").last
    expect(command).to_have_value("python -m ptrapp dpo --set label_smoothing=0.08")
    page.goto(f"{app_url}/train?method=ptr_data")
    expect(page.locator("#ptr_data-n_queries")).to_be_visible()
    expect(page.locator("#tpo-k")).to_be_hidden()
    page.goto(f"{app_url}/train?method=evaluate&n=77&versions=base,nobody")
    command = page.locator("#train-measure textarea").last
    expect(command).to_have_value("python -m ptrapp evaluate --versions base --n 77")


@pytest.fixture
def many(app_database: Database) -> None:
    """As many finished and failed jobs as fill three pages of the list."""
    with app_database.write() as session:
        for number in range(60):
            by = {"settings": {}, "started_by": "Mira"}
            row = jobs.enqueue(session, JobKind.MASK_SFT, by, f"many {number}")
            row.status = JobStatus.FAILED if number % 3 == 0 else JobStatus.DONE


def test_jobs_are_listed_page_by_page_and_filtered(page: Page, app_url: str, many: None) -> None:
    page.goto(f"{app_url}/train")
    table = page.locator(CELLS)
    expect(table.get_by_role("link").first).to_be_visible()
    first = table.get_by_role("link").first.inner_text()
    field = page.get_by_label("Page, of")
    field.press("ControlOrMeta+a")
    field.press("Backspace")  # an empty field is the first page, and stays empty
    page.wait_for_timeout(500)
    field.press("2")
    expect(field).to_have_value("2")
    expect(table.get_by_role("link", name=f"Job {int(first) - 25}", exact=True)).to_be_visible()
    page.locator("#train-filters").get_by_label("State").click()
    page.get_by_role("option", name="failed").click()
    expect(table.locator(".chip").first).to_have_text("failed")
    expect(table.locator(".chip", has_text="done")).to_have_count(0)


def test_an_annotator_sees_none_of_it(browser: Browser, app_url: str, many: None) -> None:
    invited = {"role": "annotator", "name": "Ann of Train"}
    asked = httpx.post(f"{app_url}/api/v1/invitations", json=invited)
    joined = browser.new_context().new_page()
    joined.goto(f"{app_url}/join?token={asked.json()['token']}")
    joined.get_by_role("button", name="Join").click()
    joined.wait_for_url(lambda url: "/join" not in url)
    expect(joined.locator(".avatar")).to_be_visible()
    joined.goto(f"{app_url}/train?job=1")
    expect(joined.locator("main")).to_contain_text("Yours is Label.")
    joined.wait_for_timeout(2500)  # a tick of the page
    assert "Mira" not in joined.content()
    expect(joined.locator("#train-job")).to_be_hidden()
    joined.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("at", ["train", "job"])
def test_axe_finds_nothing_serious(
    page: Page, app_url: str, many: None, at: str, theme: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    job_id = next(one["id"] for one in listed(app_url) if one["status"] == "failed")
    query = f"job={job_id}&" if at == "job" else ""
    page.goto(f"{app_url}/train?{query}__theme={theme}")
    shown = page.locator("#job-head" if at == "job" else f"{CELLS} a").first
    expect(shown).to_be_visible()
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not grave, json.dumps(grave, indent=1)[:4000]
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
