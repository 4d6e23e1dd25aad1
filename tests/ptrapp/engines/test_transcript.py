"""What is shown of a text that is still being written."""

from collections.abc import Sequence

from ptrapp.core.thoughts import TINY
from ptrapp.engines.transcript import Transcript


def decode(token_ids: Sequence[int]) -> str:
    """A token is a byte, as a byte-level tokenizer may well have it."""
    return bytes(token_ids).decode("utf-8", errors="replace")


def test_half_a_character_is_held_back_until_it_is_whole() -> None:
    written = list("<R> 3 € and 😀".encode())
    transcript = Transcript(decode, TINY, thinking=True)
    shown = [transcript.so_far(written[:n]).response for n in range(1, len(written) + 1)]
    assert shown[-1] == "3 € and 😀"
    assert all("\N{REPLACEMENT CHARACTER}" not in text for text in shown)
    assert all("3 € and 😀".startswith(text) for text in shown)


def test_half_a_marker_is_held_back_until_it_is_whole() -> None:
    written = list(b" 1 < 2 <R> yes")
    transcript = Transcript(decode, TINY, thinking=True)
    shown = [transcript.so_far(written[:n]) for n in range(1, len(written) + 1)]
    assert {text.thought for text in shown} <= {"", "1", "1 < ", "1 <", "1 < 2"}
    assert shown[-1].response == "yes"
