"""What is said of the two texts by the name of a column: a preference is never read upside down."""

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
NUMBERED = {"prompt": "Q?", "response_0": "x", "response_1": "y"}
MODELS = TWO | {"model_a": "m1", "model_b": "m2"}


def read(folder: Path, *rows: Any, column: str = "") -> tuple[list[list[str]], str]:
    """Returns the outcomes of each pair, and what is said of the reading."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    assert checked.mistakes.named == []
    pairs = [one for one in checked.buffered or () if isinstance(one, JudgedPair)]
    return [[label.outcome for label in one.labels] for one in pairs], " ".join(known.plan.said)


def annotated(name: str, kind: str, **value: Any) -> dict[str, Any]:
    """Returns a Label Studio task with one answer under one control."""
    result = {"from_name": name, "to_name": "p", "type": kind, "value": value}
    data = {"prompt": "Q?", "answer1": "x", "answer2": "y"}
    return {"data": data, "annotations": [{"completed_by": 1, "result": [result]}]}


def asked(name: str, value: Any) -> dict[str, Any]:
    """Returns a record of Argilla with one answer to one question."""
    fields = {"prompt": "Q?", "response1": "x", "response2": "y"}
    return {"fields": fields, "responses": {name: [{"value": value, "user_id": "u"}]}}


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (TWO | {"loser": "response_a"}, "loser"),
        (TWO | {"loser": "a"}, "loser"),
        (TWO | {"loser": "model_a"}, "loser"),
        (TWO | {"loser_model": "model_a"}, "loser_model"),
        (TWO | {"worst": "response_a"}, "worst"),
        (TWO | {"worse_response": "response_a"}, "worse_response"),
        (TWO | {"worseAnswer": "Response A"}, "worseAnswer"),
        (TWO | {"rejected_response": "response_a"}, "rejected_response"),
        (TWO | {"rejected": "response_a"}, "rejected"),
        (TWO | {"dispreferred": "response_a"}, "dispreferred"),
        (TWO | {"not_preferred": "response_a"}, "not_preferred"),
        (NUMBERED | {"worse_response_id": 0}, "worse_response_id"),
        (MODELS | {"loser": "m1"}, "loser, model_a, model_b"),
        (annotated("worse", "choices", choices=["answer1"]), "worse"),
        (annotated("worse", "pairwise", selected="left"), "worse"),
        (asked("worse", "response1"), "worse"),
    ],
)  # fmt: skip
def test_a_name_of_the_worse_text_is_read_the_other_way_round_and_it_is_said(
    tmp_path: Path, row: dict[str, Any], name: str
) -> None:
    assert read(tmp_path, row) == (
        [["right"]],
        f"the preference is read from {name}, which names the worse one",
    )


def test_a_tie_is_one_under_a_name_of_the_worse_text_too(tmp_path: Path) -> None:
    rows = [TWO | {"loser": said} for said in ("tie", "response_b")]
    assert read(tmp_path, *rows)[0] == [["tie"], ["left"]]


def test_the_flag_reads_a_name_of_the_worse_text_the_other_way_round(tmp_path: Path) -> None:
    row = TWO | {"winner": "model_b", "loser": "model_a"}
    with pytest.raises(AnswerUnclear, match="both winner and loser"):
        read(tmp_path, row)
    for name in ("winner", "loser"):
        assert read(tmp_path, row, column=name)[0] == [["right"]]


@pytest.mark.parametrize("said", ["neither", "both", "A is better", "model_a wins", "A > B"])
def test_an_answer_that_names_no_worse_text_is_refused(tmp_path: Path, said: str) -> None:
    for column in ("", "loser"):
        with pytest.raises(InputError, match=r"names neither|under a name of the worse"):
            read(tmp_path, TWO | {"loser": said}, column=column)


@pytest.mark.parametrize(
    "name",
    [
        "wrong_answer", "unsafe_response", "bad_response", "preference_against", "rejected_choice",
        "hallucinated_response", "not_the_winner", "eliminated", "harmful_response", "best_or_worst",
    ],
)  # fmt: skip
def test_a_name_of_something_bad_is_refused_with_what_to_rename_it_to(
    tmp_path: Path, name: str
) -> None:
    for column in ("", name):
        with pytest.raises(InputError, match=f"'{name}' names one .* rename it to winner if"):
            read(tmp_path, TWO | {name: "response_a"}, column=column)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (TWO | {"longer": "response_a"}, "longer"),
        (TWO | {"shown_first": "model_a"}, "shown_first"),
        (TWO | {"verlierer": "response_a"}, "verlierer"),
        (TWO | {"chosen_by": "model_a"}, "chosen_by"),
        (TWO | {"second_best": "Response A"}, "second_best"),
        (annotated("longer", "choices", choices=["answer1"]), "longer"),
        (annotated("longer", "choices", choices=["A"]), "longer"),
        (asked("longer", "response1"), "longer"),
    ],
)  # fmt: skip
def test_values_that_happen_to_name_the_texts_are_no_preference(
    tmp_path: Path, row: dict[str, Any], name: str
) -> None:
    with pytest.raises(AnswerUnclear, match=f"not clear whether {name} .* rename it") as refusal:
        read(tmp_path, row)
    assert refusal.value.columns == (name,)
    assert read(tmp_path, row, column=name)[0] == [["left"]]


def test_what_else_names_the_texts_does_not_hide_a_clear_preference(tmp_path: Path) -> None:
    row = TWO | {"shown_first": "response_a", "wrong_answer": "response_a", "winner": "response_b"}
    assert read(tmp_path, row) == ([["right"]], "the preference is read from winner")


@pytest.mark.parametrize(
    "name",
    ["winner", "preferred", "preference", "choice", "better", "best", "label", "labels", "verdict",
     "winner_model", "human_preference", "preferredResponse", "judgement", "selected", "pick"],
)  # fmt: skip
def test_a_name_of_the_preferred_text_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, TWO | {name: "response_b"})[0] == [["right"]]


@pytest.mark.parametrize(
    "stem",
    ["toxicity_score", "errors_score", "rank", "loss", "perplexity", "harm_rating", "cost",
     "penalty", "unhelpfulness_score"],
)  # fmt: skip
def test_numbers_of_which_the_lower_is_better_are_refused(tmp_path: Path, stem: str) -> None:
    row = TWO | {f"{stem}_a": 2, f"{stem}_b": 1}
    for column in ("", f"{stem}_a"):
        with pytest.raises(InputError, match=f"of {stem}_a and {stem}_b the lower seems"):
            read(tmp_path, row, column=column)


def test_scores_that_may_mean_anything_are_settled_by_the_flag(tmp_path: Path) -> None:
    row = TWO | {"formality_score_a": 1, "formality_score_b": 4}
    with pytest.raises(AnswerUnclear, match="not clear whether the higher of formality_score_a"):
        read(tmp_path, row)
    assert read(tmp_path, row, column="formality_score_a")[0] == [["right"]]


@pytest.mark.parametrize(
    "stem",
    ["score", "rating", "overall_rating", "reward", "quality", "helpfulness", "harmlessness"],
)
def test_numbers_of_which_the_higher_is_better_are_read(tmp_path: Path, stem: str) -> None:
    row = TWO | {f"{stem}_a": 1, f"{stem}_b": 4, "toxicity_score_a": 1, "toxicity_score_b": 3}
    assert read(tmp_path, row) == (
        [["right"]],
        f"the higher of {stem}_a and {stem}_b is preferred, equal ones are a tie",
    )


def test_a_ranking_of_the_worst_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not ask for the best first"):
        read(tmp_path, asked("worst_first", ["response1", "response2"]))


@pytest.mark.parametrize("name", ["swapped", "is_flipped", "order_reversed", "Swapped_Order"])
def test_whether_an_answer_is_of_texts_that_were_shown_swapped_is_asked(
    tmp_path: Path, name: str
) -> None:
    rows = [TWO | {"winner": "model_a", name: said} for said in (True, False)]
    with pytest.raises(AnswerUnclear, match=f"where '{name}' is true, 'winner' may be .* swap"):
        read(tmp_path, *rows)
    assert read(tmp_path, *rows, column="winner")[0] == [["left"], ["left"]]
    never = [TWO | {"winner": "model_a", name: False}]
    assert read(tmp_path, *never)[0] == [["left"]]


def test_an_answer_that_says_two_things_is_refused_for_that(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"names one text and says that both are even: .* 'winner'"
    ):
        read(tmp_path, TWO | {"winner": "Both are good but I prefer B"})
