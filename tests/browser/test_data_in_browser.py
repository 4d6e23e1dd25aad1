"""The Data page in a real browser: drop a file, see it, import it, undo that, fetch an export."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

PAIR = {"prompt": "Why by hand?", "chosen": "<think>hm</think>Because.", "rejected": "No idea."}
TABS = ("Import", "Browse", "Export")


def file_of(folder: Path, *rows: object, name: str = "pairs.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / name


def choose(page: Page, file: Path) -> None:
    page.locator("#import-file input[type=file]").set_input_files(file)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_a_file_is_seen_imported_undone_and_imported_again(
    page: Page, own_app_url: str, tmp_path: Path
) -> None:
    page.goto(f"{own_app_url}/data")
    page.locator("#import-look").click()
    said = page.locator("#import-said")
    expect(said).to_contain_text("Choose a file first")

    choose(page, file_of(tmp_path, PAIR | {"note": "<b>n</b>"}, {"prompt": "<b>bold</b>"}))
    expect(said).to_contain_text(
        "1 row cannot be read. Nothing can be imported; correct the file, or tick “Leave out rows "
        "that cannot be read” under “How it is read”."
    )
    expect(said).to_contain_text("line 2: no 'chosen' (it has prompt)")
    expect(page.locator("#import-store")).to_be_hidden()
    page.get_by_role("button", name="How it is read").click()
    page.get_by_label("Leave out rows that cannot be read").check()
    expect(said).to_contain_text("2 rows, 1 record. Votes: 1 × left.")
    expect(said).to_contain_text("Not read: note.")
    expect(page.locator("#import-sample")).to_contain_text("[thought: hm] Because.")

    page.locator("#import-name input, #import-name textarea").fill("by hand")
    page.locator("#import-store").click()
    expect(said).to_contain_text("1 new and 0 already stored records from “by hand”")
    expect(page.locator("#import-campaign")).to_be_visible()
    expect(page.locator("#imports")).to_contain_text("by hand")
    open_tab(page, "Browse")
    expect(page.locator("#browse-table")).to_contain_text("Why by hand?")

    open_tab(page, "Import")
    page.locator("#undo-ask").click()
    told = page.locator("#undo-said")
    expect(told).to_contain_text("1 prompt, 1 pair and 1 vote of this import would be hidden")
    page.locator("#undo-confirm").click()
    expect(told).to_contain_text("are hidden from offers, training, exports and counts")
    expect(page.locator("#imports")).to_contain_text("undone")
    open_tab(page, "Export")
    page.locator("#export-look").click()
    expect(page.locator("#export-said")).to_contain_text("At most 0 rows")

    open_tab(page, "Import")
    page.locator("#import-look").click()
    page.locator("#import-store").click()
    expect(said).to_contain_text("1 new and 0 already stored records from “by hand”")
    open_tab(page, "Export")
    page.locator("#export-look").click()
    expect(page.locator("#export-said")).to_contain_text("At most 1 row")
    expect(page.locator("#export-sample")).to_contain_text("Why by hand?")
    with page.expect_download() as fetched:
        page.locator("#export-fetch a").click()
    assert fetched.value.suggested_filename.startswith("thrice-preferences-")
    content = Path(fetched.value.path()).read_bytes()
    assert "Why by hand?" in content.decode()
    expect(page.locator("#snapshots")).to_contain_text(sha256(content).hexdigest()[:12])
    expect(page.locator("#stored")).to_contain_text("import:by hand")


def test_a_prompt_is_found_tagged_corrected_deleted_and_restored(
    page: Page, own_app_url: str, tmp_path: Path
) -> None:
    page.goto(f"{own_app_url}/data")
    asked = [{"prompt": f"Tagged {n}?"} for n in range(3)]
    choose(page, file_of(tmp_path, *asked, name="asked.jsonl"))
    page.locator("#import-store").click()
    expect(page.locator("#import-said")).to_contain_text("3 new")
    open_tab(page, "Browse")
    table = page.locator("#browse-table")
    page.locator("#browse-text input, #browse-text textarea").fill("tagged 1")
    page.keyboard.press("Enter")
    expect(page.locator("#browse-counted")).to_contain_text("1 prompt, page 1 of 1")
    table.get_by_role("gridcell", name="Tagged 1?").click()
    expect(page.locator("#browse-whole")).to_contain_text("import:asked.jsonl")
    page.locator("#browse-answer input, #browse-answer textarea").fill("42")
    page.locator("#browse-tags input, #browse-tags textarea").fill("odd, small")
    page.locator("#browse-keep").click()
    expect(page.locator("#browse-said")).to_contain_text("is kept")
    expect(page.locator("#browse-whole")).to_contain_text("answer: nothing → 42")
    page.locator("#browse-delete").click()
    expect(page.locator("#browse-said")).to_contain_text("Votes on it stay in the log")
    expect(page.locator("#browse-counted")).to_contain_text("0 prompts")
    page.locator("#browse-restore").click()
    expect(page.locator("#browse-said")).to_contain_text("is there again")
    expect(page.locator("#browse-counted")).to_contain_text("1 prompt,")


def test_two_columns_that_could_be_the_answer_are_settled_by_a_choice(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    row = {"prompt": "P?", "response_0": "x", "response_1": "y", "better": 1, "safer": 0}
    page.goto(f"{app_url}/data")
    choose(page, file_of(tmp_path, row))
    said = page.locator("#import-said")
    expect(said).to_contain_text("both better and safer name the two texts")
    page.get_by_role("button", name="How it is read").click()
    page.locator("#import-answer input").click()
    page.get_by_role("option", name="better").click()
    expect(said).to_contain_text("Votes: 1 × right.")
    expect(said).to_contain_text("Not read: safer.")


def test_a_page_names_no_file_of_the_server(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/data")
    page.get_by_label("Or a data set of the hub").fill("/etc/passwd")
    page.locator("#import-look").click()
    expect(page.locator("#import-said")).to_contain_text("would be read on the server")


@pytest.mark.parametrize("width", [1280, 390])
def test_long_texts_of_a_preview_are_in_view_and_opened_by_a_press(
    browser: Browser, app_url: str, tmp_path: Path, width: int
) -> None:
    texts = {name: f"{name} begins. {'It goes on. ' * 90}{name} ends." for name in PAIR}
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{app_url}/data")
    choose(page, file_of(tmp_path, texts))
    for name, title in (("prompt", "Prompt"), ("chosen", "Left"), ("rejected", "Right")):
        cell = page.locator(".sample dl > div", has=page.get_by_text(title, exact=True))
        expect(cell).to_contain_text(f"{name} begins.")
        box = cell.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert f"{name} ends." not in cell.inner_text()
        cell.get_by_text("Show all").click()
        expect(cell.get_by_text(f"{name} ends.")).to_be_visible()
        cell.get_by_text("Show less").click()
        expect(cell.get_by_text("Show all")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_a_finger_finds_what_it_presses_and_the_state_of_an_import(
    browser: Browser, own_app_url: str, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{own_app_url}/data")
    choose(page, file_of(tmp_path, PAIR | {"prompt": "By a finger?"}))
    page.locator("#import-store").click()
    expect(page.locator("#import-said")).to_contain_text("1 new")
    state = page.locator("#imports").get_by_role("gridcell", name="shown").first
    box = state.bounding_box()
    assert box
    assert box["x"] + box["width"] <= 390
    pressed = (
        page.get_by_role("tab", name="Browse"),
        page.get_by_role("button", name="How it is read"),
        page.locator("#import-file .icon-button").first,
    )
    for one in pressed:
        box = one.bounding_box()
        assert box
        assert box["height"] >= 44
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(
    browser: Browser, own_app_url: str, tmp_path: Path, theme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(f"{own_app_url}/data?__theme={theme}")
    choose(page, file_of(tmp_path, PAIR | {"prompt": f"{theme} {width}?"}))
    expect(page.locator(".understood")).to_be_visible()
    for tab in TABS:
        open_tab(page, tab)
        if tab == "Browse":
            expect(page.locator("#browse-counted")).to_contain_text("prompt")
        if tab == "Export":
            page.locator("#export-look").click()
            expect(page.locator("#export-said")).to_contain_text("At most")
        found = Axe().run(page).response["violations"]
        serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
        assert not serious, (tab, serious)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_a_campaign_made_after_an_import_begins_with_that_import(
    page: Page, own_app_url: str, tmp_path: Path
) -> None:
    for number, name in enumerate(("a first one", "the second & last")):
        page.goto(f"{own_app_url}/data")
        choose(page, file_of(tmp_path, {**PAIR, "prompt": f"{number} of two?"}))
        page.locator("#import-name input, #import-name textarea").fill(name)
        page.locator("#import-store").click()
        expect(page.locator("#import-said")).to_contain_text(
            f"1 new and 0 already stored records from “{name}”"
        )
    page.locator("#import-campaign").click()
    dialog = page.locator("#campaign-new")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Template")).to_have_value("Imported pairs")
    expect(dialog.get_by_label("Import", exact=True)).to_have_value("the second & last")
    expect(page.locator("#campaign-outlook")).to_contain_text("would have 1 comparison")
    page.goto(f"{own_app_url}/campaigns")
    expect(page.locator("#campaigns-title")).to_be_visible()
    expect(dialog).to_be_hidden()
