import time

import pytest

from ptrapp.analysis.diff import Kind, word_diff

BIG = " ".join(str(n) for n in range(20_000))


def test_a_changed_word_is_removed_and_added_where_it_stood() -> None:
    assert word_diff("It is 4 now.", "It is 5 now.") == [
        ("It is", Kind.SAME), (" 4", Kind.REMOVED), (" 5", Kind.ADDED), (" now.", Kind.SAME),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("", "new"),
        ("old", ""),
        ("a\n\n b ", "a\n c b"),
        ("a " * 100_000, "b a " * 50_000),
        ("a\n" * 5_000, "b\na\n" * 2_500),
        (BIG, BIG[::-1]),
        (
            " ".join(str(n % 50) for n in range(1000)),
            " ".join(str(n * 7 % 53) for n in range(1000)),
        ),
    ],
)
def test_both_texts_can_be_read_off_the_pieces_of_any_text_in_little_time(
    before: str, after: str
) -> None:
    started = time.monotonic()
    pieces = word_diff(before, after)
    assert "".join(text for text, kind in pieces if kind != Kind.ADDED) == before
    assert "".join(text for text, kind in pieces if kind != Kind.REMOVED) == after
    assert time.monotonic() - started < 3
