"""The Train page in a real browser: settings are sent, a failed job says why and is put away."""

import time

import httpx
import pytest
from playwright.sync_api import APIRequestContext, Page, expect

pytestmark = pytest.mark.browser


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


@pytest.mark.timeout(180)
def test_a_mistake_in_a_setting_is_said_on_the_job_which_is_discarded_in_two_steps(
    page: Page, app_url: str
) -> None:
    vote_on_two_candidates(page.request, f"{app_url}/api/v1")
    page.goto(f"{app_url}/train")
    settings = page.locator(".settings")
    expect(settings.get_by_label("Beta")).to_be_hidden()
    settings.locator("summary").click()
    settings.get_by_label("Beta").fill("much")
    settings.get_by_label("Epochs").first.fill("3")  # the default: not a change
    expect(settings.locator("summary")).to_have_text("Settings · changed: DPO beta")
    page.locator("[data-part=dpo]").click()

    row = page.locator("tr", has_text="beta: much")
    expect(row).to_contain_text("(given: 'much')", timeout=120_000)
    expect(settings.get_by_label("Beta")).to_have_value("much")  # ticks do not empty the form
    (job,) = [job for job in jobs(app_url) if job["settings"] == {"beta": "much"}]
    assert job["status"] == "failed"

    row.get_by_role("button", name="Discard").dblclick()
    really = row.get_by_role("button", name="Really discard?")
    expect(row).to_contain_text("Votes and versions stay.")
    page.wait_for_timeout(600)
    assert job["id"] in [job["id"] for job in jobs(app_url)]
    row.get_by_role("button", name="Keep it").click()
    row.get_by_role("button", name="Discard").click()
    expect(really).to_be_focused()
    page.wait_for_timeout(600)
    really.click()
    expect(page.get_by_text(f"Job {job['id']} is discarded.")).to_be_visible()
    expect(row).to_have_count(0)


def test_a_link_suggests_a_setting(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/train?label_smoothing=0.08")
    settings = page.locator(".settings")
    expect(settings.get_by_label("Label smoothing")).to_have_value("0.08")
    expect(settings.locator("summary")).to_contain_text("changed: DPO label smoothing")


def jobs(app_url: str) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = httpx.get(f"{app_url}/api/v1/jobs").json()
    return listed
