"""Left and right of Label Studio's Pairwise are the texts that were shown there, or are refused."""

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

ANSWERS = {"prompt": "Q?", "answer1": "x", "answer2": "y"}
MODELS = {"prompt": "Q?", "gpt": "x", "claude": "y"}
SHORT = {"annotation_id": 1, "annotator": 2, "id": 1}


def task(to_name: str, selected: str, data: Any = ANSWERS, config: str = "") -> dict[str, Any]:
    """Returns a task with one annotation under a Pairwise control."""
    result = {
        "from_name": "pw", "to_name": to_name, "type": "pairwise", "value": {"selected": selected},
    }  # fmt: skip
    annotations = [{"completed_by": 1, "result": [result]}]
    return {"data": data, "annotations": annotations} | ({"label_config": config} if config else {})


def texts(**shown: str) -> str:
    """Returns a configuration whose objects show these fields."""
    objects = "".join(f'<Text name="{name}" value="${one}"/>' for name, one in shown.items())
    return f'<View><Pairwise name="pw" toName="{",".join(shown)}"/>{objects}</View>'


def read(folder: Path, *rows: Any, column: str = "") -> list[tuple[str, str, list[str]]]:
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file, Options(answer_column=column))
        checked = reading.check(file, known.plan)
    assert checked.mistakes.named == []
    return [
        (one.left.response, one.right.response, [label.outcome for label in one.labels])
        for one in checked.buffered or ()
        if isinstance(one, JudgedPair)
    ]


SWAPPED = texts(answer1="answer2", answer2="answer1")


@pytest.mark.parametrize("column", ["", "pw"])
@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (task("answer1,answer2", "left"), "left"),
        (task("answer2,answer1", "left"), "right"),
        (task("answer2, answer1", "right"), "left"),
        (task("answer1,answer2", "left", config=SWAPPED), "right"),
        (task("answer2,answer1", "left", config=SWAPPED), "left"),
        (task("answer1,answer2", "left", config=f"<!-- {SWAPPED} -->"), "left"),
        (task("gpt,claude", "left", MODELS), "left"),
        (task("claude,gpt", "left", MODELS), "right"),
        (task("txt2,txt1", "left", MODELS, texts(txt1="gpt", txt2="claude")), "right"),
        (task("txt1,txt2", "right", MODELS, texts(txt2="gpt", txt1="claude")), "left"),
        (task("txt1,txt2", "left", MODELS, "<View><Text value='$claude' name='txt1' granularity='a > b'/><Text name='txt2' value='$gpt'/></View>"), "right"),
    ],
)  # fmt: skip
def test_left_is_the_text_that_was_shown_on_the_left(
    tmp_path: Path, row: Any, outcome: str, column: str
) -> None:
    assert read(tmp_path, row, column=column) == [("x", "y", [outcome])]


@pytest.mark.parametrize(
    ("to_name", "outcome"), [("txt-1,txt-2", "left"), ("txt-2,txt-1", "right")]
)
def test_objects_that_are_numbered_as_the_fields_show_them(
    tmp_path: Path, to_name: str, outcome: str
) -> None:
    assert read(tmp_path, task(to_name, "left"))[0][2] == [outcome]


def test_each_task_is_read_by_its_own_configuration(tmp_path: Path) -> None:
    two = (texts(t1="gpt", t2="claude"), texts(t1="claude", t2="gpt"))
    rows = [task("t1,t2", "left", MODELS, config) for config in two]
    assert [one[2] for one in read(tmp_path, *rows)] == [["left"], ["right"]]


@pytest.mark.parametrize("column", ["", "pw"])
@pytest.mark.parametrize(
    "row",
    [
        task("txt2,txt1", "left", MODELS),
        task("gpt,gpt", "left", MODELS),
        task("prompt,gpt", "left", MODELS),
        task("gpt,claude,other", "left", MODELS),
        task("", "left", MODELS),
        task("txt1,txt2", "left", MODELS, texts(txt1="gpt", other="claude")),
    ],
)
def test_a_side_that_nothing_names_is_refused(tmp_path: Path, row: Any, column: str) -> None:
    with pytest.raises(InputError, match=r"'pw' .* nothing says which .* label_config"):
        read(tmp_path, row, column=column)


def test_ratings_are_of_the_texts_that_the_configuration_shows(tmp_path: Path) -> None:
    results = [
        {"from_name": "stars", "to_name": name, "type": "rating", "value": {"rating": n}}
        for name, n in (("answer1", 5), ("answer2", 1))
    ]
    row = {"data": ANSWERS, "annotations": [{"completed_by": 1, "result": results}]}
    assert read(tmp_path, row) == [("x", "y", ["left"])]
    assert read(tmp_path, row | {"label_config": SWAPPED}) == [("x", "y", ["right"])]


def test_a_short_export_has_a_left_only_where_the_names_of_the_texts_have_one(
    tmp_path: Path,
) -> None:
    said = {"pw": [{"selected": "right"}]} | SHORT
    assert read(tmp_path, ANSWERS | said) == [("x", "y", ["right"])]
    with pytest.raises(InputError, match=r"'pw' .* nothing says which .* JSON export"):
        read(tmp_path, MODELS | said)
