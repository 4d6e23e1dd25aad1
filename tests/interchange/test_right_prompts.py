"""A pair keeps the prompt that was answered: whole, and neither a judge's own nor a cell's notation."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import BadRow
from ptrapp.interchange import preferences, reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format
from ptrapp.interchange.limits import TERMINAL
from ptrapp.interchange.records import JudgedPair, PromptText

TWO = {"response_a": "x", "response_b": "y", "winner": "A"}


def read(path: Path) -> tuple[reading.Reading, reading.Checked, list[PromptText]]:
    """Returns how a file is read, what it holds, and its prompts."""
    with RowFile(path, TERMINAL) as file:
        known = reading.understand(file)
        checked = reading.check(file, known.plan)
    found = checked.buffered or ()
    return known, checked, [getattr(one, "prompt", one) for one in found]  # type: ignore[misc]


def lines(folder: Path, *rows: Any) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "rows.jsonl"


def table(folder: Path, row: dict[str, Any]) -> Path:
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    return folder / "rows.csv"


def said(*turns: str) -> list[dict[str, str]]:
    """Returns messages: `s:` of the system, `u:` of the user, `a:` of the assistant."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[turn[0]], "content": turn[2:]} for turn in turns]


def test_the_prompt_of_texts_in_orig_columns_is_in_one_too(tmp_path: Path) -> None:
    row = {
        "orig_criteria": "Is it kind?", "orig_feedback_A": "Good.", "orig_feedback_B": "Bad.",
        "orig_instruction": "Name a fruit.", "orig_preference": "B", "orig_reference_answer": "Fig.",
        "orig_response_A": "Brick.", "orig_response_B": "Apple.", "orig_score_A": "1",
        "orig_score_B": "5", "instruction": "###Task: compare two responses", "input": "",
        "output": "Feedback: … [RESULT] B",
    }  # fmt: skip
    known, checked, (prompt,) = read(lines(tmp_path, row))
    (pair,) = checked.buffered or ()
    assert isinstance(pair, JudgedPair)
    assert prompt.text == "Name a fruit."
    assert (pair.left.response, pair.right.response) == ("Brick.", "Apple.")
    assert [one.outcome for one in pair.labels] == ["right"]
    assert "instruction" in known.unused


@pytest.mark.parametrize("write", [repr, json.dumps])
def test_an_object_in_a_cell_is_the_prompt_it_holds(tmp_path: Path, write: Any) -> None:
    asked = {"dataset": "eli5", "id": "7", "full_text": "why does it's {sky} shine?"}
    row = {"question": write(asked), "answer_0": "x", "score_0": -1, "answer_1": "y", "score_1": 1}
    _, checked, (prompt,) = read(table(tmp_path, row))
    assert prompt.text == "why does it's {sky} shine?"
    assert dict(checked.outcomes) == {"right": 1}


def test_an_object_in_a_cell_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    broken = "{'id': 7, 'full_text': 'why?', 'tokens': <Tokens of 2>}"
    _, checked, prompts = read(table(tmp_path, {"prompt": broken} | TWO))
    assert prompts == []
    assert "begins like an object" in checked.mistakes.named[0]
    _, _, (prompt,) = read(table(tmp_path, {"prompt": "{'full_text': is this JSON?"} | TWO))
    assert prompt.text == "{'full_text': is this JSON?"


@pytest.mark.parametrize(
    ("prompt", "begin", "system", "turns"),
    [
        (said("s:S", "u:u1"), said("u:u1"), "S", ["u1"]),
        (said("u:u1", "a:a1"), said("u:u2"), None, ["u1", "a1", "u2"]),
        (said("u:u1", "a:a1", "u:u2"), said("u:u2"), None, ["u1", "a1", "u2"]),
        (said("s:S", "u:u1"), said("u:u1", "a:a1", "u:u2"), "S", ["u1", "a1", "u2"]),
        (said("s:S", "u:u1", "a:a1", "u:u2"), said("u:u1", "a:a1", "u:u2"), "S", ["u1", "a1", "u2"]),
        (said("s:S"), said("u:u1"), "S", ["u1"]),
        (said("u:u1"), said("a:a1", "u:u2"), None, ["u1", "a1", "u2"]),
        (said("u:u1"), said("s:S", "u:u1"), "S", ["u1"]),
        (said("u:u2"), said("u:u1", "a:a1", "u:u2"), None, ["u1", "a1", "u2"]),
        ("Human: u1\nAssistant:", said("u:Human: u1\nAssistant:"), None, ["Human: u1\nAssistant:"]),
        ("u1 ", said("u:u1", "a:a1", "u:u2"), None, ["u1", "a1", "u2"]),
        (said("u:u1", "a:yes"), said("u:u1"), None, ["u1"]),
        ("\n\nHuman: u1\n\nAssistant: a1\n\nHuman: u2", said("u:u2"), None, ["u1", "a1", "u2"]),
    ],
)  # fmt: skip
def test_a_prompt_and_a_conversation_that_goes_on_from_it_are_one(
    prompt: Any, begin: list[Any], system: str | None, turns: list[str]
) -> None:
    row = {"prompt": prompt, "chosen": begin + said("a:yes"), "rejected": begin + said("a:no")}
    (pair,) = preferences.parse(row)
    assert pair.prompt.system == system
    assert [*(turn.content for turn in pair.prompt.context), pair.prompt.text] == turns
    assert (pair.left.response, pair.right.response) == ("yes", "no")


@pytest.mark.parametrize(
    ("prompt", "begin"),
    [
        (said("u:u1"), said("u:u2")),
        (said("s:S", "u:u1"), said("s:T", "u:u1")),
        (said("u:u1", "a:other"), said("u:u1")),
        (said("u:u1", "a:a1", "u:u2"), said("u:u1", "a:other", "u:u2")),
    ],
)
def test_a_prompt_that_the_conversation_does_not_go_on_from_is_refused(
    prompt: Any, begin: list[Any]
) -> None:
    row = {"prompt": prompt, "chosen": begin + said("a:yes"), "rejected": begin + said("a:no")}
    with pytest.raises(BadRow, match="'prompt' is no part of 'chosen'"):
        preferences.parse(row)


def test_a_history_beside_whole_conversations_comes_before_them(tmp_path: Path) -> None:
    row = {
        "prompt": "u2", "history": [["u1", "a1"]], "chosen": said("u:u2", "a:yes"),
        "rejected": said("u:u2", "a:no"),
    }  # fmt: skip
    whole = row | {
        "chosen": said("u:u1", "a:a1", "u:u2", "a:yes"),
        "rejected": said("u:u1", "a:a1", "u:u2", "a:no"),
    }
    _, checked, prompts = read(lines(tmp_path, row, whole))
    assert checked.mistakes.named == []
    for prompt in prompts:
        assert [*(turn.content for turn in prompt.context), prompt.text] == ["u1", "a1", "u2"]


def test_an_input_that_whole_conversations_do_not_hold_is_not_theirs(tmp_path: Path) -> None:
    def row(question: str) -> dict[str, Any]:
        talks = {name: said(f"u:{question}", f"a:{name}") for name in ("chosen", "rejected")}
        return {"instruction": "Add.", "input": "1 and 2"} | talks

    _, checked, prompts = read(lines(tmp_path, row("Add.\n\n1 and 2"), row("Add.")))
    assert [one.text for one in prompts] == ["Add.\n\n1 and 2", "Add."]
    assert checked.mistakes.named == []


@pytest.mark.parametrize(
    "prompt", ["<|im_start|>user\nu1<|im_end|>", "### Instruction:\nu1", "Something else.", "u"]
)
def test_a_text_beside_whole_conversations_may_say_the_same_in_a_template(prompt: str) -> None:
    row = {"prompt": prompt} | {name: said("u:u1", f"a:{name}") for name in ("chosen", "rejected")}
    (pair,) = preferences.parse(row)
    assert (pair.prompt.text, pair.prompt.context) == ("u1", ())


@pytest.mark.parametrize(
    ("prompt", "given"),
    [("Translate: Hello", "Hello"), ('Say "Hello" twice', "Hello"), ("Read <t>Hello</t>", "Hello")],
)
def test_an_input_that_the_prompt_quotes_is_not_asked_twice(
    tmp_path: Path, prompt: str, given: str
) -> None:
    row = {"prompt": prompt, "input": given, "chosen": "a", "rejected": "b"}
    _, _, prompts = read(lines(tmp_path, row))
    assert [one.text for one in prompts] == [prompt]


def test_pairs_of_input_and_output_beside_whole_conversations_are_left_alone(
    tmp_path: Path,
) -> None:
    row = {
        "conversation": [{"input": "u1", "output": "a1"}], "chosen": said("u:u1", "a:yes"),
        "rejected": said("u:u1", "a:no"),
    }  # fmt: skip
    _, checked, (prompt,) = read(lines(tmp_path, row))
    assert checked.mistakes.named == []
    assert prompt.text == "u1"


@pytest.mark.parametrize("more", [{"chosen": "x", "rejected": "y"}, TWO, {}])
@pytest.mark.parametrize(
    ("prompt", "given", "wanted"),
    [
        ("Add.", "1 and 2", "Add.\n\n1 and 2"),
        ("Add the 1.", "1", "Add the 1.\n\n1"),
        ("Add.\n### Input:\n1 and 2\n### Response:", "1 and 2", "Add.\n### Input:\n1 and 2\n### Response:"),
        ("Add.", " ", "Add."),
    ],
)  # fmt: skip
def test_an_input_is_joined_to_a_prompt_that_does_not_hold_it(
    tmp_path: Path, more: dict[str, str], prompt: str, given: str, wanted: str
) -> None:
    known, _, (found,) = read(lines(tmp_path, {"prompt": prompt, "input": given} | more))
    assert found.text == wanted
    assert "input" in known.used


@pytest.mark.parametrize("more", [{"chosen": "x", "rejected": "y"}, TWO, {}])
def test_a_context_that_is_not_read_is_said(tmp_path: Path, more: dict[str, str]) -> None:
    row = {"question": "Who?", "context": "Ann came.", "input": "It was late."} | more
    known, _, (prompt,) = read(lines(tmp_path, row))
    assert prompt.text == "Who?"
    assert known.plan.said[-1] == (
        "context, input are not read: the prompt is question alone; write all into one column "
        "called prompt where the answers need it"
    )
    known, _, _ = read(lines(tmp_path, {"question": "Who?"} | more))
    assert "not read" not in " ".join(known.plan.said)


def test_a_context_of_a_task_that_is_not_read_is_said(tmp_path: Path) -> None:
    data = {"question": "Who?", "context": "Ann came.", "answer1": "x", "answer2": "y"}
    known, _, _ = read(lines(tmp_path, {"data": data, "annotations": []}))
    assert known.plan.said[-1].startswith("context is not read: the prompt is question alone")


def test_the_answers_of_stack_exchange_paired_are_a_preference(tmp_path: Path) -> None:
    row = {
        "qid": 1, "question": "how?", "date": "2023-03-13", "metadata": ["https://example.org"],
        "response_k": "bad", "response_j": "good",
    }  # fmt: skip
    known, checked, (prompt,) = read(lines(tmp_path, row))
    (pair,) = checked.buffered or ()
    assert known.fmt is Format.PREFERENCES
    assert isinstance(pair, JudgedPair)
    assert (prompt.text, pair.left.response, pair.right.response) == ("how?", "good", "bad")
    assert [one.outcome for one in pair.labels] == ["left"]


def test_turns_that_numpy_wrote_into_a_cell_are_not_joined(tmp_path: Path) -> None:
    row = {
        "model_a": "m", "model_b": "n", "prompt": "['u1' \"it's u2\"]", "response_a": "['a1'\n 'x']",
        "response_b": "['a1' 'y']", "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0,
    }  # fmt: skip
    _, checked, (prompt,) = read(table(tmp_path, row))
    (pair,) = checked.buffered or ()
    assert isinstance(pair, JudgedPair)
    assert [*(turn.content for turn in prompt.context), prompt.text] == ["u1", "a1", "it's u2"]
    assert (pair.left.response, pair.right.response) == ("x", "y")


def test_a_dialogue_that_somebody_asked_for_is_no_transcript(tmp_path: Path) -> None:
    row = {"prompt": "Write a dialogue.", "chosen": "Human: Hi\n\nAssistant: Oh", "rejected": "Human: Hi\n\nAssistant: No"}  # fmt: skip
    _, checked, _ = read(lines(tmp_path, row))
    assert "begins like a transcript, with Human:, and does not hold" in checked.mistakes.named[0]
    _, checked, (prompt,) = read(lines(tmp_path, row | {"prompt": "\n\nHuman:  Hi\n\nAssistant:"}))
    assert (prompt.text, checked.mistakes.named) == ("Hi", [])


@pytest.mark.parametrize(
    "beside",
    [{"context": "harmless-base"}, {"chat": "7"}, {"prompt": "what is it, to you?"},
     {"prompt": "What is it, to..."}, {"prompt": "User: What is it, to you?"},
     {"prompt": "Be kind.\n\nHuman: What is it, to you?\n\nAssistant:"}],
)  # fmt: skip
def test_what_stands_beside_transcripts_that_hold_their_prompt_is_left(
    tmp_path: Path, beside: dict[str, str]
) -> None:
    asked = "\n\nHuman: What is it, to you?\n\nAssistant: "
    _, checked, (prompt,) = read(
        lines(tmp_path, beside | {"chosen": f"{asked}x", "rejected": f"{asked}y"})
    )
    assert (prompt.text, checked.mistakes.named) == ("What is it, to you?", [])


def test_usual_names_may_have_blanks(tmp_path: Path) -> None:
    row = {"System Prompt": "Be brief.", "Prompt": "Q?", "Chosen": "x", "Rejected": "y"}
    _, _, (prompt,) = read(table(tmp_path, row))
    assert (prompt.text, prompt.system) == ("Q?", "Be brief.")


def test_an_instruction_beside_a_question_is_said_to_be_left(tmp_path: Path) -> None:
    row = {"instruction": "Translate.", "question": "Hello?", "chosen": "x", "rejected": "y"}
    known, _, _ = read(lines(tmp_path, row))
    assert known.plan.said[-1].startswith("instruction is not read: the prompt is question alone")


def test_an_image_with_an_empty_text_is_an_image(tmp_path: Path) -> None:
    parts = [{"type": "image", "text": ""}, {"type": "text", "text": "Q?"}]
    row = {
        "prompt": [{"role": "user", "content": parts}],
        "chosen": said("a x"),
        "rejected": said("a y"),
    }
    _, checked, _ = read(lines(tmp_path, row))
    assert "holds an image" in checked.mistakes.named[0]
