"""Questions in their usual shapes."""

import doctest
from typing import Any

import pytest

from ptrapp.tasks import datasets
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.datasets import Question, questions


def test_the_example_holds() -> None:
    result = doctest.testmod(datasets)
    assert (result.attempted, result.failed) == (1, 0)


def test_a_worked_solution_is_verified_by_what_stands_behind_its_mark() -> None:
    row = {"question": "2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\n#### 1,204"}

    (question,) = questions([row], source="a.jsonl")

    assert question == Question("2 + 2?", "1,204", "a.jsonl")
    assert is_correct("So the answer is 1204.", question.reference_answer or "")


@pytest.mark.parametrize("answer", [1, "1", "B", "Rome"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_multiple_choice_is_asked_with_letters(answer: Any, labelled: bool) -> None:
    texts: Any = ["Oslo", "Rome", "Bonn"]
    choices = {"text": texts, "label": ["A", "B", "C"]} if labelled else texts
    row = {"question": "Capital of Italy?", "choices": choices, "answer": answer}

    (question,) = questions([row], source="x")

    assert question.prompt.splitlines()[1:4] == ["A) Oslo", "B) Rome", "C) Bonn"]
    assert question.reference_answer == "B"
    assert is_correct("I think the answer is B.", "B")


def test_numbered_labels_are_asked_as_letters_too() -> None:
    """ARC has a few questions whose labels are 1 to 4: there "2" is the label, not the third."""
    row = {
        "question": "q",
        "choices": {"text": list("wxyz"), "label": ["1", "2", "3", "4"]},
        "answer": "2",
    }

    (question,) = questions([row], source="x")

    assert question.reference_answer == "B"
