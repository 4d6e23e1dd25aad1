"""The Train page in a real browser: settings are sent, a failed job says why and is put away."""

import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import APIRequestContext, Page, Route, expect

from training.jobs.payload import read
from training.ptr.config import PtrDataConfig
from training.recipes.evaluate import EvaluateConfig
from training.tpo.config import Malformed, TpoConfig

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


def test_words_choices_and_lists_are_sent_as_the_recipes_read_them(
    page: Page, app_url: str
) -> None:
    sent: list[dict[str, object]] = []

    def keep(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(status=201, json={"job_id": 1})

    page.goto(f"{app_url}/train")
    page.locator(".settings summary").click()
    tpo = page.get_by_role("group", name="TPO iteration")
    tpo.get_by_label("Malformed thoughts").select_option("enforce")
    tpo.get_by_label("Think first").select_option("false")
    tpo.get_by_label("Thought length").fill("64")
    tpo.get_by_label("System message").fill(" Be brief. ")
    data = page.get_by_role("group", name="Refinement data")
    data.get_by_label("Instruction between rounds").fill("Once more.")
    data.get_by_label("Final answer from").fill("auto")  # the default: not a change
    data.get_by_label("Progressive").check()
    evaluation = page.get_by_role("group", name="Evaluation")
    evaluation.get_by_label("Tasks").fill("generated, held_out ,")
    evaluation.get_by_label("Controls").select_option("false")
    page.route("**/api/v1/jobs", keep)
    for kind in ("tpo", "ptr_data", "evaluate"):
        with page.expect_request("**/api/v1/jobs"):
            page.locator(f"[data-part={kind}]").click()
        expect(page.get_by_text("The job is queued.")).to_be_visible()

    asked: dict[str, tuple[Any, dict[str, object]]] = {
        "tpo": (TpoConfig, {"malformed": "enforce", "thinking": "false",
                            "max_thought_tokens": 64, "system": "Be brief."}),
        "ptr_data": (PtrDataConfig, {"refine_instruction": "Once more.", "progressive": True}),
        "evaluate": (EvaluateConfig, {"tasks": ["generated", "held_out"], "controls": "false"}),
    }  # fmt: skip
    assert sent == [{"kind": kind, "settings": given} for kind, (_, given) in asked.items()]
    tpo_read, _, evaluation_read = (read(*one, "settings") for one in asked.values())
    assert (tpo_read.thinking, tpo_read.malformed) == (False, Malformed.ENFORCE)
    assert evaluation_read.controls is False


def jobs(app_url: str) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = httpx.get(f"{app_url}/api/v1/jobs").json()
    return listed
