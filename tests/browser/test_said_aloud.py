"""What a person hears who does not see the page, and where the focus is who has no mouse."""

from playwright.sync_api import Page, expect
from test_play_in_browser import ask


def test_a_question_a_pair_and_a_vote_are_said_and_keep_the_focus(page: Page, app_url: str) -> None:
    said = page.locator("#spoken")
    ask(page, app_url)
    expect(said).to_contain_text("Done: ")
    page.locator(".pick").nth(0).focus()
    page.keyboard.press("Enter")
    expect(said).to_have_text("Choose a second one.")
    page.locator(".pick").nth(1).focus()
    page.keyboard.press("Enter")
    expect(said).to_have_text("Which response is better, A or B?")
    expect(page.locator(".votes")).to_be_focused()
    page.keyboard.press("Escape")
    expect(said).to_have_text("The pair is put aside.")
    expect(page.locator(".pick").nth(1)).to_be_focused()

    page.keyboard.press("Enter")
    page.locator(".pick").nth(0).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".votes")).to_be_focused()
    page.wait_for_timeout(500)
    page.keyboard.press("ArrowDown")
    expect(said).to_contain_text("our vote")  # its words, or that nothing is learnt from it
    expect(page.locator(".bar-title")).to_be_focused()


def test_asking_by_the_keyboard_leads_to_the_answers_heading(page: Page, app_url: str) -> None:
    page.goto(app_url)
    field = page.locator("#prompt textarea")
    field.fill("Adam has 4 pens and buys 5 more. How many pens does he have?")
    field.press("Enter")
    expect(page.locator(".board-prompt")).to_be_focused()
    expect(page.locator("#spoken")).to_contain_text("Done: ")


def test_a_dropdowns_list_closes_when_tab_leaves_it(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/history")
    fields = page.locator("#history-controls input[role=combobox]")
    fields.first.click()
    expect(fields.first).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(fields.nth(1)).to_be_focused()
    expect(fields.first).to_have_attribute("aria-expanded", "false")


def test_the_dialog_of_a_new_campaign_keeps_the_focus_and_closes_by_escape(
    page: Page, app_url: str
) -> None:
    page.goto(f"{app_url}/campaigns")
    page.locator("#campaign-open").click()
    box = page.locator("#campaign-new")
    name = box.locator("#new-name :is(input, textarea)")
    expect(name).to_be_focused()
    for _ in range(60):
        page.keyboard.press("Tab")
        assert box.evaluate("box => box.contains(document.activeElement)")
    name.focus()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()


def test_a_named_run_has_the_focus_again(page: Page, app_url: str) -> None:
    ask(page, app_url)
    page.goto(f"{app_url}/history")
    button = page.locator("#history-list button[data-act=name]").first
    button.click()
    expect(page.locator("#history-title :is(input, textarea)")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_the_version_menu_goes_from_top_to_bottom_and_closes_behind(
    page: Page, app_url: str
) -> None:
    page.goto(f"{app_url}/history")
    page.locator("[data-part=serving]").click()
    menu = page.locator("#serving-menu")
    expect(menu.get_by_role("button", name="Serve demo")).to_be_visible()
    page.keyboard.press("Tab")
    expect(menu.get_by_role("button").first).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
    expect(menu).to_be_hidden()


def test_a_link_that_was_made_has_the_focus_and_cannot_be_changed(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/people")
    page.get_by_role("button", name="Create link").click()
    field = page.locator("#people-link").get_by_role("textbox")
    expect(field).to_be_focused()
    before = field.input_value()
    page.keyboard.type("x")
    assert field.input_value() == before
    assert "/join" in before


def test_what_a_file_was_read_as_is_said(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/data")
    expect(page.locator("#spoken")).to_be_attached()
    rows = b'{"prompt": "a?", "chosen": "b", "rejected": "c"}\n'
    file = {"name": "said.jsonl", "mimeType": "application/json", "buffer": rows}
    page.locator("#import-file input[type=file]").set_input_files([file])  # type: ignore[list-item]
    expect(page.locator("#spoken")).to_contain_text("said")
