"""Small files of kinds that were once misread, each with its right value: what a person said arrives
as it was said, or is refused in words. The files under `cases/` were made by hand for this."""

from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format, Options
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.reading import Checked, Reading
from ptrapp.interchange.records import JudgedPair, Rated, Record

CASES = Path(__file__).parent / "cases"


def read(path: Path, answer_column: str = "") -> tuple[Reading, Checked]:
    with RowFile(path, TERMINAL) as rows:
        known = reading.understand(rows, Options(answer_column=answer_column))
        return known, reading.check(rows, known.plan)


def shown(record: Record) -> Any:
    match record:
        case JudgedPair(prompt=prompt, left=left, right=right, labels=labels):
            said = [label.outcome for label in labels]
            return prompt.text, prompt.system, left.response, right.response, said
        case Rated():
            return record.prompt.text, record.completion.response, record.good
    return record


FRUIT = ("Name a fruit.", None, "Brick.", "Apple.", ["right"])
CHOSEN = ("Name a fruit.", None, "Apple", "Brick", ["left"])
TOLD = ("Name a fruit.", None, "Apple.", "Brick.", ["left"])
LEGS = ("How many legs has a spider?", "Be kind.", "A spider has eight legs.", "A spider has six legs.", ["left"])  # fmt: skip

RIGHT: dict[str, tuple[Format, list[Any]]] = {
    "label_studio/ls_batch.csv": (Format.LABEL_STUDIO_MIN, [FRUIT]),
    "label_studio/ls_winner.csv": (
        Format.LABEL_STUDIO_MIN,
        [
            (f"Name fruit {n}.", None, f"Brick {n}.", f"Apple {n}.", [outcome])
            for n, outcome in ((1, "right"), (2, "left"), (3, "tie"))
        ],
    ),
    "second_question/ls_two_choices.json": (Format.LABEL_STUDIO, [FRUIT]),
    "second_question/ls_rating.json": (Format.LABEL_STUDIO, [FRUIT]),
    "second_question/arg_label_beside.json": (Format.ARGILLA, [FRUIT]),
    "question_column/orca_alike.jsonl": (Format.PREFERENCES, [LEGS]),
    "question_column/orca.jsonl": (
        Format.PREFERENCES,
        [LEGS, ("Capital of Peru?", None, "Lima.", "I think it is Cusco.", ["left"])],
    ),
    "preferences_become_prompts/alpacafarm.jsonl": (Format.COMPARISONS, [FRUIT]),
    "preferences_become_prompts/arg_flat_singular.jsonl": (Format.ARGILLA, [FRUIT]),
    "preferences_become_prompts/argilla_ufb.jsonl": (Format.PREFERENCES, [TOLD]),
    "preferences_become_prompts/lf_kto.json": (
        Format.UNPAIRED,
        [("Name a prime.", "Eight.", False), ("Name a colour.", "Red.", True)],
    ),
    "preferences_become_prompts/lmarena55k.csv": (Format.COMPARISONS, [FRUIT]),
    "preferences_become_prompts/space_header.csv": (Format.PREFERENCES, [CHOSEN]),
    "messages_in_cells/double_encoded.jsonl": (Format.PREFERENCES, [TOLD]),
    "messages_in_cells/json_space.csv": (Format.PREFERENCES, [TOLD]),
    "messages_in_cells/pandas_repr.csv": (
        Format.PREFERENCES,
        [("Name a fruit.", None, "It's an apple.", "Brick.", ["left"])],
    ),
    "system_and_reasoning/system_col.jsonl": (
        Format.PREFERENCES,
        [("Name a fruit.", "Answer in one word.", "Apple", "A brick, surely", ["left"])],
    ),
    "system_and_reasoning/reasoning_content.jsonl": (
        Format.PREFERENCES,
        [("2+2?", None, "4", "5", ["left"])],
    ),
    "json_shapes/excel_semicolon.csv": (
        Format.PREFERENCES,
        [("Name a fruit.", None, "Apple; or pear", "Brick", ["left"])],
    ),
    "json_shapes/pretty_objects.json": (
        Format.PREFERENCES,
        [(f"Name fruit {n}.", None, "Apple", "Brick", ["left"]) for n in range(2)],
    ),
    "json_shapes/wrapped.json": (Format.PREFERENCES, [CHOSEN]),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_file_is_read_as_what_was_said(case: str) -> None:
    fmt, wanted = RIGHT[case]
    known, checked = read(CASES / case)
    assert checked.mistakes.named == []
    assert known.fmt is fmt
    assert [shown(one) for one in checked.buffered or ()] == wanted


def test_every_case_has_its_right_value() -> None:
    files = {str(path.relative_to(CASES)) for path in CASES.rglob("*.*")}
    assert files == {*RIGHT, "preferences_become_prompts/first_incomplete.jsonl"}


def test_an_incomplete_first_row_is_named_and_the_others_stay_preferences() -> None:
    known, checked = read(CASES / "preferences_become_prompts/first_incomplete.jsonl")
    assert known.fmt is Format.PREFERENCES
    assert checked.mistakes.named == ["line 1: no 'rejected' (it has chosen, prompt)"]
    assert dict(checked.outcomes) == {"left": 3}


def test_the_thought_beside_a_message_is_its_thought() -> None:
    _, checked = read(CASES / "system_and_reasoning/reasoning_content.jsonl")
    (pair,) = checked.buffered or ()
    assert isinstance(pair, JudgedPair)
    assert (pair.left.thought, pair.right.thought) == ("two and two is four", "guess")


def test_an_answerless_conversation_is_left_out_and_counted() -> None:
    _, checked = read(CASES / "preferences_become_prompts/lmarena55k.csv")
    assert dict(checked.left_out) == {
        "a conversation in which one side has no last answer": 1,
    }


def test_columns_that_are_not_read_are_named() -> None:
    known, _ = read(CASES / "label_studio/ls_batch.csv")
    assert list(known.unused) == ["batch"]
    known, _ = read(CASES / "second_question/ls_two_choices.json")
    assert list(known.unused) == ["difficulty"]
    known, _ = read(CASES / "second_question/arg_label_beside.json")
    assert list(known.unused) == ["difficulty"]


def test_another_column_can_be_named_as_the_answer() -> None:
    _, checked = read(CASES / "label_studio/ls_batch.csv", "batch")
    assert dict(checked.outcomes) == {"left": 1}
    with pytest.raises(InputError, match="no column or control 'mood'"):
        read(CASES / "label_studio/ls_batch.csv", "mood")
