"""Two texts under names of opposite meaning are a preference or a refusal, never prompts."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import AnswerUnclear, InputError
from ptrapp.interchange import formats, reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format, Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.reading import Checked
from ptrapp.interchange.records import JudgedPair


def read(folder: Path, row: dict[str, Any], fmt: Format | None = None) -> Checked:
    path = folder / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with RowFile(path, TERMINAL) as rows:
        return reading.check(rows, reading.understand(rows, Options(fmt)).plan)


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("win", "lose"), ("winner", "loser"), ("y_w", "y_l"), ("response_w", "response_l"),
        ("better", "worse"), ("better_response", "worse_response"), ("best", "worst"),
        ("accepted", "rejected"), ("chosen_text", "rejected_text"), ("chosen_answer", "rejected_answer"),
        ("preferred_response", "rejected_response"),
    ],
)  # fmt: skip
def test_clear_names_are_a_preference_in_whatever_order(
    tmp_path: Path, better: str, worse: str, is_reversed: bool
) -> None:
    texts = [(better, "a good one"), (worse, "a bad one")]
    row = {"prompt": "Q?"} | dict(texts[::-1] if is_reversed else texts)
    (pair,) = read(tmp_path, row).buffered or ()
    assert isinstance(pair, JudgedPair)
    assert (pair.prompt.text, pair.left.response, pair.right.response) == (
        "Q?", "a good one", "a bad one",
    )  # fmt: skip
    assert [one.outcome for one in pair.labels] == ["left"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("good", "bad"), ("good_answer", "bad_answer"), ("positive", "negative"), ("pos", "neg"),
        ("accept", "reject"), ("correct", "incorrect"), ("answer_right", "answer_wrong"), ("Y_W", "Y_L"),
        ("safeResponse", "unsafeResponse"), ("loser", "other"), ("worst", "other"),
    ],
)  # fmt: skip
def test_other_opposites_are_refused_and_become_prompts_only_when_told_so(
    tmp_path: Path, better: str, worse: str
) -> None:
    row = {"prompt": "Q?", better: "a fine one", worse: "an awful one"}
    with pytest.raises(InputError, match="say what somebody preferred"):
        read(tmp_path, row)
    assert len(read(tmp_path, row, Format.PROMPTS).buffered or ()) == 1


def test_prompts_beside_numbers_and_other_columns_stay_prompts(tmp_path: Path) -> None:
    row = {"prompt": "Q?", "wins": 3, "loses": 1, "good": "x", "bad_word": "y", "source_w": "z"}
    assert len(read(tmp_path, row).buffered or ()) == 1


@pytest.mark.parametrize(
    ("better", "worse"), [("chosen", "rejected"), ("winner", "loser"), ("preferred", "rejected")]
)
@pytest.mark.parametrize(
    ("mine", "its"),
    [("response_a", "response_b"), ("A", "B"), ("m1", "m2"), ("model_b", "model_a")],
)
def test_names_of_two_texts_are_not_taken_for_the_texts(
    tmp_path: Path, better: str, worse: str, mine: str, its: str
) -> None:
    two = {"response_a": "x", "response_b": "y", "model_a": "m1", "model_b": "m2"}
    with pytest.raises(AnswerUnclear, match=f"both {better} and {worse} name the two texts"):
        read(tmp_path, {"prompt": "Q?"} | two | {better: mine, worse: its})


def test_the_names_of_more_than_two_texts_are_not_taken_for_the_texts(tmp_path: Path) -> None:
    texts = {"prompt": "Q?", "response_a": "x", "response_b": "y", "response_c": "z"}
    with pytest.raises(InputError, match="not clear which two texts"):
        read(tmp_path, texts | {"chosen": "response_c", "rejected": "response_a"})
    (pair,) = read(tmp_path, texts | {"chosen": "z", "rejected": "x"}).buffered or ()
    assert isinstance(pair, JudgedPair)
    assert (pair.left.response, pair.right.response) == ("z", "x")


@pytest.mark.parametrize(("best", "worst"), [("3", "1"), ("C", "A")])
def test_the_places_of_more_than_two_texts_are_not_taken_for_the_texts(
    tmp_path: Path, best: str, worst: str
) -> None:
    texts = {"prompt": "Q?", "response_1": "x", "response_2": "y", "response_3": "z"}
    with pytest.raises(InputError, match="not clear which two texts"):
        read(tmp_path, texts | {"best": best, "worst": worst})


@pytest.mark.parametrize(
    "beside",
    [
        {"model_a": "GPT-4", "model_b": "Llama"},
        {"gpt4_output": "x", "llama_output": "y"},
    ],
)
def test_names_of_models_are_not_taken_for_the_texts(
    tmp_path: Path, beside: dict[str, str]
) -> None:
    two = {"winner": "GPT-4", "loser": "Llama"}, {"winner": "Llama", "loser": "GPT-4"}
    rows = [{"prompt": "Q?"} | beside | one for one in two]
    with pytest.raises(InputError, match=r"what somebody preferred \(winner, loser"):
        formats.detect(rows, "rows.jsonl")


@pytest.mark.parametrize(
    "two", [("chosen", "rejected"), ("best", "worst"), ("winner", "loser"), ("y_w", "y_l")]
)
@pytest.mark.parametrize(
    "beside",
    [{"context": "c", "reference_answer": "r"}, {"source_text": "s", "response_text": "t"},
     {"option_text": "c", "answer": "c"}, {"model_answer": "Yes", "answer": "No"}, {"model_answer": "No", "model_choice": "Yes"}],
)  # fmt: skip
def test_short_answers_that_win_here_and_lose_there_are_texts(
    tmp_path: Path, two: tuple[str, str], beside: dict[str, str]
) -> None:
    good, bad = ("A", "C") if "option_text" in beside else ("Yes", "No")
    both = (good, bad), (bad, good)
    rows = [{"question": "Q?"} | beside | dict(zip(two, said, strict=True)) for said in both]
    rows[1] |= dict(zip(beside, [*beside.values()][::-1], strict=True))
    assert formats.detect(rows, "rows.jsonl") is Format.PREFERENCES
