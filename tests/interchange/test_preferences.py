"""TRL's preference types as its documentation and its data sets write them, and HH-RLHF's rows."""

from typing import Any

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange import preferences, questions, unpaired
from ptrapp.interchange.records import JudgedPair, PromptText

USER = {"role": "user", "content": "What color is the sky?"}
BLUE = {"role": "assistant", "content": "It is blue."}
GREEN = {"role": "assistant", "content": "It is green."}


def read(**row: Any) -> JudgedPair:
    (pair,) = preferences.parse(row)
    return pair


def sides(pair: JudgedPair) -> tuple[str, str, str]:
    return pair.prompt.text, pair.left.response, pair.right.response


def test_standard_and_conversational_rows_mean_the_same() -> None:
    standard = read(
        prompt="What color is the sky?", chosen=" It is blue.", rejected=" It is green."
    )
    conversational = read(prompt=[USER], chosen=[BLUE], rejected=[GREEN])
    shared = read(chosen=[USER, BLUE], rejected=[USER, GREEN])
    beside = read(prompt=USER["content"], chosen=[USER, BLUE], rejected=[USER, GREEN])
    wanted = ("What color is the sky?", "It is blue.", "It is green.")
    assert [sides(one) for one in (standard, conversational, shared, beside)] == [wanted] * 4
    assert standard.labels[0].outcome == "left"


@pytest.mark.parametrize(
    ("raw", "response"),
    [
        ("    a = 1\n    b = 2\n", "    a = 1\n    b = 2"),
        ("\n\n\treturn y", "\treturn y"),
        (" It is blue. ", "It is blue."),
        ("  \nSo", "So"),
    ],
)
def test_the_first_line_of_code_stays_indented(raw: str, response: str) -> None:
    assert read(prompt="a", chosen=raw, rejected="no").left.response == response


def test_the_raw_text_stays_as_in_the_file() -> None:
    assert read(prompt="a", chosen=" It is blue.", rejected="no").left.raw == " It is blue."


@pytest.mark.parametrize(
    ("chosen", "rejected", "prompt"),
    [
        ("The sky is blue.", "The sky is green.", "The sky is"),
        ("Q: Sky?\nA: The blue one", "Q: Sky?\nA: The green one", "Q: Sky?\nA:"),
        ("Why?\n\nBecause it is.", "Why?\n\nBecause of me.", "Why?"),
    ],
)
def test_a_shared_beginning_of_texts_is_cut_where_a_turn_or_a_word_ends(
    chosen: str, rejected: str, prompt: str
) -> None:
    pair = read(chosen=chosen, rejected=rejected)
    assert pair.prompt.text == prompt
    assert chosen.endswith(pair.left.response)
    assert not chosen[: -len(pair.left.response)].strip().endswith("it")


def test_a_conversation_becomes_system_context_and_question() -> None:
    system = {"role": "system", "content": "Be brief."}
    more = {"role": "user", "content": "And at night?"}
    pair = read(chosen=[system, USER, BLUE, more, BLUE], rejected=[system, USER, BLUE, more, GREEN])
    assert pair.prompt == PromptText(
        "And at night?",
        "Be brief.",
        (
            Message(MessageRole.USER, USER["content"]),
            Message(MessageRole.ASSISTANT, BLUE["content"]),
        ),
    )


def test_transcripts_are_split_into_turns() -> None:
    begin = "\n\nHuman: Hi: there?\n\nAssistant: Yes.\n\nNot: a turn\n\nHuman: Who?\n\nAssistant:"
    pair = read(chosen=f"{begin} Me.", rejected=f"{begin} Nobody\n\nreally.")
    assert sides(pair) == ("Who?", "Me.", "Nobody\n\nreally.")
    assert [turn.content for turn in pair.prompt.context] == ["Hi: there?", "Yes.\n\nNot: a turn"]
    apart = read(prompt=begin, chosen=" Me.", rejected=" Nobody.")
    assert apart.prompt == pair.prompt


def test_a_thought_in_a_text_is_split_off_and_stays_in_the_raw_text() -> None:
    pair = read(
        prompt="1+1?",
        chosen="<think>One and one.</think>\n\nTwo.",
        rejected="reasoning of a prefilled template</think>Three.",
    )
    assert (pair.left.thought, pair.left.response, pair.left.thinking) == (
        "One and one.", "Two.", True,
    )  # fmt: skip
    assert pair.left.raw.startswith("<think>")
    assert pair.right.response == "Three."
    ours = read(prompt="1+1?", chosen="<T> so <R> 2", rejected="<R> 3")
    assert (ours.left.thought, ours.left.response, ours.right.response) == ("so", "2", "3")
    assert (ours.left.thinking, ours.right.thinking) == (True, False)


def test_a_type_parameter_is_no_thought() -> None:
    code = "fn apply<R>(f: impl Fn() -> R) -> R { f() }"
    assert read(prompt="p", chosen=code, rejected="no").left.response == code


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "a", "chosen": "same ", "rejected": "same"}, "same text"),
        ({"prompt": "a", "chosen": "x"}, "no 'rejected'"),
        ({"prompt": "a", "chosen": 3, "rejected": "x"}, "'chosen' is a int"),
        ({"prompt": " ", "chosen": "y", "rejected": "x"}, "'prompt' is blank"),
        ({"prompt": "a", "chosen": "y\x00", "rejected": "x"}, "NUL"),
        ({"prompt": "a", "chosen": "\ud800", "rejected": "x"}, "half a character"),
        ({"prompt": "a", "chosen": "<think>and so on", "rejected": "x"}, "without a response"),
        ({"prompt": "a", "chosen": "y", "rejected": "x", "strength": 7}, "'strength' is 7"),
        ({"chosen": [USER, BLUE], "rejected": [USER, BLUE]}, "same conversation"),
        ({"chosen": [USER, BLUE, USER, BLUE], "rejected": [USER, GREEN]}, "before the last answer"),
        ({"chosen": [BLUE], "rejected": [GREEN]}, "does not end with what a user said"),
        ({"chosen": "left", "rejected": "right"}, "do not begin alike"),
        ({"prompt": [{"role": "tool", "content": ""}], "chosen": [BLUE], "rejected": [GREEN]}, "role 'tool'"),
        ({"prompt": [USER], "chosen": [BLUE, BLUE], "rejected": [GREEN]}, "one message of the assistant"),
        ({"prompt": [USER] * 500, "chosen": [BLUE], "rejected": [GREEN]}, "500 messages"),
        ({"prompt": {"a": 1}, "chosen": "x", "rejected": "y"}, "'prompt' is a dict"),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: c\n\nAssistant: d"}, "before the last"),
    ],
)  # fmt: skip
def test_what_is_no_preference_is_refused_in_words(row: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRow, match=words):
        preferences.parse(row)


def test_a_label_makes_a_completion_good_or_not() -> None:
    for label, good in ((True, True), (0, False), ("false", False), ("1", True)):
        (one,) = unpaired.parse({"prompt": [USER], "completion": [BLUE], "label": label})
        assert (one.good, one.completion.response) == (good, "It is blue.")
    with pytest.raises(BadRow, match="'label' is 'good'"):
        unpaired.parse({"prompt": "a", "completion": "b", "label": "good"})


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Why?"},
        {"question": "Why?", "answer": "x"},
        {"instruction": " Why? "},
        {"messages": [{"role": "user", "content": "Why?"}, BLUE]},
        {"prompt": None, "question": "Why?"},
    ],
)
def test_a_prompt_alone_is_found_under_its_usual_names(row: dict[str, Any]) -> None:
    (prompt,) = questions.parse(row)
    assert prompt.text == "Why?"
    assert prompt.reference_answer is None


def test_an_empty_question_is_named_as_such() -> None:
    for value in ("", None, []):
        with pytest.raises(BadRow, match="'question': empty"):
            questions.parse({"question": value, "id": 3})
    with pytest.raises(BadRow, match="none of prompt, question"):
        questions.parse({"id": 3})
