"""Files as other programs write them: what is imported, what is left out, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

TWO = {"prompt": "Q?", "answer1": "x", "answer2": "y"}
Shown = tuple[str, str, str, list[str]]


def file_of(folder: Path, *rows: Any) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "rows.jsonl"


def read(path: Path, column: str = "") -> tuple[reading.Reading, reading.Checked, list[Shown]]:
    """Returns how a file is read, what it holds, and its pairs."""
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    shown = [
        (one.prompt.text, one.left.response, one.right.response, [x.outcome for x in one.labels])
        for one in checked.buffered or ()
        if isinstance(one, JudgedPair)
    ]
    return known, checked, shown


def test_transcripts_that_part_before_the_last_answer_are_left_out_and_counted(
    tmp_path: Path,
) -> None:
    def row(*turns: str) -> dict[str, str]:
        begin = "\n\nHuman: Q?\n\nAssistant: "
        return {
            name: begin + turn for name, turn in zip(("chosen", "rejected"), turns, strict=True)
        }

    rows = (row("x", "y"), row("x\n\nHuman: And?\n\nAssistant: z", "y"))
    _, checked, shown = read(file_of(tmp_path, *rows))
    assert shown == [("Q?", "x", "y", ["left"])]
    assert dict(checked.left_out) == {
        "a conversation whose two sides part before the last answer": 1
    }


def test_scores_that_contradict_the_chosen_text_are_told(tmp_path: Path) -> None:
    def row(n: int, chosen: float, rejected: float) -> dict[str, Any]:
        scores = {"score_chosen": chosen, "score_rejected": rejected}
        return {"prompt": f"Q{n}?", "chosen": "x", "rejected": "y"} | scores

    known, _, shown = read(file_of(tmp_path, row(1, 8.5, 2), row(2, 3, 8), row(3, 5, 5)))
    assert [one[3] for one in shown] == [["left"]] * 3
    assert known.plan.said == (
        "score_chosen is lower than score_rejected in 1 row; "
        "chosen is read as better than rejected there too",
    )


def task(kind: str, value: Any, name: str = "preference", **data: str) -> dict[str, Any]:
    """Returns a task of Label Studio's JSON export with one annotation."""
    result = {"from_name": name, "to_name": "p", "type": kind, "value": {kind: value}}
    annotation = {"id": 7, "completed_by": {"id": 1, "email": "a@b.c"}, "result": [result]}
    return {"id": 1, "annotations": [annotation], "predictions": [], "data": TWO | data}


def record(question: str, value: Any, **fields: str) -> dict[str, Any]:
    """Returns a record of Argilla with one submitted response."""
    response = {"value": value, "user_id": "u1", "status": "submitted"}
    texts = {"prompt": "Q?", "response1": "x", "response2": "y"} | fields
    return {"id": "r", "fields": texts, "responses": {question: [response]}, "suggestions": {}}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (task("choices", ["A"], answer1="B", answer2="A"), "place of a text or be its very words"),
        (record("preference", "A", response1="B", response2="A"), "place of a text or be its"),
        (task("ranker", {"_": ["answer2", "answer1"]}, "order"), "texts were ranked in order"),
        (TWO | {"annotation_id": 1, "annotator": 1, "preference": {"choices": ["answer2", "fluent"]}},
         "a longer text or a list names neither of answer1, answer2: it is that of 'preference'"),
        (TWO | {"preference": "I like the second one better, because " + "it is good, " * 9},
         "a longer text or a list names neither"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_is_refused_and_never_a_pair_without_a_vote(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read(file_of(tmp_path, row))


def test_yes_and_no_of_an_annotation_are_marks(tmp_path: Path) -> None:
    tasks = [task("choices", [said], "a_better") for said in ("Yes", "No")]
    path = file_of(tmp_path, *tasks)
    with pytest.raises(InputError, match="a 0 may be one for answer2 or a tie"):
        read(path)
    assert [one[3] for one in read(path, "a_better")[2]] == [["left"], ["right"]]
    assert [one[3] for one in read(file_of(tmp_path, record("b_lost", "yes")))[2]] == [["left"]]
