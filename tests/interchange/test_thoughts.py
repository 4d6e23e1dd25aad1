"""Thoughts of other programs stay hidden, in whatever marks; a mention of a mark hides nothing."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Message, MessageRole
from ptrapp.interchange import preferences, questions, reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.profile import Profile
from ptrapp.interchange.records import Attempted, CompletionText, JudgedPair, PromptText
from ptrapp.interchange.thoughts import completion

Turns = list[dict[str, Any]]
USER = {"role": "user", "content": "2+2?"}
HARMONY = "<|channel|>analysis<|message|>Two and two.<|end|><|start|>assistant<|channel|>final<|message|>4"


def parts(text: str) -> tuple[str, str]:
    found = completion(text, "chosen")
    return found.thought, found.response


def answered(message: dict[str, Any], before: Turns | None = None) -> CompletionText:
    turns = [*(before or [USER]), {"role": "assistant"} | message]
    other = [*(before or [USER]), {"role": "assistant", "content": "5"}]
    (pair,) = preferences.parse({"chosen": turns, "rejected": other})
    assert pair.left.response == "4"
    return pair.left


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nTwo and two.\n</think>\n\n4",
        "<thinking>Two and two.</thinking>4",
        "<Thinking>\nTwo and two.\n</Thinking>\n4",
        "<thought>Two and two.</thought>\n4",
        "\n<reasoning>\nTwo and two.\n</reasoning>\n\n4",
        "[THINK]Two and two.[/THINK]4",
        "<seed:think>Two and two.</seed:think>4",
        "<|begin_of_thought|>\n\nTwo and two.\n\n<|end_of_thought|>\n\n4",
        "<|begin_of_thought|>Two and two.<|end_of_thought|>\n<|begin_of_solution|>\n4\n<|end_of_solution|>",
        HARMONY,
        f"<|start|>assistant{HARMONY}<|return|>",
        "analysisTwo and two.assistantfinal4",
        "Two and two.\n</think>\n\n4",
        "Two and two.\n</think>\n4",
        "Two and two. </think>\n\n4",
        "Two and two.</think>4",
        "Two and two.</think> 4",
        "Two and two.\n[/THINK]\n4",
        "<|START_THINKING|>Two and two.<|END_THINKING|><|START_RESPONSE|>4<|END_RESPONSE|>",
        "\u25c1think\u25b7Two and two.\u25c1/think\u25b74",
        "Two and two.\u25c1/think\u25b74",
        "Here are my reasoning steps:\nTwo and two.\n[BEGIN FINAL RESPONSE]\n4\n[END FINAL RESPONSE]",
        "Two and two.\n[BEGIN FINAL RESPONSE]\n4\n[END FINAL RESPONSE]",
        "Here are my reasoning steps:\nTwo and two.[BEGIN FINAL RESPONSE] 4[END FINAL RESPONSE]\n<|end|>",
        '<details type="reasoning" done="true" duration="3">\nTwo and two.\n</details>\n4',
    ],
)  # fmt: skip
def test_a_thought_stays_hidden_in_whatever_marks(text: str) -> None:
    assert parts(text) == ("Two and two.", "4")
    found = completion(text, "chosen")
    assert (found.raw, found.thinking, found.well_formed) == (text, True, True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<think>a</think><think>b</think>4", ("a\n\nb", "4")),
        ("<think>a</think>\n\n<think>\nb\n</think>\n\n4", ("a\n\nb", "4")),
        ("<think>a</think>Let me see.\n<think>b</think>\nIt is 4.", ("a\n\nb", "Let me see.\n\nIt is 4.")),
        ("a\n</think>\n\n<think>b</think>4", ("a\n\nb", "4")),
        ("<think>They ask about `</think>` tags.</think>Use it.", ("They ask about `</think>` tags.", "Use it.")),
        ("<think>I end with </think> and answer.\n</think>\n\n4", ("I end with </think> and answer.", "4")),
        ("<think>```py\nx = '</think>y'\n```\ndone</think>4", ("```py\nx = '</think>y'\n```\ndone", "4")),
        ("<think>```py\nx = 1\n</think>\n\n```py\nx\n```", ("```py\nx = 1", "```py\nx\n```")),
        ("<think>a</think>Write `<think>b</think>` first.", ("a", "Write `<think>b</think>` first.")),
        ("<think>a</think>```\n<think>b</think>\n```", ("a", "```\n<think>b</think>\n```")),
        (f"{HARMONY}. A message ends with <|end|> there.", ("Two and two.", "4. A message ends with <|end|> there.")),
    ],
)  # fmt: skip
def test_every_thought_of_a_text_is_taken_and_nothing_else(
    text: str, wanted: tuple[str, str]
) -> None:
    assert parts(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Use `re.split('</think>', text)` to cut it.",
        "Use re.split('</think>', text) to cut it.",
        'Cut it with `text.split("</think>")[-1]`.',
        "The tag </think> ends a thought.",
        "End it with </think>.",
        "R1 writes its thoughts between <think> and </think> and then answers.",
        "R1 writes <think>…</think>\n\nThen it answers.",
        "Like so:\n```\nI add.\n</think>\n\n4\n```\nThat is all.",
        "“</think>” is a tag.",
        'It says "I add up.\\n</think>Four" there.',
        "</think> is the tag that ends a thought.",
        "Always end with </think>",
        "<doc>\n<thought>\nSo\n</thought>\n</doc>",
        "<doc><reasoning>So</reasoning>\n\nAnd on</doc>",
        "analysis of the assistantfinal word",
        "The `<|channel|>final<|message|>` comes last.",
    ],
)
def test_a_mention_of_a_mark_hides_nothing(text: str) -> None:
    found = completion(text, "chosen")
    assert (found.thought, found.response, found.thinking) == ("", text, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<reasoning>and so on", "without a response"),
        ("<think>a</think>\n", "without a response"),
        ("I add.\n</think>", "without a response"),
        ("<think>It is about `</think>` and", "without a response"),
        ("<|channel|>analysis<|message|>Two and", "without a response"),
        ("<|channel|>commentary to=functions.add<|message|>{}", "the channel 'commentary"),
        ("<|start|>user<|message|>2+2?<|end|><|start|>assistant" + HARMONY, "begins with a turn of another one"),
        ("<think>a</think>So\n<think>and", "another thought behind its first, which does not end"),
        ("Sure.\n<think>\nb\n</think>\n4", "<think> in its middle"),
        ("<think>a" + "<think>" * 1001, "more than 1000 times"),
    ],
)  # fmt: skip
def test_what_may_be_a_thought_and_is_not_clear_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadRow, match=words):
        completion(text, "chosen")


@pytest.mark.parametrize(
    "message",
    [
        {"content": "4", "reasoning_content": "Two and two."},
        {"content": [{"type": "reasoning", "text": "Two and two."}, {"type": "text", "text": "4"}]},
        {"content": [{"type": "thinking", "thinking": "Two and two."}, {"type": "text", "text": "4"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Two and two."}]}, "4"]},
        {"content": [{"text": "Two and two.", "thought": True}, {"text": "4"}]},
        {"content": "<think>Two and two.</think>4", "reasoning_content": "the same"},
    ],
)  # fmt: skip
def test_the_thought_of_a_message_is_its_thought_in_whatever_part(message: dict[str, Any]) -> None:
    assert answered(message).thought == "Two and two."


def test_a_thought_beside_a_content_that_mentions_a_mark_is_kept() -> None:
    turns = [USER, {"role": "assistant", "content": "Use `<think>`.", "reasoning": "Hm."}]
    (pair,) = preferences.parse({"chosen": turns, "rejected": [USER, turns[1] | {"content": "5"}]})
    assert (pair.left.thought, pair.left.response) == ("Hm.", "Use `<think>`.")


EARLIER = [
    USER,
    {"role": "assistant", "content": "<think>Two and two.</think>\n\n4"},
    {"role": "user", "content": "Sure?"},
]
LEFT = (Message(MessageRole.USER, "2+2?"), Message(MessageRole.ASSISTANT, "4"))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": EARLIER, "chosen": "Yes.", "rejected": "No."},
        {
            "chosen": [*EARLIER, {"role": "assistant", "content": "Yes."}],
            "rejected": [
                *EARLIER[:1],
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, "4"]},
                *EARLIER[2:],
                {"role": "assistant", "content": "No."},
            ],
        },
        {"prompt": "Sure?", "history": [["2+2?", "<think>Hm.</think>4"]], "chosen": "Yes.", "rejected": "No."},
        {
            "chosen": "\n\nHuman: 2+2?\n\nAssistant: <think>Hm.</think>4\n\nHuman: Sure?\n\nAssistant: Yes.",
            "rejected": "\n\nHuman: 2+2?\n\nAssistant: <think>So.</think>4\n\nHuman: Sure?\n\nAssistant: No.",
        },
    ],
)  # fmt: skip
def test_thoughts_of_earlier_turns_are_left_out(tmp_path: Path, row: dict[str, Any]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with RowFile(tmp_path / "a.jsonl", TERMINAL) as rows:
        known = reading.understand(rows)
        checked = reading.check(rows, known.plan)
    (pair,) = checked.buffered or ()
    assert isinstance(pair, JudgedPair)
    assert (pair.prompt.context, pair.prompt.text) == (LEFT, "Sure?")
    assert (pair.left.response, pair.right.response) == ("Yes.", "No.")


def test_an_earlier_turn_of_which_it_is_not_clear_stays_as_it_is() -> None:
    turns = [USER, {"role": "assistant", "content": "<think>Two and"}, USER]
    (pair,) = preferences.parse({"prompt": turns, "chosen": "Yes.", "rejected": "No."})
    assert pair.prompt.context[1].content == "<think>Two and"


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("So 4.\n</think>\\boxed{4}", "\\boxed{4}"),
        ("So 4.\n</think>```py\nf()\n```", "```py\nf()\n```"),
        ('So 4.\n</think>"Bonjour"', '"Bonjour"'),
        ("So 4.\n</think> x = 4", "x = 4"),
        ("So 4. </think> The answer", "The answer"),
        ("So 4. </think>\nThe answer", "The answer"),
        ("I use `foo`</think>Use `foo`.", "Use `foo`."),
        ("I output ```json\n</think>\n\n```json\n{}\n```", "```json\n{}\n```"),
        ("The tag <think> starts it.\n</think>\n\nFour.", "Four."),
        ("<think>\nOk\n</think>\n\nUse <think>...</think>.", "Use <think>...</think>."),
        ("<think>Use `a`</think>`a` is right.", "`a` is right."),
        ("<think>" + "a `<think>` " * 60 + "</think>4", "4"),
    ],
)
def test_a_thought_of_todays_models_is_taken_whatever_stands_around_its_end(
    text: str, response: str
) -> None:
    assert completion(text, "chosen").response == response


@pytest.mark.parametrize(
    "text",
    [
        '<reasoning lang="en">Because</reasoning>\n<answer>4</answer>',
        '<plan>\n<thought id="1">\nx\n</thought>\n<step/></plan>',
        "[Think] of a number.",
        "<thinking> tags are for thoughts.",
    ],
)
def test_a_document_and_a_sentence_with_such_words_are_whole(text: str) -> None:
    found = completion(text, "chosen")
    assert (found.thought, found.response) == ("", text)


def test_the_thought_of_an_attempt_is_left_out_and_counted() -> None:
    row = {"question": "2+2?", "output1": "5", "output2": "<think>Hm.</think>4"}
    found = questions.plan_attempts(Profile()).read(row)
    assert found.records == (Attempted(PromptText("2+2?"), "5", "4"),)
    assert list(found.left_out) == [
        "the thought of an attempt: attempts are stored without thoughts"
    ]


@pytest.mark.parametrize(
    "piece", ["<|channel|>", " </think> x", "<|channel|>final<|message|>", "`</think>", "```\n</"]
)
def test_a_long_text_of_marks_takes_no_long_time(piece: str) -> None:
    started = time.monotonic()
    with suppress(BadRow):
        completion(piece * (2**20 // len(piece)), "chosen")
    assert time.monotonic() - started < 5


def test_a_sentence_that_begins_with_a_mark_of_harmony_is_an_answer() -> None:
    text = "<|start|>user<|message|> begins the turn of a user."
    assert parts(text) == ("", text)


def test_reasoning_steps_of_an_answer_are_its_own() -> None:
    text = "Here are my reasoning steps:\n1. Two and two.\n2. So 4."
    assert parts(text) == ("", text)
    assert parts(mention := f"{text}\n3. Cut at `[BEGIN FINAL RESPONSE]`.") == ("", mention)
    assert parts("<think>a</think>End with [END FINAL RESPONSE]")[1].endswith("RESPONSE]")
    told = "Write:\n[BEGIN FINAL RESPONSE]\nyour answer\n[END FINAL RESPONSE]\nand no more."
    assert parts(told) == ("", told)


def test_many_reasoning_steps_take_no_long_time() -> None:
    started = time.monotonic()
    with suppress(BadRow):
        completion(
            "x\n[BEGIN FINAL RESPONSE]\n" + "Here are my reasoning steps:\n" * 5000, "chosen"
        )
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("text", ["<think>\n\n</think>\n\nFour.", "<think></think>Four."])
def test_an_empty_thought_is_none_and_its_answer_may_be_learnt(text: str) -> None:
    assert completion(text, "chosen") == completion("Four.", "chosen")
    ours = completion("<R>4", "chosen")
    assert (ours.raw, ours.response, ours.thinking) == ("<R>4", "4", False)
