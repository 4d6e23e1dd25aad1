"""Columns of 0 and 1 that each say something of one text: read where that is clear, refused else."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import AnswerUnclear, InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

TWO = {"prompt": "Q?", "response_a": "x", "response_b": "y"}
FROM_ONE = {"prompt": "Q?", "answer1": "x", "answer2": "y"}
FROM_ZERO = {"prompt": "Q?", "answer_0": "x", "answer_1": "y"}
ARENA = ("winner_model_a", "winner_model_b", "winner_tie")


def read(folder: Path, *rows: Any, column: str = "") -> tuple[list[str], list[str], str]:
    """Returns the outcomes, what is wrong with rows, and what is said of the reading."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    pairs = [one for one in checked.buffered or () if isinstance(one, JudgedPair)]
    outcomes = [label.outcome for one in pairs for label in one.labels]
    return outcomes, checked.mistakes.named, " ".join(known.plan.said)


@pytest.mark.parametrize("yes", [1, True, "1", "True", "1.0", "yes"])
@pytest.mark.parametrize(
    ("row", "name", "outcome"),
    [
        (TWO, "a_wins", "left"), (TWO, "b_wins", "right"), (TWO, "model_b_better", "right"),
        (TWO, "winner_model_b", "right"), (TWO, "prefers_b", "right"), (TWO, "is_b_better", "right"),
        (TWO, "response_b_preferred", "right"), (TWO, "b_better_than_a", "right"),
        (TWO, "right_won", "right"), (TWO, "bWins", "right"), (TWO, "b_beats_a", "right"),
        (TWO, "a_lost", "right"), (TWO, "b_lost", "left"), (TWO, "loser_model_a", "right"),
        (TWO, "response_b_rejected", "left"), (TWO, "b_not_preferred", "left"), (TWO, "a_worse", "right"),
        (FROM_ONE, "answer1_wins", "left"), (FROM_ONE, "winner_2", "right"), (FROM_ONE, "b_wins", "right"),
        (FROM_ZERO, "winner_0", "left"), (FROM_ZERO, "winner_1", "right"), (FROM_ZERO, "answer_1_lost", "left"),
    ],
)  # fmt: skip
def test_a_one_is_a_vote_for_the_text_of_the_name_or_against_it(
    tmp_path: Path, row: dict[str, Any], name: str, outcome: str, yes: Any
) -> None:
    outcomes, mistakes, said = read(tmp_path, row | {name: yes})
    assert (outcomes, mistakes) == ([outcome], [])
    assert said == (
        f"the preference is read from what is 1: in {name} for the "
        f"{'first' if outcome == 'left' else 'second'} text"
    )


@pytest.mark.parametrize("no", [0, False, "0", "FALSE", "0.0", "no"])
@pytest.mark.parametrize(
    ("name", "outcome"), [("a_wins", "right"), ("b_wins", "left"), ("a_lost", "left")]
)
def test_a_zero_of_the_only_column_is_the_other_text_when_somebody_says_so(
    tmp_path: Path, name: str, outcome: str, no: Any
) -> None:
    with pytest.raises(AnswerUnclear, match=f"--answer-column {name} that it is one") as refusal:
        read(tmp_path, TWO | {name: no})
    assert refusal.value.columns == (name,)
    outcomes, _, said = read(tmp_path, TWO | {name: no}, column=name)
    assert outcomes == [outcome]
    assert "a 0 for the other one" in said


def test_an_arena_marks_the_winner_or_the_tie(tmp_path: Path) -> None:
    marked = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    rows = [TWO | dict(zip(ARENA, one, strict=True)) for one in marked]
    assert read(tmp_path, *rows)[:2] == (["left", "right", "tie"], [])
    for column in ARENA:
        assert read(tmp_path, *rows, column=column)[:2] == (["left", "right", "tie"], [])


@pytest.mark.parametrize(
    ("names", "outcomes"),
    [
        (("a_wins", "b_wins", "tie"), ["left", "right", "tie"]),
        (("b_wins", "a_wins", "is_tie"), ["right", "left", "tie"]),
        (("loser_a", "loser_b", "tie"), ["right", "left", "tie"]),
        (("winner_1", "winner_2", "both_bad"), ["left", "right", "both_bad"]),
        (("winner_0", "winner_1", "winner_tie"), ["left", "right", "tie"]),
    ],
)
def test_columns_of_both_texts_and_of_a_tie_are_read_together(
    tmp_path: Path, names: tuple[str, ...], outcomes: list[str]
) -> None:
    marked = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    rows = [TWO | dict(zip(names, one, strict=True)) for one in marked]
    assert read(tmp_path, *rows)[:2] == (outcomes, [])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"a_wins": 0, "b_wins": 0}, "a_wins, b_wins mark nothing; one text, or a tie, must be"),
        ({"a_wins": 1, "b_wins": 1}, "a_wins, b_wins contradict one another"),
        ({"a_won": 1, "a_lost": 1}, "a_won, a_lost contradict one another"),
        ({"a_won": 0, "b_lost": 1}, "a_won, b_lost contradict one another"),
    ],
)
def test_a_row_whose_marks_do_not_agree_is_bad(
    tmp_path: Path, row: dict[str, int], words: str
) -> None:
    outcomes, mistakes, _ = read(tmp_path, TWO | row)
    assert outcomes == []
    assert words in mistakes[0]


@pytest.mark.parametrize(
    "name",
    ["answer_1_wins", "winner_1", "winner_0", "second_best", "is_a_winner", "a_vs_b_winner",
     "safer_a", "a_almost_wins"],
)  # fmt: skip
@pytest.mark.parametrize("value", [0, 1])
def test_what_is_not_clear_is_refused_and_never_read_as_the_number_of_a_text(
    tmp_path: Path, name: str, value: int
) -> None:
    for column in ("", name):
        with pytest.raises(InputError, match=f"not clear of which text '{name}' says yes or no"):
            read(tmp_path, TWO | {name: value}, column=column)


def test_two_sets_of_columns_are_settled_by_the_flag(tmp_path: Path) -> None:
    row = TWO | {"better_a": 1, "better_b": 0, "preferred_a": 0, "preferred_b": 1}
    with pytest.raises(AnswerUnclear, match="better_b and preferred_b say of a text each"):
        read(tmp_path, row)
    assert read(tmp_path, row, column="better_a")[0] == ["left"]
    assert read(tmp_path, row, column="preferred_b")[0] == ["right"]


def test_a_column_that_names_the_winner_goes_before_marks(tmp_path: Path) -> None:
    row = TWO | dict(zip(ARENA, (0, 1, 0), strict=True)) | {"winner": "model_b"}
    assert read(tmp_path, row) == (["right"], [], "the preference is read from winner")
