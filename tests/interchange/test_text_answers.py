"""A cell that may name the place of a text or be its words: the whole column decides, or nothing."""

import json
from pathlib import Path

import pytest

from ptrapp.core.errors import AnswerUnclear, InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

Cells = tuple[str, str, str]


def read(
    folder: Path, *cells: Cells, name: str = "preference", column: str = ""
) -> tuple[list[str], str]:
    """Returns the outcomes of rows of two texts and an answer, and what is said of the reading."""
    rows = [
        {"prompt": f"Question {n}?", "answer1": left, "answer2": right, name: said}
        for n, (left, right, said) in enumerate(cells)
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    assert checked.mistakes.named == []
    pairs = [one for one in checked.buffered or () if isinstance(one, JudgedPair)]
    return [label.outcome for one in pairs for label in one.labels], "; ".join(known.plan.said)


@pytest.mark.parametrize(
    "cells",
    [
        [("2", "3", "2")],
        [("1", "2", "1"), ("2", "1", "2")],
        [("B", "C", "B"), ("D", "A", "A")],
        [("2", "3", "2"), ("5", "7", "tie")],
        [("tie", "draw", "tie")],
    ],
)
@pytest.mark.parametrize("column", ["", "preference"])
def test_a_column_that_can_be_read_both_ways_is_refused(
    tmp_path: Path, cells: list[Cells], column: str
) -> None:
    with pytest.raises(InputError, match=r"a text or be its very words, .* write answer1 and"):
        read(tmp_path, *cells, column=column)


def test_a_cell_that_is_no_place_shows_that_the_column_repeats_the_better_text(
    tmp_path: Path,
) -> None:
    cells = [("2", "3", "2"), ("1", "7", "7"), ("4", "5", "tie")]
    assert read(tmp_path, *cells) == (
        ["left", "right", "tie"],
        "the preference is read from preference, which repeats the better text",
    )
    assert read(tmp_path, *cells, column="preference")[0] == ["left", "right", "tie"]


def test_a_cell_that_is_no_text_shows_that_the_column_names_the_place(tmp_path: Path) -> None:
    outcomes, said = read(tmp_path, ("2", "3", "2"), ("1", "7", "2"))
    assert outcomes == ["right", "right"]
    assert (
        "names the place of a text, also where a cell is the words of the other one (in 1 row)"
        in said
    )


@pytest.mark.parametrize("length", [10, 300])
def test_long_texts_may_be_repeated_under_a_name_of_the_worse_one_too(
    tmp_path: Path, length: int
) -> None:
    mine, its = "x" * length, "y" * length
    assert read(tmp_path, (mine, its, its))[0] == ["right"]
    assert read(tmp_path, (mine, its, its), name="loser") == (
        ["left"],
        "the preference is read from loser, which repeats the worse text",
    )


def test_names_of_models_that_are_texts_too_are_refused(tmp_path: Path) -> None:
    row = {"prompt": "Who?", "answer_a": "gpt", "answer_b": "llama", "winner": "gpt"}
    path = tmp_path / "models.jsonl"
    path.write_text(json.dumps(row | {"model_a": "llama", "model_b": "gpt"}) + "\n")
    with pytest.raises(InputError, match="are names of models, and the very words of texts"):
        with RowFile(path, TERMINAL) as file:
            reading.understand(file)


def test_a_missing_answer_says_nothing_of_a_column(tmp_path: Path) -> None:
    cells = [("Paris", "Rome", "Rome"), ("x", "y", ""), ("x", "y", "nan"), ("s", "t", "s")]
    assert read(tmp_path, *cells)[0] == ["right", "left"]


def test_both_ways_are_one_where_they_name_the_same_texts(tmp_path: Path) -> None:
    assert read(tmp_path, ("1", "2", "1"), ("1", "3", "1"), ("7", "2", "2"))[0] == [
        "left", "left", "right",
    ]  # fmt: skip


def test_a_text_that_is_almost_one_of_the_two_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names neither of answer1, answer2"):
        read(tmp_path, ("Paris", "Rome", "Paris."))


def test_two_columns_that_repeat_texts_are_refused(tmp_path: Path) -> None:
    row = {"prompt": "Q?", "answer1": "Paris", "answer2": "Rome", "best": "Paris", "pick": "Rome"}
    (tmp_path / "two.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(AnswerUnclear, match="both best and pick name the two texts"):
        with RowFile(tmp_path / "two.jsonl", TERMINAL) as file:
            reading.understand(file)
