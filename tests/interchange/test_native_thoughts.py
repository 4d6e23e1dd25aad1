"""Native files keep who ended a thought, and files from before say nothing of it."""

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.interchange.native import completion_from, completion_row
from ptrapp.interchange.records import CompletionText

BEFORE = CompletionText("<T> a<R> b", "a", "b", True)


@pytest.mark.parametrize("end", ["model", "turn", "budget", None])
@pytest.mark.parametrize("asked_again", [True, False])
def test_the_end_of_a_thought_is_read_as_it_was_written(end: str | None, asked_again: bool) -> None:
    one = CompletionText("r", "a", "b", True, thought_end=end, asked_again=asked_again)
    assert completion_from(completion_row(one), "left") == one


def test_a_file_from_before_is_read() -> None:
    row = completion_row(BEFORE)
    assert not {"thought_end", "asked_again"} & row.keys()
    assert completion_from(row, "left") == BEFORE


def test_another_end_is_refused() -> None:
    with pytest.raises(BadRow, match="thought_end"):
        completion_from(completion_row(BEFORE) | {"thought_end": "judge"}, "left")
