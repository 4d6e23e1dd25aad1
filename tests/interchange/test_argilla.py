"""Argilla's exports: version 2 nested and flat, and version 1's feedback datasets."""

import csv
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.interchange import argilla, reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

FIELDS = {"prompt": "Which?", "response1": "One.", "response2": "Two."}


def nested(**responses: Any) -> dict[str, Any]:
    return {
        "id": "7", "fields": FIELDS, "metadata": {"model": "x"}, "suggestions": {}, "vectors": {},
        "responses": responses, "_server_id": "c1",
    }  # fmt: skip


def answer(value: Any, user: str = "u1", **more: Any) -> dict[str, Any]:
    return {"value": value, "user_id": user} | more


def outcomes(pair: JudgedPair) -> dict[str | None, str]:
    return {one.user: one.outcome for one in pair.labels}


def test_nested_records_hold_every_users_ranking() -> None:
    (pair,) = argilla.parse(
        nested(
            preference=[
                answer(["response2", "response1"]),
                answer(["response1", "response2"], "u2"),
            ],
            reason=[answer("Shorter.", "u2")],
        )
    )
    assert (pair.prompt.text, pair.left.raw, pair.right.raw) == ("Which?", "One.", "Two.")
    assert outcomes(pair) == {"u1": "right", "u2": "left"}
    assert {one.user: one.rationale for one in pair.labels} == {"u1": None, "u2": "Shorter."}


def test_records_of_version_1_have_a_list_of_people() -> None:
    responses = [
        {"values": {"preference": {"value": "response2"}}, "user_id": "u1", "status": "submitted"},
        {"values": {"preference": {"value": "response1"}}, "user_id": "u2", "status": "discarded"},
    ]
    row = {"fields": FIELDS, "responses": responses, "suggestions": []}
    (pair,) = argilla.parse(row)
    assert outcomes(pair) == {"u1": "right"}
    for broken in ([7], [{"user_id": "u1"}], [{"values": {"preference": "response2"}}]):
        with pytest.raises(BadRow):
            argilla.parse(row | {"responses": broken})


def test_flat_records_leave_drafts_out() -> None:
    (pair,) = argilla.parse(
        {
            "id": "1", "_server_id": "2", "model": "x", **FIELDS,
            "label.responses": ["response1", "tie", "response2"],
            "label.responses.users": ["u1", "u2", "u3"],
            "label.responses.status": ["submitted", "submitted", "draft"],
            "label.suggestion": "response2", "label.suggestion.score": None, "label.suggestion.agent": "m",
        }
    )  # fmt: skip
    assert outcomes(pair) == {"u1": "left", "u2": "tie"}


@pytest.mark.parametrize(
    "given",
    [
        [
            {"user_id": "u1", "value": [{"rank": 2, "value": "response1"}, {"rank": 1, "value": "response2"}], "status": "submitted"},
            {"user_id": "u2", "value": [{"rank": 1, "value": "response1"}, {"rank": 1, "value": "response2"}], "status": "submitted"},
            {"user_id": "u3", "value": [{"rank": 1, "value": "response1"}], "status": "discarded"},
        ],
        # The same as a data frame gives it: a sequence of objects is an object of lists.
        [
            {"user_id": "u1", "value": {"rank": [2, 1], "value": ["response1", "response2"]}, "status": "submitted"},
            {"user_id": "u2", "value": {"rank": [1, 1], "value": ["response1", "response2"]}, "status": "submitted"},
        ],
    ],
)  # fmt: skip
def test_feedback_datasets_of_version_1_rank_with_ties(given: Any) -> None:
    row = FIELDS | {
        "preference": given, "preference-suggestion": {"rank": [], "value": []},
        "preference-suggestion-metadata": {"type": None, "score": None, "agent": None},
        "external_id": "e", "metadata": "{}",
    }  # fmt: skip
    assert argilla.looks_like(row)
    (pair,) = argilla.parse(row)
    assert outcomes(pair) == {"u1": "right", "u2": "tie"}


def test_a_ranking_of_three_is_three_pairs() -> None:
    row = nested(ranking=[answer(["c", "a", "b"])]) | {
        "fields": {"instruction": "Sort.", "a": "A!", "b": "B!", "c": "C!"}
    }
    pairs = argilla.parse(row)
    assert [(p.left.raw, p.right.raw, p.labels[0].outcome) for p in pairs] == [
        ("A!", "B!", "left"), ("A!", "C!", "right"), ("B!", "C!", "right"),
    ]  # fmt: skip


def test_two_ratings_compare_their_texts() -> None:
    (pair,) = argilla.parse(
        nested(
            rating_1=[answer(4), answer(2, "u2")],
            rating_2=[answer(2), answer(2, "u2")],
            rationale=[answer("Better.")],
        )
    )
    assert outcomes(pair) == {"u1": "left", "u2": "tie"}


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ({"label.responses": "['response2']", "label.responses.users": "['u1']", "label.responses.status": "['submitted']"}, {"u1": "right"}),
        ({"label.responses": '["response2", "tie"]', "label.responses.users": '["u1", "u2"]', "label.responses.status": '["draft", null]'}, {"u2": "tie"}),
        ({"label.responses": "['response2' 'response1']", "label.responses.users": "['u1' 'u2']"}, {"u1": "right", "u2": "left"}),
        ({"label.responses": "response2", "label.responses.users": "u1"}, {"u1": "right"}),
        ({"ranking.responses": "[[{'rank': 2, 'value': 'response1'}, {'rank': 1, 'value': 'response2'}]]", "ranking.responses.users": "['u1']"}, {"u1": "right"}),
        ({"ranking.responses": "[{'rank': 2.0, 'value': 'response1'}, {'rank': 1.0, 'value': 'response2'}]"}, {None: "right"}),
        ({"ranking.responses": "[{'value': 'response1', 'rank': 2.0}, {'value': 'response2', 'rank': 1.0}]", "ranking.responses.users": "['u1']"}, {"u1": "right"}),
        ({"ranking.response.u1": "[{'rank': 1.0, 'value': 'response2'}, {'rank': 2.0, 'value': 'response1'}]"}, {"u1": "right"}),
        ({"ranking.response.u1": "['response2', 'response1']"}, {"u1": "right"}),
        ({"label.response.u1": "response2", "reason.response.u1": "[sic] it's"}, {"u1": "right"}),
        ({"label": "[{'user_id': 'u1', 'value': 'response2', 'status': 'submitted'}]"}, {"u1": "right"}),
    ],
)  # fmt: skip
def test_lists_of_responses_stand_in_the_cells_of_a_table(
    tmp_path: Path, cells: dict[str, str], wanted: dict[str | None, str]
) -> None:
    row = {"id": "1"} | FIELDS | cells
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    with RowFile(tmp_path / "rows.csv", TERMINAL) as rows:
        known = reading.understand(rows)
        (pair,) = reading.check(rows, known.plan).buffered or ()
    assert known.fmt is Format.ARGILLA
    assert isinstance(pair, JudgedPair)
    assert outcomes(pair) == wanted


def test_a_whole_number_is_a_rank_however_it_is_written() -> None:
    given = [{"rank": 2.0, "value": "response1"}, {"rank": 1.0, "value": "response2"}]
    assert outcomes(argilla.parse(nested(ranking=[answer(given)]))[0]) == {"u1": "right"}
    for rank in (1.5, float("inf"), float("nan"), True):
        with pytest.raises(BadRow, match="instead of a name and a rank"):
            argilla.parse(nested(ranking=[answer([given[0], given[1] | {"rank": rank}])]))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (nested(label=[answer("response9")]), "'response9' names neither"),
        (nested(ranking=[answer(["response1", "other"])]), "'other' was ranked"),
        (nested(ranking=[answer([1, 2])]), "instead of a name"),
        (nested(label="x"), "no list"),
        (FIELDS | {"label.responses": "['response1', oh"}, "no list of responses, neither as JSON nor"),
        (FIELDS | {"r.responses": [{"rank": 1, "value": "response1"}] * 2, "r.responses.users": ["u1", "u2"]},
         "one rank for each of 2 people"),
        (nested(stars=[answer(3)]), "not two of them"),
        (nested() | {"fields": {"a": "x", "b": "y"}}, "no prompt"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(row: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRow, match=words):
        argilla.parse(row)
