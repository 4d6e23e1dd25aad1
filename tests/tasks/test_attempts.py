"""The PTR authors' file format, good rows and bad ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import InputError
from ptrapp.tasks.attempts import Attempt, in_words, read_attempts

ROW = {"question": " Why? ", "output1": "Weak.", "output2": "Strong.", "more": 1}


def file(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "attempts.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_rows_are_read_and_trimmed(tmp_path: Path) -> None:
    rows, mistakes = read_attempts(file(tmp_path, [ROW]))
    assert rows == [Attempt("Why?", "Weak.", "Strong.")]
    assert not mistakes


def test_every_bad_row_is_named_and_the_good_ones_stay(tmp_path: Path) -> None:
    given = [ROW, "text", ROW | {"question": " "}, ROW | {"output2": 3}, {"question": "q"}]
    path = file(tmp_path, given)

    rows, mistakes = read_attempts(path)

    assert len(rows) == 1
    assert [mistake.partition(":")[0] for mistake in mistakes] == [
        "row 2",
        "row 3",
        "row 4",
        "row 5",
    ]
    said = in_words(path, mistakes)
    assert "row 3: 'question' is blank" in said
    assert str(path) in said


def test_a_long_list_of_mistakes_is_cut_short(tmp_path: Path) -> None:
    said = in_words(Path("f"), [f"row {n}: bad" for n in range(25)])
    assert "and 15 more" in said
    assert "row 11" not in said


@pytest.mark.parametrize("content", ["{", '{"question": 1}', '"text"'])
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"attempts\.json"):
        read_attempts(file(tmp_path, content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_attempts(tmp_path / "nowhere.json")
