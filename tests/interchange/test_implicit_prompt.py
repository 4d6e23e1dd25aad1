"""A prompt under no usual name is defined by the format, said in the preview, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair

CAT, STONE = "A cat is an animal.", "A cat is a stone."
HH = "\n\nHuman: What is a cat?\n\nAssistant: "


def read(folder: Path, row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Returns prompt and texts of the only pair, and what is said of the reading."""
    path = folder / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file)
        (pair,) = reading.check(file, known.plan).buffered or ()
    assert isinstance(pair, JudgedPair)
    said = "; ".join(known.plan.said)
    return pair.prompt.text, pair.left.response, pair.right.response, said


def test_the_paper_calls_the_prompt_x(tmp_path: Path) -> None:
    assert read(tmp_path, {"x": "What is a cat?", "y_w": CAT, "y_l": STONE}) == (
        "What is a cat?", CAT, STONE, "the prompt is x, as the answers to it are y_w and y_l",
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["x", "frage", "user_prompt", "user", "task", "text", "title", "source_question"]
)
@pytest.mark.parametrize("two", [("chosen", "rejected"), ("winner", "loser"), ("better", "worse")])
def test_a_column_that_may_hold_the_prompt_is_named_and_nothing_is_guessed(
    tmp_path: Path, name: str, two: tuple[str, str]
) -> None:
    row = {name: "What is a cat?"} | dict(zip(two, (CAT, STONE), strict=True))
    with pytest.raises(InputError, match=f"{name} may hold it; call the column with the prompts"):
        read(tmp_path, row)


@pytest.mark.parametrize("two", [("y_w", "y_l"), ("winner", "loser"), ("better", "worse")])
def test_only_trl_defines_that_texts_begin_with_their_prompt(
    tmp_path: Path, two: tuple[str, str]
) -> None:
    with pytest.raises(InputError, match=f"no column holds the prompt of {two[0]} and {two[1]}"):
        read(tmp_path, dict(zip(two, (CAT, STONE), strict=True)))


def test_an_empty_column_of_prompts_is_no_reason_to_guess(tmp_path: Path) -> None:
    for empty in ("", None, []):
        with pytest.raises(InputError, match="question holds no prompt in any row; fill it"):
            read(tmp_path, {"question": empty, "chosen": CAT, "rejected": STONE})


def test_answers_in_messages_have_the_prompt_x_too(tmp_path: Path) -> None:
    answers = {
        name: [{"role": "assistant", "content": text}]
        for name, text in (("y_w", CAT), ("y_l", STONE))
    }
    assert read(tmp_path, {"x": "What?"} | answers)[:3] == ("What?", CAT, STONE)


def test_what_trl_defines_is_said(tmp_path: Path) -> None:
    row = {"chosen": CAT, "rejected": STONE, "id": "r1", "chosen_model": "m", "score_chosen": 3}
    *texts, said = read(tmp_path, row)
    assert texts == ["A cat is", "an animal.", "a stone."]
    assert said == "no column is the prompt: it is the beginning that both texts share, as in TRL"


def test_texts_that_hold_their_prompt_need_no_column_whatever_is_beside_them(
    tmp_path: Path,
) -> None:
    asked = {"role": "user", "content": "What is a cat?"}
    talks = [[asked, {"role": "assistant", "content": text}] for text in (CAT, STONE)]
    for mine, its in ((HH + CAT, HH + STONE), talks):
        row = {"topic": "cats", "chosen": mine, "rejected": its}
        assert read(tmp_path, row) == ("What is a cat?", CAT, STONE, "")
