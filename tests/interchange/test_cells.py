"""Cells of tables: what a data frame writes is read as it was, and an answer stays a text."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ptrapp.core.errors import BadRow
from ptrapp.interchange import preferences, reading
from ptrapp.interchange.cells import decoded, turns_in
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair, PromptText
from ptrapp.interchange.values import user_name

HALF = [
    {"content": "half? {a} {b}", "role": "user"},
    {"content": 'It is $\\frac{1}{2}$, it\'s "so"} {\n}\n{', "role": "assistant"},
]


def cell(turns: list[Any]) -> str:
    """Returns what pandas writes of a list that Parquet gave as an array."""
    found = np.empty(len(turns), dtype=object)
    found[:] = turns
    return str(found)


def pairs(path: Path, column: str = "") -> tuple[list[JudgedPair], list[str]]:
    with RowFile(path, TERMINAL) as rows:
        known = reading.understand(rows, Options(answer_column=column))
        checked = reading.check(rows, known.plan)
    found = [one for one in checked.buffered or () if isinstance(one, JudgedPair)]
    return found, checked.mistakes.named


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        cell(HALF),
        repr(HALF),
        repr(np.array(HALF, dtype=object)),
        json.dumps(HALF),
        json.dumps(json.dumps(HALF)),
    ],
)
def test_messages_of_a_cell_are_what_was_said(text: str) -> None:
    assert decoded(text, "chosen") == HALF


def test_parts_of_a_message_may_be_an_array_too() -> None:
    parts = np.array([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], dtype=object)
    turns = [{"role": "user", "name": float("nan"), "content": parts}]
    assert decoded(cell(turns), "prompt") == [
        {"role": "user", "name": None, "content": parts.tolist()}
    ]


@pytest.mark.parametrize("turns", [["Hi", "And 2+2?"], ["it's", 'a "b"', "x" * 90], ["Hi", None]])
def test_texts_of_an_array_are_as_many_turns(turns: list[str | None]) -> None:
    assert turns_in(cell(turns)) == turns
    assert turns_in(repr(np.array(turns, dtype=object))) == turns


@pytest.mark.parametrize(
    "text",
    [
        "[{'content': 'cut off",
        "[{'role': 'user', 'content': 'over\ntwo lines'}]",
        '[{"role": "user", "content": "a"',
        '[{"role": "user", "content": "a", "content": "b"}]',
        "[{'content': 'a', 'role': 'user'} ... {'content': 'b', 'role': 'assistant'}]",
    ],
)
def test_messages_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(BadRow, match="begins like a list of messages and can be read neither"):
        decoded(text, "chosen")


@pytest.mark.parametrize(
    "text",
    [
        '{"from":"Paris","to":"Rome"}',
        '{"value": 3}',
        '[{"from": "Paris", "value": "12"}]',
        '{"role": "Engineer", "content": "Builds."}',
        '[{"role": "Engineer", "content": "Builds."}]',
        '{"role": "user", "content": 3}',
        '[{"value": 1}, ...]',
        '{"text": "a"',
        '{"model": "m", "messages": [{"role": "user", "content": "hi"}]}',
        '{"model": "m", "messages": [{"role": "user", "content": "hi"}]}\nThat is the request.',
        "['a', 'b']",
    ],
)
def test_an_answer_that_happens_to_be_json_is_a_text(text: str) -> None:
    assert decoded(text, "chosen") == text
    row = reading.prepared({"prompt": "Q?", "chosen": text, "rejected": "no"})
    (pair,) = preferences.parse(row)
    assert pair.left.response == text


def test_a_turn_with_a_role_that_is_not_stored_is_no_text() -> None:
    text = '[{"role": "tool", "content": "4"}]'
    with pytest.raises(BadRow, match="the role 'tool'"):
        preferences.parse(reading.prepared({"prompt": "Q?", "chosen": text, "rejected": "no"}))


@pytest.mark.parametrize("nan", ["nan", "NaN", " nan "])
def test_a_cell_of_nan_is_a_missing_text(tmp_path: Path, nan: str) -> None:
    rows = (
        f"instruction,input,chosen,rejected\nDo it,{nan},good,bad\nDo it,,good,{nan}\n{nan},,x,y\n"
    )
    found, mistakes = pairs(table(tmp_path / "a.csv", rows))
    assert [one.prompt for one in found] == [PromptText("Do it")]
    assert mistakes == [
        "line 3: 'rejected' is blank",
        "line 4: no 'instruction', the column of the prompt",
    ]


@pytest.mark.parametrize("missing", ["nan", ""])
def test_a_missing_score_of_a_csv_is_no_vote(tmp_path: Path, missing: str) -> None:
    rows = f"prompt,response_a,response_b,score_a,score_b\nQ?,x,y,1,2\nR?,x,y,{missing},2\n"
    found, mistakes = pairs(table(tmp_path / "a.csv", rows))
    assert [[label.outcome for label in one.labels] for one in found] == [["right"], []]
    assert mistakes == []


def test_decimals_of_a_database_are_numbers(tmp_path: Path) -> None:
    made = {"prompt": ["Q?", "R?"], "response_a": ["x"] * 2, "response_b": ["y"] * 2}
    scores = {"score_a": ["9.50", "2.00"], "score_b": ["10.00", "1.75"]}
    columns = made | {name: pa.array(one).cast(pa.decimal128(5, 2)) for name, one in scores.items()}
    pq.write_table(pa.table(columns), tmp_path / "duck.parquet")
    found, _ = pairs(tmp_path / "duck.parquet")
    assert [one.labels[0].outcome for one in found] == ["right", "left"]
    numbers = made | {"winner": pa.array(["1", "2"]).cast(pa.decimal128(18, 3))}
    pq.write_table(pa.table(numbers), tmp_path / "duck.parquet")
    found, _ = pairs(tmp_path / "duck.parquet")
    assert [one.labels[0].outcome for one in found] == ["left", "right"]


def test_decimals_inside_of_lists_are_numbers(tmp_path: Path) -> None:
    scores = pa.array([["2.5", "3.0"]]).cast(pa.list_(pa.decimal128(4, 1)))
    columns = {"prompt": ["Q?"], "responses": [["x", "y"]], "scores": scores}
    pq.write_table(pa.table(columns), tmp_path / "duck.parquet")
    found, _ = pairs(tmp_path / "duck.parquet")
    assert [one.labels[0].outcome for one in found] == ["right"]


@pytest.mark.parametrize(
    "turns",
    [
        [{"role": "user", "text": "Q?"}, {"role": "assistant", "text": "x"}],
        [{"role": "User", "content": "Q?"}, {"role": "Assistant", "content": "x"}],
        [{"from": "Human", "value": "Q?"}, {"from": "GPT", "value": "x", "text": None}],
        [{"role": "SYSTEM", "content": "s"}, {"role": "USER", "content": "Q?"}, {"role": "ASSISTANT", "content": "x"}],
    ],
)  # fmt: skip
def test_turns_are_read_under_the_names_of_other_programs(
    tmp_path: Path, turns: list[dict[str, Any]]
) -> None:
    other = [*turns[:-1], {key: "y" if one == "x" else one for key, one in turns[-1].items()}]
    for chosen, rejected in ((turns, other), (json.dumps(turns), repr(other))):
        row = json.dumps({"chosen": chosen, "rejected": rejected})
        found, mistakes = pairs(table(tmp_path / "a.jsonl", row + "\n"))
        assert mistakes == []
        shown = [(one.prompt.text, one.left.response, one.right.response) for one in found]
        assert shown == [("Q?", "x", "y")]


def test_a_whole_fraction_names_an_annotator(tmp_path: Path) -> None:
    columns = {
        "prompt": ["Q?", "R?"],
        "response_a": ["x"] * 2,
        "response_b": ["y"] * 2,
        "winner": ["a", "b"],
        "worker_id": [12.0, float("nan")],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found, mistakes = pairs(tmp_path / "a.parquet")
    assert ([one.labels[0].user for one in found], mistakes) == (["12", None], [])
    with pytest.raises(BadRow, match="the annotator in 'worker_id' is a float"):
        user_name(12.5, "worker_id")
