"""Where the problems come from: always the same for a seed, always verifiable."""

from pathlib import Path

import pytest

from ptrapp.core.errors import InputError
from ptrapp.evaluation.tasks import open_task
from ptrapp.tasks.datasets import Columns
from ptrapp.tasks.families import HELD_OUT, split_of
from ptrapp.tasks.instructions import SETS, instructions
from ptrapp.tasks.kept import Asked


@pytest.mark.parametrize("name", ["generated", "held_out"])
def test_generated_problems_are_of_the_evaluation_side(name: str) -> None:
    task = open_task(name)
    drawn = task.draw(40, seed=3)
    assert drawn == task.draw(40, seed=3)
    assert drawn != task.draw(40, seed=4)
    assert all(split_of(one.prompt) == "eval" for one in drawn)
    assert {one.source in HELD_OUT for one in drawn} == {name == "held_out"}


@pytest.mark.parametrize("name", SETS)
def test_instructions_are_drawn_by_their_set_and_not_those_a_job_learns(name: str) -> None:
    task = open_task(name)
    drawn = task.draw(40, seed=3)
    assert drawn == task.draw(40, seed=3)
    assert drawn != task.draw(40, seed=4)
    learnt = {one.prompt for one in instructions(40, name=name, seed=3)}
    assert len(learnt & {one.prompt for one in drawn}) < 5
    for one in drawn:
        kinds = [each.kind for each in Asked.from_reference(one.reference_answer or "").constraints]
        assert one.source == "+".join(kinds)


def test_a_file_is_a_task(tmp_path: Path) -> None:
    file = tmp_path / "school.jsonl"
    lines = [f'{{"question": "What is {n} + 1?", "answer": "#### {n + 1}"}}' for n in range(30)]
    file.write_text(
        "\n".join([*lines, lines[0], '{"question": "Why?", "answer": ""}']), encoding="utf-8"
    )
    task = open_task(str(file))

    assert task.name == "school"
    assert len(task.draw(100, 0)) == 30, "the same question once, one without an answer not at all"
    some = task.draw(10, 1)
    assert some == task.draw(10, 1) != task.draw(10, 2)
    assert some[0].reference_answer


def test_a_multiple_choice_with_columns_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "quiz.csv"
    file.write_text("ask,right\nTwo plus two?,4\nOne plus two?,3\n", encoding="utf-8")
    drawn = open_task(str(file), Columns("ask", "right")).draw(5, 0)
    assert {one.reference_answer for one in drawn} == {"3", "4"}


def test_of_a_data_set_the_test_split_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for split in ("train", "test"):
        file = tmp_path / "school" / f"{split}.jsonl"
        file.parent.mkdir(exist_ok=True)
        lines = [f'{{"question": "{split} {n}?", "answer": "{n}"}}' for n in range(3)]
        file.write_text("\n".join(lines), encoding="utf-8")
    drawn = open_task(f"hf:{tmp_path / 'school'}").draw(9, 0)
    assert [one.prompt for one in drawn] == ["test 0?", "test 1?", "test 2?"]
    named = open_task(f"hf:{tmp_path / 'school'}:train").draw(9, 0)
    assert named[0].prompt == "train 0?"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gsm9k", "no task 'gsm9k'"),
        ("hf:", "names no data set"),
        ("hf:a:b:c:d", "names no data set"),
    ],
)
def test_what_is_no_task_is_refused(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_task(name)


def test_questions_without_answers_measure_nothing(tmp_path: Path) -> None:
    file = tmp_path / "open.jsonl"
    file.write_text('{"question": "Why?"}\n{"question": "How?"}', encoding="utf-8")
    with pytest.raises(InputError, match="0 different questions"):
        open_task(str(file))
