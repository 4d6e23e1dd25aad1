"""Label Studio's exports, as its converter and its editor write them."""

from typing import Any

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.interchange import label_studio
from ptrapp.interchange.records import JudgedPair

DATA = {"prompt": "Which is better?", "answer1": "One.", "answer2": "Two.", "meta:id": "7"}


def result(kind: str, **value: Any) -> dict[str, Any]:
    return {
        "id": "Dx_aB9",
        "from_name": "pw",
        "to_name": "answer1,answer2",
        "type": kind,
        "value": value,
    }


def annotation(who: Any, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 1001, "completed_by": who, "result": list(results), "was_cancelled": False,
        "ground_truth": False, "created_at": "2026-03-09T22:16:08.728353Z", "lead_time": 4.288,
        "task": 1,
    } | more  # fmt: skip


def task(*annotations: dict[str, Any], data: Any = DATA) -> dict[str, Any]:
    return {
        "id": 1,
        "data": data,
        "annotations": list(annotations),
        "predictions": [],
        "project": 83,
    }


def outcomes(pair: JudgedPair) -> list[tuple[str | None, str]]:
    return [(one.user, one.outcome) for one in pair.labels]


def test_every_persons_annotation_is_a_label_and_cancelled_ones_are_none() -> None:
    (pair,) = label_studio.parse(
        task(
            annotation(10, result("pairwise", selected="left")),
            annotation({"id": 3, "email": "ann@x.org"}, result("pairwise", selected="right")),
            annotation(4, result("pairwise", selected="left"), was_cancelled=True),
            annotation(5),
        )
    )
    assert (pair.prompt.text, pair.left.raw, pair.right.raw) == ("Which is better?", "One.", "Two.")
    assert outcomes(pair) == [("10", "left"), ("ann@x.org", "right")]


@pytest.mark.parametrize(
    ("choice", "outcome", "strength"),
    [
        ("answer1", "left", 1), ("Left", "left", 1), ("A", "left", 1), ("Answer 2", "right", 1),
        ("Response B is much better", "right", 2), ("Tie", "tie", 1), ("Both are equally good", "tie", 1),
        ("Neither", "both_bad", 1), ("Both bad", "both_bad", 1), ("The second one is slightly better", "right", 1),
    ],
)  # fmt: skip
def test_a_choice_over_two_texts_names_a_side_in_words(
    choice: str, outcome: str, strength: int
) -> None:
    (pair,) = label_studio.parse(
        task(
            annotation(
                1, result("choices", choices=[choice]), result("textarea", text=["So it is."])
            )
        )
    )
    (label,) = pair.labels
    assert (label.outcome, label.strength, label.rationale) == (
        outcome,
        strength,
        "So it is.",
    )


def test_the_short_export_has_one_annotation_a_row() -> None:
    about = {
        "id": 1, "annotator": 2, "annotation_id": 9, "created_at": "2026-03-09", "updated_at": "2026-03-09",
        "lead_time": 3.1,
    }  # fmt: skip
    rows = [
        DATA | {"pw": [{"selected": "right"}]} | about,
        DATA | {"pw": '[{"selected": "right"}]'} | about,
        DATA | {"better": "Answer 2"} | about,
        DATA | {"better": {"choices": ["answer2"]}} | about,
    ]
    for row in rows:
        (pair,) = label_studio.parse_min(row)
        assert outcomes(pair) == [("2", "right")]
        assert pair.right.raw == "Two."


def test_a_task_without_an_answer_is_a_pair_to_label() -> None:
    (pair,) = label_studio.parse(task())
    assert pair.labels == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (task(data={"text1": "a", "text2": "b"}), "no prompt"),
        (task(data={"prompt": "p", "a1": "x", "a2": "y", "b1": "x", "b2": "y"}), "not clear which two"),
        (task(data=DATA | {"answer2": "One."}), "same text"),
        (task(annotation(1, result("choices", choices=["Purple"]))), "'Purple' names neither"),
        (task(annotation(1, {"type": "pairwise"})), "no 'value'"),
        (task(annotation([1], result("pairwise", selected="left"))), "annotator in 'completed_by' is a list"),
        ({"id": 1, "annotations": []}, "no 'data'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(row: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRow, match=words):
        label_studio.parse(row)
