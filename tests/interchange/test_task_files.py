"""Files of questions: every kind of file that imports know, whole, and each mistake by its row."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import InputError
from ptrapp.interchange.task_files import read_ifeval, read_questions
from ptrapp.tasks.datasets import Columns

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_list_and_a_table_are_read_too_and_columns_can_be_named(tmp_path: Path) -> None:
    columns = Columns(question="q", answer="a")
    (tmp_path / "a.json").write_text('[{"q": "x?", "a": 3}, {"q": "y?"}]', encoding="utf-8")
    (tmp_path / "a.csv").write_text('q,a\n"x, then?",3\n', encoding="utf-8")

    assert [q.reference_answer for q in read_questions(tmp_path / "a.json", columns)] == ["3", None]
    assert read_questions(tmp_path / "a.csv", columns)[0].prompt == "x, then?"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "a"}\nnot json', "a.jsonl, line 2: no JSON"),
        ('[{"question": "a"},', "a.jsonl.*JSON"),
        ('{"question": "a"}\n{"prompt": "b"}', r"Row 2 of .* no question in 'question' \(it has"),
        ('{"question": null}', "Row 1"),
        ("[3]", "Row 1 .* int"),
        ('{"question": "a", "choices": ["x"], "answer": 4}', "'4' in row 1 .* none of its choices"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_location(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        read_questions(path)


def test_a_cell_keeps_its_lines_and_a_text_its_odd_separators(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('question,answer\n"one\n\ntwo",3\n', encoding="utf-8")
    text = "one\u2028two\x85three\x0bfour"
    line = json.dumps({"question": text}, ensure_ascii=False)
    (tmp_path / "a.jsonl").write_text(f"{line}\n", encoding="utf-8")

    assert read_questions(tmp_path / "a.csv")[0].prompt == "one\n\ntwo"
    assert [one.prompt for one in read_questions(tmp_path / "a.jsonl")] == [text]


def test_a_packed_file_and_a_table_with_tabs_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("question\tanswer\nx, then?\t3\n", encoding="utf-8")
    packed = gzip.compress(json.dumps({"question": "x?", "answer": "3"}).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed)

    assert read_questions(tmp_path / "a.tsv")[0].prompt == "x, then?"
    assert read_questions(tmp_path / "a.jsonl.gz")[0].reference_answer == "3"


def test_a_blank_question_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.jsonl", {"question": " "}, {"question": "x?"})

    assert [question.prompt for question in read_questions(path)] == ["x?"]
    assert "1 rows with a blank question" in caplog.text


def test_constraints_in_a_file_are_read_and_unreadable_ones_are_refused(tmp_path: Path) -> None:
    good = 'constraints:{"keep":[{"kind":"bullets","n":3}]}'
    path = write(tmp_path / "a.jsonl", {"question": "Name three.", "answer": good})
    assert [question.reference_answer for question in read_questions(path)] == [good]

    bad = {"question": "Rhyme.", "answer": 'constraints:{"keep":[{"kind":"rhymes"}]}'}
    with pytest.raises(InputError, match=r"Row 1 of b.jsonl: .*names no constraints"):
        read_questions(write(tmp_path / "b.jsonl", bad))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"question": "\xff"}')

    with pytest.raises(InputError, match="no UTF-8 text"):
        read_questions(tmp_path / "a.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / "nowhere.jsonl")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not part of the project")
@pytest.mark.parametrize(
    ("name", "n"), [("gsm8k_test_200.jsonl", 200), ("wizardlm_1000.jsonl", 997)]
)
def test_real_files_load_whole(name: str, n: int) -> None:
    found = read_questions(REAL / name)

    assert len(found) == n
    if name.startswith("gsm8k"):
        assert all(question.reference_answer for question in found)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "b.jsonl, line 1: no JSON"), ("[3]", "Row 1 of b.jsonl is no row of IFEval")],
)
def test_a_file_of_ifeval_says_which_row_is_none(
    tmp_path: Path, content: str, message: str
) -> None:
    pytest.importorskip("if_verifiable")
    path = tmp_path / "b.jsonl"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        read_ifeval(path)
