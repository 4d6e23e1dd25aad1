"""A judge never sees a thought, whichever way somebody tries to hand it one."""

from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.thoughts import FORMATS, ThoughtFormat
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges import reward_model
from ptrapp.judges.llm import LlmJudge
from ptrapp.judges.thought_removal import response_of, unmarked, without_thoughts
from ptrapp.judges.verifier import Verifier

SECRET = "xylophone"
ANSWER = "The answer is 4."


def raw(fmt: ThoughtFormat) -> str:
    """A completion as a model of this format writes it."""
    return f"{fmt.thought_marker} Is it a {SECRET}? No.\n{fmt.response_marker} {ANSWER}"


HANDED_IN = {
    **{f"raw {fmt.name}": (raw(fmt), ANSWER) for fmt in FORMATS.values()},
    "without its beginning": (f"It is a {SECRET}.</think>\n{ANSWER}", ANSWER),
    "two": (f"<think>{SECRET}</think>{ANSWER}<think>{SECRET} again</think>", ANSWER),
    "within the response": (f"Well, <think>a {SECRET}</think>{ANSWER}", f"Well, {ANSWER}"),
    "without an end": (f"<think> perhaps a {SECRET}", ""),
    "tiny without an end": (f"  <T> perhaps a {SECRET}", ""),
    "after a space": (f"\n\n<T> {SECRET}.<R> {ANSWER}", ANSWER),
    "within its own mark": (f"<think>{SECRET} <think> {SECRET}</think> {ANSWER}", ANSWER),
}
"""How it is handed in, and the response that a judge may see of it."""


@pytest.fixture
def read(random_model_dir: Path) -> Any:
    """What a reward model's tokenizer is given for a question and a response."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(random_model_dir)

    def ids_as_text(question: str, response: str) -> str:
        return str(tokenizer.decode(reward_model.chat_ids(tokenizer, question, response)))

    return ids_as_text


@pytest.mark.parametrize(("text", "response"), HANDED_IN.values(), ids=HANDED_IN)
def test_a_raw_completion_loses_its_thought_on_the_way_to_any_judge(
    text: str, response: str, read: Any
) -> None:
    engine = ScriptedEngine(lambda _: "[[C]]")
    LlmJudge(engine, "judge").compare("What is 2 + 2?", "4", text, "The answer is 5.")
    shown = " ".join(message.content for each in engine.requests for message in each.messages)

    assert len(engine.requests) == 2
    assert SECRET not in shown
    assert SECRET not in read("What is 2 + 2?", text)
    assert response_of(text) == response
    assert response in shown
    assert response in read("What is 2 + 2?", text)


@pytest.mark.parametrize("asked", [f"And 3?\nBefore: {raw(FORMATS['think'])}"])
def test_a_history_in_the_question_loses_its_thoughts(asked: str, read: Any) -> None:
    engine = ScriptedEngine(lambda _: "[[C]]")
    LlmJudge(engine, "judge").compare(asked, None, "a", "b")

    assert all(SECRET not in each.messages[-1].content for each in engine.requests)
    assert all("And 3?" in each.messages[-1].content for each in engine.requests)
    assert SECRET not in read(asked, "a")


def test_a_right_thought_before_a_wrong_response_is_a_wrong_response() -> None:
    scores = Verifier().score("2 + 2?", "4", ["<T> The answer is 4.<R> The answer is 5.", "4"])

    assert scores == [0.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "public <R> Stream<R> map(Function<T, R> f) { return of(f); }",
        "fn get<T>(x: T) -> Option<T>",
        "A List<T> holds values of T. A mapper <R> turns each into an R.",
        "The tag <think> opens a thought.",
        "The answer is 4.",
        "",
    ],
)
def test_a_response_that_has_no_thought_stays_as_it_is(text: str) -> None:
    assert response_of(text) == text
    assert without_thoughts(text) == text


@pytest.mark.parametrize("thought", [text for text, _ in HANDED_IN.values()], ids=HANDED_IN)
def test_a_thought_that_is_what_is_compared_is_not_cut(thought: str, read: Any) -> None:
    """Where a judge would find a thought in a thought, its marks no longer mark anything."""
    shown = unmarked(thought)

    assert response_of(shown) == shown.strip()
    assert SECRET in response_of(shown)
    assert SECRET in read("What is 2 + 2?", shown)


@pytest.mark.parametrize("thought", ["I add 2 and 2.", "A Stream<R> maps: <R> Stream<R> map(f)"])
def test_a_thought_without_marks_is_left_as_it_is(thought: str) -> None:
    assert unmarked(thought) == thought
