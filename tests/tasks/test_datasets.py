"""Files of questions in their usual shapes, and the errors for those that cannot be used."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import InputError
from ptrapp.tasks import datasets
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.datasets import Columns, Question, questions, read_questions

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_the_example_holds() -> None:
    result = doctest.testmod(datasets)
    assert (result.attempted, result.failed) == (1, 0)


def test_a_worked_solution_is_verified_by_what_stands_behind_its_mark(tmp_path: Path) -> None:
    row = {"question": "2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\n#### 1,204"}

    (question,) = read_questions(write(tmp_path / "a.jsonl", row))

    assert question == Question("2 + 2?", "1,204", "a.jsonl")
    assert is_correct("So the answer is 1204.", question.reference_answer or "")


@pytest.mark.parametrize("answer", [1, "1", "B", "Rome"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_multiple_choice_is_asked_with_letters(answer: Any, labelled: bool) -> None:
    texts: Any = ["Oslo", "Rome", "Bonn"]
    choices = {"text": texts, "label": ["A", "B", "C"]} if labelled else texts
    row = {"question": "Capital of Italy?", "choices": choices, "answer": answer}

    (question,) = questions([row], source="x")

    assert question.prompt.splitlines()[1:4] == ["A) Oslo", "B) Rome", "C) Bonn"]
    assert question.reference_answer == "B"
    assert is_correct("I think the answer is B.", "B")


def test_numbered_labels_are_asked_as_letters_too() -> None:
    """ARC has a few questions whose labels are 1 to 4: there "2" is the label, not the third."""
    row = {
        "question": "q",
        "choices": {"text": list("wxyz"), "label": ["1", "2", "3", "4"]},
        "answer": "2",
    }

    (question,) = questions([row], source="x")

    assert question.reference_answer == "B"


def test_a_list_and_a_table_are_read_too_and_columns_can_be_named(tmp_path: Path) -> None:
    columns = Columns(question="q", answer="a")
    (tmp_path / "a.json").write_text('[{"q": "x?", "a": 3}, {"q": "y?"}]', encoding="utf-8")
    (tmp_path / "a.csv").write_text('q,a\n"x, then?",3\n', encoding="utf-8")

    assert [q.reference_answer for q in read_questions(tmp_path / "a.json", columns)] == ["3", None]
    assert read_questions(tmp_path / "a.csv", columns)[0].prompt == "x, then?"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "a"}\nnot json', "Line 2 of .* is no JSON"),
        ('[{"question": "a"},', "is no JSON"),
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
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe\x00bad")

    with pytest.raises(InputError, match="cannot be read as UTF-8"):
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
