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


@pytest.mark.parametrize(
    ("name", "said"),
    [("status", "discarded"), ("AssignmentStatus", "Rejected"), ("ASSIGNMENT:status", "SKIPPED"), ("skipped", True)],
)  # fmt: skip
def test_a_judgement_that_was_taken_back_is_left_out_and_counted(
    tmp_path: Path, name: str, said: Any
) -> None:
    rows = TWO | {"winner": "answer1", name: ""}, TWO | {"winner": "answer2", name: said}
    known, checked, shown = read(file_of(tmp_path, *rows))
    assert shown == [("Q?", "x", "y", ["left"])]
    assert dict(checked.left_out) == {f"a row whose {name} is {str(said).replace('T', 't')}": 1}
    assert name in known.used


@pytest.mark.parametrize(
    "name",
    ["annotator_name", "Rater Email", "PROLIFIC_PID", "annotated_by", "completed_by", "ASSIGNMENT:worker_id"],
)  # fmt: skip
def test_each_persons_vote_is_one_of_its_own(tmp_path: Path, name: str) -> None:
    rows = [TWO | {"winner": "answer1", name: who} for who in (1, 2)]
    with RowFile(file_of(tmp_path, *rows), TERMINAL) as file:
        checked = reading.check(file, reading.understand(file).plan)
    pairs = [one for one in checked.buffered or () if isinstance(one, JudgedPair)]
    assert [one.labels[0].user for one in pairs] == ["1", "2"]


@pytest.mark.parametrize("before", ["Input.", "INPUT:"])
def test_the_columns_of_a_task_have_what_mturk_and_toloka_put_before_them(
    tmp_path: Path, before: str
) -> None:
    task = {f"{before}{name}": value for name, value in TWO.items()}
    rows = [
        task | {"WorkerId": n, "Answer.choice": f"answer{n}", "Reward": "$0.05"} for n in (1, 2)
    ]
    _, _, shown = read(file_of(tmp_path, *rows))
    assert shown == [("Q?", "x", "y", ["left"]), ("Q?", "x", "y", ["right"])]


def test_marks_of_two_buttons_are_no_texts(tmp_path: Path) -> None:
    two = {"prompt": "Q?", "response_a": "x", "response_b": "y"}
    row = two | {"Answer.better.a": "false", "Answer.better.b": "true"}
    assert read(file_of(tmp_path, row))[2] == [("Q?", "x", "y", ["right"])]
    answers = {"prompt": "Q?", "response_a": "Yes", "response_b": "No", "winner": "b"}
    assert read(file_of(tmp_path, answers))[2] == [("Q?", "Yes", "No", ["right"])]


def test_the_conversations_of_an_arena_may_be_called_messages(tmp_path: Path) -> None:
    def talk(said: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": said}]

    row = {"messages_a": talk("x"), "messages_b": talk("y"), "winner": "model_b", "turn": 1}
    assert read(file_of(tmp_path, row))[2] == [("Q?", "x", "y", ["right"])]


@pytest.mark.parametrize(
    ("said", "beside"),
    [(("Yes", "No"), ("author", "Ann")), (("Yes", "No"), ("explanation", "So it is. " * 20)),
     (("41", "42"), ("author", "Ann")), (("41", "42"), ("answer_type", "number"))],
)  # fmt: skip
def test_short_texts_are_the_texts_whatever_stands_in_two_other_columns(
    tmp_path: Path, said: tuple[str, str], beside: tuple[str, str]
) -> None:
    two = {"prompt": "Q?", "response_a": said[0], "response_b": said[1], "winner": "B"}
    row = two | {f"{beside[0]}_a": beside[1], f"{beside[0]}_b": "Bob"}
    assert read(file_of(tmp_path, row))[2] == [("Q?", *said, ["right"])]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("full_text", ("41", "42")), ("poem", ("1", "0")), ("response_text", ("41", "42"))],
)
def test_texts_are_compared_and_not_the_numbers_beside_them(
    tmp_path: Path, name: str, numbers: tuple[str, str]
) -> None:
    two = {"prompt": "Q?", f"{name}_a": "So it rains.", f"{name}_b": "It is dry.", "winner": "B"}
    row = two | {"answer_a": numbers[0], "answer_b": numbers[1]}
    assert read(file_of(tmp_path, row))[2] == [("Q?", "So it rains.", "It is dry.", ["right"])]


def test_longer_texts_are_compared_and_not_the_numbers_that_they_end_in(tmp_path: Path) -> None:
    long = {"full_response_a": "So it is 41. " * 9, "full_response_b": "So it is 42. " * 9}
    row = {"prompt": "Q?"} | long | {"answer_a": "41", "answer_b": "42", "winner": "B"}
    ((_, left, right, votes),) = read(file_of(tmp_path, row))[2]
    assert (left, right, votes) == (*map(str.strip, long.values()), ["right"])


def test_a_table_with_an_annotation_id_is_not_label_studios_for_its_name_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Annotation ID,Annotator,Prompt,Chosen,Rejected\n1,ann,Q?,x,y\n")
    assert read(path)[2] == [("Q?", "x", "y", ["left"])]


@pytest.mark.parametrize(
    ("name", "said"),
    [("order_status", "cancelled"), ("flight_status", "Cancelled"), ("paper_status", "rejected"),
     ("pr_state", "draft"), ("emotional_state", "rejected"), ("cancelled", "yes")],
)  # fmt: skip
def test_the_state_of_what_a_prompt_is_about_takes_no_vote_back(
    tmp_path: Path, name: str, said: str
) -> None:
    _, checked, shown = read(file_of(tmp_path, TWO | {"winner": "answer1", name: said}))
    assert (shown, dict(checked.left_out)) == ([("Q?", "x", "y", ["left"])], {})


def test_a_state_in_which_the_vote_itself_stands_is_no_state(tmp_path: Path) -> None:
    row = TWO | {"winner": "", "vote_status": "skipped"}
    with pytest.raises(InputError, match="'skipped' names neither"):
        read(file_of(tmp_path, row, row | {"prompt": "R?", "vote_status": "answer1"}))


def test_right_answers_in_a_list_are_beside_a_prompt(tmp_path: Path) -> None:
    row = {"question": "Who wrote Hamlet?", "answer": ["Shakespeare", "William Shakespeare"]}
    known, checked, _ = read(file_of(tmp_path, row))
    assert (known.fmt.value, checked.n_records) == ("prompts", 1)
    with pytest.raises(InputError, match=r"what somebody preferred \(output\)"):
        read(file_of(tmp_path, {"instruction": "Q?", "output": ["better", "worse"]}))
