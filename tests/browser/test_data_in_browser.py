"""The Data page in a real browser: a file goes in, what was voted comes out, mistakes in words."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PAIR = {"prompt": "Why by hand?", "chosen": "<think>hm</think>Because.", "rejected": "No idea."}


def file_of(folder: Path, *rows: object) -> Path:
    (folder / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    return folder / "pairs.jsonl"


def test_a_file_is_imported_exported_and_its_snapshot_listed(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    page.goto(f"{app_url}/data")
    data = page.locator(".data")
    expect(data).to_contain_text("up to 32 MiB and 200,000 rows")

    data.locator("[data-part=look]").click()
    expect(data).to_contain_text("Choose a file first.")

    data.locator("input[type=file]").set_input_files(
        file_of(tmp_path, PAIR | {"note": "n"}, {"prompt": "<b>bold</b>"})
    )
    data.locator("[data-part=look]").click()
    shown = data.locator(".understood")
    expect(shown).to_contain_text("line 2: no 'chosen' (it has prompt). Nothing can be imported")
    expect(shown.locator("[data-part=import]")).to_have_count(0)

    data.locator("[name=skip_bad]").check()
    expect(shown).to_be_hidden()
    data.locator("input[type=text][name=name]").fill("by hand")
    data.locator("[data-part=look]").click()
    expect(shown).to_contain_text("2 rows, 1 records. Votes: 1 × left.")
    expect(shown).to_contain_text("Not read: note.")
    expect(shown.locator("tbody tr")).to_contain_text("[thought: hm] Because.")
    expect(data.locator("tr", has_text="import:by hand")).to_have_count(0)
    data.locator("[data-part=cancel]").click()
    expect(data).to_contain_text("Nothing was imported.")

    data.locator("[data-part=look]").click()
    data.locator("[data-part=import]").click()
    expect(data).to_contain_text("1 new and 0 already stored records from “by hand”")
    expect(data).to_contain_text("Columns that were not read: note.")
    row = data.locator("tr", has_text="import:by hand")
    expect(row).to_contain_text("1")

    with page.expect_download() as fetched:
        data.locator("[data-part=jsonl]").click()
    assert fetched.value.suggested_filename.startswith("thrice-preferences-")
    content = Path(fetched.value.path()).read_bytes()
    assert "Why by hand?" in content.decode()
    hashed = sha256(content).hexdigest()
    expect(data).to_contain_text(f"SHA-256 {hashed}")
    expect(data.locator("tr", has_text=hashed[:16])).to_contain_text("preferences")

    data.locator("[name=what]").select_option("refinements")
    data.locator("[data-part=csv]").click()
    expect(data).to_contain_text("A CSV file holds no messages")


def test_a_file_that_is_dropped_is_the_one_that_is_sent(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/data")
    drop = page.locator(".data .drop")
    expect(drop).to_be_visible()
    text = json.dumps(PAIR | {"prompt": "Dropped?"})
    drop.evaluate(
        """(box, text) => {
          const files = new DataTransfer();
          files.items.add(new File([text], "dropped.jsonl"));
          box.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true }));
        }""",
        text,
    )
    page.locator(".data [data-part=look]").click()
    page.locator(".data [data-part=import]").click()
    expect(page.locator(".data")).to_contain_text(
        "1 new and 0 already stored records from “dropped.jsonl”"
    )


def test_two_columns_that_could_be_the_answer_are_settled_by_a_click(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    row = {"prompt": "P?", "response_0": "x", "response_1": "y", "better": 1, "safer": 0}
    page.goto(f"{app_url}/data")
    data = page.locator(".data")
    data.locator("input[type=file]").set_input_files(file_of(tmp_path, row))
    data.locator("[data-part=look]").click()
    expect(data).to_contain_text("both better and safer name the two texts")
    data.locator("[data-part=answer-better]").click()
    expect(data.locator(".understood")).to_contain_text("Votes: 1 × right.")
    expect(data.locator(".understood")).to_contain_text("Not read: safer.")
