"""People in a real browser: the set-up link, an invitation, a role that changes, a sign-out."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.browser


def pick(page: Page, label: str, wanted: str) -> None:
    """Chooses in one of Gradio's dropdowns."""
    page.get_by_label(label, exact=True).first.click()
    page.get_by_role("option", name=re.compile(wanted)).first.click()


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_from_the_set_up_link_to_a_browser_that_is_signed_out(
    browser: Browser, closed_app: str
) -> None:
    root = closed_app.partition("/join")[0]
    ada, bea = browser.new_context().new_page(), browser.new_context().new_page()
    refused: list[str] = []
    for page in (ada, bea):
        page.on(
            "console",
            lambda said: refused.append(said.text) if "Content Security" in said.text else None,
        )

    ada.goto(closed_app)
    assert serious(ada) == []
    ada.get_by_role("textbox", name="Name").fill("Ada")
    ada.get_by_role("textbox", name="Password").fill(PASSWORD)
    ada.get_by_role("button", name="Join").click()
    nav = ada.get_by_role("navigation", name="Pages")
    expect(nav.get_by_role("link", name="People")).to_be_visible()
    expect(ada.locator(".avatar")).to_have_attribute("title", "Ada, admin")

    ada.goto(f"{root}/people")
    expect(ada.locator("#people-members")).to_contain_text("Ada")
    ada.get_by_label("Name (empty: they choose)").fill("Bea")
    ada.get_by_role("button", name="Create link").click()
    link = ada.locator("#people-link").get_by_role("textbox")
    expect(link).to_have_value(re.compile(r"/join\?token="))
    assert link.input_value().startswith(root)

    bea.goto(link.input_value())
    expect(bea.locator("main")).to_contain_text("Ada invites you as Bea")
    bea.get_by_role("button", name="Join").click()
    expect(bea.locator(".avatar")).to_have_attribute("title", "Bea, annotator")
    assert bea.request.get(f"{root}/api/v1/versions").status == 403

    ada.reload()
    expect(ada.locator("#people-members")).to_contain_text("Bea")
    pick(ada, "Member", "Bea")
    ada.get_by_label("Role", exact=True).first.click()
    ada.get_by_role("option", name=re.compile("viewer")).first.click()
    ada.get_by_role("button", name="Change role").click()
    expect(ada.locator("#people-members")).to_contain_text("viewer")
    assert bea.request.get(f"{root}/api/v1/versions").status == 200
    bea.goto(f"{root}/")
    expect(bea.locator(".avatar")).to_have_attribute("title", "Bea, viewer")

    pick(ada, "Browser", "Bea")
    ada.get_by_role("button", name="Sign out", exact=True).click()
    question = ada.locator(".people-question").filter(has_text="Sign out #")
    expect(question).to_contain_text("Bea: ")
    expect(ada.locator("#people-browsers")).to_contain_text("Bea")
    question.get_by_role("button", name="Sign it out").click()
    expect(question).to_be_hidden()
    expect(ada.locator("#people-browsers")).not_to_contain_text("Bea")
    bea.goto(f"{root}/account")
    expect(bea.locator("main")).to_contain_text("without an account")
    assert refused == []
    for page in (ada, bea):
        page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_at_the_door_and_on_people(
    browser: Browser, closed_app: str, width: int
) -> None:
    root = closed_app.partition("/join")[0]
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    for path in ("/sign-in", "/account"):
        page.goto(f"{root}{path}")
        assert serious(page) == [], path
    page.goto(f"{root}/sign-in")
    page.get_by_role("textbox", name="Name").fill("Ada")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{root}/")  # an admin's home
    page.goto(f"{root}/people")
    expect(page.locator("#people-members")).to_contain_text("Ada")
    assert serious(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, "nothing is beside the page"
    page.goto(f"{root}/account")
    assert serious(page) == []
    page.context.close()
