"""Partial text of a row that is still being decoded."""

from collections.abc import Sequence

from ptrapp.core.thoughts import TINY
from ptrapp.engines.local.transcript import Transcript


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


def test_half_a_stop_string_is_held_back_until_it_is_whole_or_something_else() -> None:
    written = list(b"<R> 4\nQuest\nQues and \nQuestion: 3")
    transcript = Transcript(decode, TINY, True, ("\nQuestion:", "never"))
    shown, n = [], 0
    while not transcript.ends(written[: (n := n + 1)]):
        shown.append(transcript.so_far(written[:n]).response)
    assert bytes(written[:n]).endswith(b"\nQuestion:")
    assert "4" in shown
    assert "4\nQuest\nQues and" in shown
    assert "4\nQ" not in shown
    assert not any(text.endswith("Question") for text in shown)


def test_a_stop_string_beside_half_a_character_is_found() -> None:
    """A token may hold both: bytes that are not yet a character put nothing off."""
    transcript = Transcript(decode, TINY, True, ("stop",))
    assert not transcript.ends(list("€ sto".encode()))
    assert transcript.ends([*b"\xe2\x82\xac stop", 0xE2])


def test_what_the_template_wrote_is_no_stop_string() -> None:
    transcript = Transcript(decode, TINY, True, ("<T>", ">a"))
    assert not transcript.ends(list(b"ab"))
    assert transcript.ends(list(b"ab <T>"))


def test_half_a_marker_is_held_back_until_it_is_whole() -> None:
    written = list(b" 1 < 2 <R> yes")
    transcript = Transcript(decode, TINY, thinking=True)
    shown = [transcript.so_far(written[:n]) for n in range(1, len(written) + 1)]
    assert {text.thought for text in shown} <= {"", "1", "1 < ", "1 <", "1 < 2"}
    assert shown[-1].response == "yes"
