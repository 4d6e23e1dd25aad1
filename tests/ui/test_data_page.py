"""The steps of an import that the Data page shows: progress, an end, a cancel, a mistake."""

import json
from pathlib import Path
from typing import Any

import pytest
from stored_votes import context

from db.storage.session import Database
from ptrapp.services.files import import_preview, importing, imports, pieces
from ptrapp.services.files.import_form import ImportOrder
from ptrapp.ui import data_import, data_view
from ptrapp.ui.data_import import ImportSight, import_steps


@pytest.fixture
def at(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(importing, "BATCH", 10)
    monkeypatch.setattr(pieces, "LEAST", 2)
    monkeypatch.setattr(pieces, "MOST", 2)
    monkeypatch.setattr(data_import, "POLL_S", 0.01)
    return context(database, tmp_path / "data")


@pytest.fixture
def order(tmp_path: Path) -> ImportOrder:
    file = tmp_path / "asked.jsonl"
    rows = ({"prompt": f"Question {n}?"} for n in range(40))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ImportOrder(file=str(file))


def test_progress_is_shown_until_the_end(at: Any, order: ImportOrder) -> None:
    *before, last = import_steps(at, order, "ada")
    assert any("of 40 records are stored" in step[0] for step in before)
    assert "40 new" in last[0]
    shown = ImportSight(*last[:-1])
    assert shown.done_id == imports.listing(at)[0][0].id
    assert imports.listing(at)[0][0].by == "ada"


def test_a_cancelled_one_says_so_and_shows_nothing(at: Any, order: ImportOrder) -> None:
    said = ""
    for step in import_steps(at, order, "ada"):
        said, import_id = step[0], step[-1]
        if import_id and imports.view(at, import_id).state == "running":
            imports.cancel(at, import_id)
    assert "The import was cancelled; nothing of it is shown." in said
    assert imports.listing(at)[0][0].state == "cancelled"


def test_a_mistake_is_said_where_it_arose(at: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"foo": 1}\n', encoding="utf-8")
    *_, last = import_steps(at, ImportOrder(file=str(tmp_path / "bad.jsonl")), "ada")
    assert "is in no format that is known" in last[0]
    assert "role='alert'" in last[0]
    (nothing,) = import_steps(at, ImportOrder(), "ada")
    assert "Choose a file first" in nothing[0]


def test_a_file_that_is_gone_is_asked_for_again(at: Any, order: ImportOrder) -> None:
    assert data_import._look(at, order).store.visible
    Path(order.file).unlink()
    *_, last = import_steps(at, order, "ada")
    for said in (last[0], data_import._look(at, order).said):
        assert "asked.jsonl is gone" in said
        assert "choose it again" in said


def test_a_sample_shows_what_is_stored_and_folds_what_is_long(tmp_path: Path) -> None:
    rows = [
        {"prompt": "<b>Why?</b>", "chosen": "word " * 200 + "the end", "rejected": "No."},
        {"prompt": "\n".join(f"line {n}" for n in range(20)), "chosen": "x", "rejected": "y"},
    ]
    file = tmp_path / "long.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    drawn = data_view.samples(import_preview.preview_named(str(file)))
    assert "<dd dir='auto'>&lt;b&gt;Why?&lt;/b&gt;</dd>" in drawn
    assert drawn.count("<details>") == 2
    assert "the end" in drawn.partition("</summary>")[2]
    assert "line 19" not in drawn[: drawn.rindex("</summary>")]
    assert "<dd dir='auto'>the left one</dd>" in drawn


def test_a_terminal_shows_the_beginning_of_a_long_text(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    file.write_text(json.dumps({"prompt": "word " * 900}), encoding="utf-8")
    seen = import_preview.preview_named(str(file))
    assert len(seen.samples[0]["prompt"]) == len("word " * 900) - 1
    assert len(seen.as_json()["samples"][0]["prompt"]) == 601
