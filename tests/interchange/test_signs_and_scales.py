"""Signs, scales and ranks that could be read the wrong way round: read where clear, refused else."""

import json
from math import nan
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ptrapp.core.errors import BadRow, InputError
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.profile import answer_text
from ptrapp.interchange.records import JudgedPair
from ptrapp.interchange.sides import Sides, preference_from

TWO = {"prompt": "Q?", "response_a": "x", "response_b": "y"}
HELPSTEER = {"context": "Q?", "response1": "x", "response2": "y"}
AB = Sides("response_a", "response_b")


def pairs_in(path: Path, column: str = "") -> list[JudgedPair]:
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    assert not checked.mistakes.named
    return [one for one in checked.buffered or () if isinstance(one, JudgedPair)]


def lines(folder: Path, *rows: Any) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labels(pairs: list[JudgedPair]) -> list[tuple[str, int]]:
    return [(label.outcome, label.strength) for pair in pairs for label in pair.labels]


@pytest.mark.parametrize("said", ["-1", "+1", "-2", "−1", "-A", "!A", "+A", "~b", "A-", "1+"])
def test_a_sign_before_an_answer_is_never_dropped(said: str) -> None:
    with pytest.raises(BadRow, match="does not say which"):
        preference_from(said, AB)


@pytest.mark.parametrize("numbers", [(-1, 1), (-2, 2), (-2, -1, 1, 2), (-1, 1, 0)])
def test_signed_numbers_under_a_name_that_is_no_known_scale_are_refused(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    path = lines(tmp_path, *(TWO | {"preference": one} for one in numbers))
    with pytest.raises(InputError, match="the answer '-"):
        pairs_in(path)
    with pytest.raises(InputError, match=r"does not say which|names neither"):
        pairs_in(path, column="preference")


def test_helpsteers_scale_is_read_as_data_frames_write_it(tmp_path: Path) -> None:
    head = "context,response1,response2,overall_preference\n"
    rows = "".join(f"Q{n}?,x,y,{one}\n" for n, one in enumerate(("1.0", "2.0", "-3.0", "", "0.0")))
    path = tmp_path / "rows.csv"
    path.write_text(head + rows, encoding="utf-8")
    assert labels(pairs_in(path)) == [("right", 1), ("right", 2), ("left", 3), ("tie", 1)]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("overall_preference", (1.5, 2, 1)), ("preference_strength", (-4, 1)), ("overall_preference", (5,))],
)  # fmt: skip
def test_a_number_off_helpsteers_scale_is_refused_and_never_drops_the_votes(
    tmp_path: Path, name: str, numbers: tuple[float, ...]
) -> None:
    path = lines(tmp_path, *(HELPSTEER | {name: one} for one in numbers))
    with pytest.raises(InputError, match="whole number from -3 to 3"):
        pairs_in(path)


@pytest.mark.parametrize("flags", [("1.0", "0.0"), ("True", "False")])
def test_shps_labels_are_read_as_data_frames_write_them(
    tmp_path: Path, flags: tuple[str, str]
) -> None:
    path = tmp_path / "rows.csv"
    rows = "".join(f"Q{n}?,x,y,{flag}\n" for n, flag in enumerate(flags))
    path.write_text(f"history,human_ref_A,human_ref_B,labels\n{rows}", encoding="utf-8")
    assert labels(pairs_in(path)) == [("left", 1), ("right", 1)]


@pytest.mark.parametrize(
    ("left", "right", "outcome"), [(1234567, 1234568, "right"), (-1203.4512, -1203.4519, "left")]
)
def test_scores_differ_in_their_last_digit(
    tmp_path: Path, left: float, right: float, outcome: str
) -> None:
    path = lines(tmp_path, TWO | {"score_a": left, "score_b": right})
    assert labels(pairs_in(path)) == [(outcome, 1)]
    assert [answer_text(one) for one in (1.0, 2.5, 1e6, 3)] == ["1", "2.5", "1000000", "3"]


def test_an_answer_whose_rating_is_not_a_number_is_unrated(tmp_path: Path) -> None:
    beside = {
        "prompt": "Q?",
        "generations": ["best", "broken", "worst"],
        "ratings": [5.0, nan, 1.0],
    }
    inside = {
        "prompt": "P?",
        "completions": [{"response": text, "overall_score": score} for text, score in
                        (("best", 9.0), ("broken", nan), ("worst", 2.0))],
    }  # fmt: skip
    for row in (beside, inside):
        path = tmp_path / "rows.parquet"
        parquet.write_table(pa.Table.from_pylist([row]), path)
        (pair,) = pairs_in(path)
        assert (pair.left.raw, pair.right.raw) == ("best", "worst")
        assert labels([pair]) == [("left", 1)]


def test_a_ranking_that_may_be_an_order_is_refused(tmp_path: Path) -> None:
    row = {"prompt": "Q?", "responses": ["worst", "best", "mid"], "ranking": [1, 2, 0]}
    with pytest.raises(InputError, match="nothing that is known says which is better"):
        pairs_in(lines(tmp_path, row))


def test_models_that_are_called_like_places_are_refused(tmp_path: Path) -> None:
    two = {"prompt": "Q?", "response_1": "x", "response_2": "y"}
    with pytest.raises(InputError, match="may be a model or a place"):
        pairs_in(lines(tmp_path, two | {"model_1": "B", "model_2": "A", "winner": "A"}))
    in_place = TWO | {"model_a": "model_a", "model_b": "model_b", "winner": "model_b"}
    assert labels(pairs_in(lines(tmp_path, in_place))) == [("right", 1)]


@pytest.mark.parametrize("said", ["Both are terrible", "Both unacceptable", "both answers failed"])
def test_two_that_are_called_bad_are_no_tie(said: str) -> None:
    assert preference_from(said, AB) == Preference(Choice.BOTH_BAD)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("Both are good, can't decide", Choice.TIE),
        ("Both are similar – I don't have a preference", Choice.TIE),
        ("Tie (both are equal, can't tell)", Choice.TIE),
        ("Both are bad, do not use", Choice.BOTH_BAD),
    ],
)
def test_a_negation_of_something_else_changes_nothing(said: str, choice: Choice) -> None:
    assert preference_from(said, AB) == Preference(choice)


@pytest.mark.parametrize("said", ["both are not helpful", "both weren't very good"])
def test_a_negation_of_both_is_refused(said: str) -> None:
    with pytest.raises(BadRow, match="does not say which"):
        preference_from(said, AB)


def test_a_reply_whose_rank_is_not_a_number_is_unranked(tmp_path: Path) -> None:
    head = "message_id,parent_id,role,text,rank\n"
    rows = "1,,prompter,Q?,\n2,1,assistant,unranked,nan\n3,1,assistant,best,0.0\n4,1,assistant,worst,1.0\n"
    path = tmp_path / "oasst.csv"
    path.write_text(head + rows, encoding="utf-8")
    (pair,) = pairs_in(path)
    assert {pair.left.raw, pair.right.raw} == {"best", "worst"}
    assert (pair.left.raw == "best") == (labels([pair]) == [("left", 1)])
