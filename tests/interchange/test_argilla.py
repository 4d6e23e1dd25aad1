"""Argilla's exports: version 2 nested and flat, and version 1's feedback datasets."""

from typing import Any

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.interchange import argilla
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
    ("row", "words"),
    [
        (nested(label=[answer("response9")]), "'response9' names neither"),
        (nested(ranking=[answer(["response1", "other"])]), "'other' was ranked"),
        (nested(ranking=[answer([1, 2])]), "instead of a name"),
        (nested(label="x"), "no list"),
        (nested(stars=[answer(3)]), "not two of them"),
        (nested() | {"fields": {"a": "x", "b": "y"}}, "no prompt"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(row: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRow, match=words):
        argilla.parse(row)
