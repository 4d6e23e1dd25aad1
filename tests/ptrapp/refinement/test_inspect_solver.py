"""The refinement loop inside Inspect AI, on its own mock model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)

from ptrapp.core.dialogue import REFINE_INSTRUCTION
from ptrapp.core.errors import ConfigurationError
from ptrapp.refinement.inspect_solver import by_round, refine_solver

SAMPLE = Sample(input="What is 2 plus 2?", target="4")
THOUGHT = "Here is my thought process: I add. Here is my response: The answer is 4."


def model_output(content: Any) -> ModelOutput:
    """With its usage: without one the mock counts tokens, by a vocabulary from the internet."""
    output = ModelOutput.from_message(ChatMessageAssistant(content=content))
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def run(
    tmp_path: Path, outputs: list[Any] | Callable[..., Any], sample: Sample = SAMPLE, **asked: Any
) -> EvalLog:
    answers = [model_output(one) for one in outputs] if isinstance(outputs, list) else outputs
    model = get_model("mockllm/model", custom_outputs=answers, memoize=False)
    task = Task(dataset=[sample], solver=refine_solver(**asked), scorer=by_round())
    (log,) = eval(task, model=model, log_dir=str(tmp_path), display="none")
    assert log.status == "success", log.error
    return log


def test_every_round_is_kept_and_scored(tmp_path: Path) -> None:
    log = run(tmp_path, ["The answer is 5.", THOUGHT, THOUGHT.replace("4", "6")])

    assert log.samples
    sample = log.samples[0]
    assert sample.metadata["rounds"] == [
        {"thought": "", "response": "The answer is 5.", "well_formed": True},
        {"thought": "I add.", "response": "The answer is 4.", "well_formed": True},
        {"thought": "I add.", "response": "The answer is 6.", "well_formed": True},
    ]
    assert sample.output.completion == "The answer is 6."
    assert log.results
    rates = {score.name: score.metrics["accuracy"].value for score in log.results.scores}
    assert rates == {"round 1": 0, "round 2": 1, "round 3": 0}


def test_a_later_round_is_shown_the_attempts_after_what_stood_before_the_question(
    tmp_path: Path,
) -> None:
    seen: list[list[tuple[str, str]]] = []

    def model(messages: list[Any], *_: Any) -> ModelOutput:
        seen.append([(message.role, message.text) for message in messages])
        return model_output(f"The answer is {len(seen)}.")

    shots = [
        ChatMessageSystem(content="Be brief."),
        ChatMessageUser(content="What is 1 plus 1?"),
        ChatMessageAssistant(content="2"),
        ChatMessageUser(content="What is 2 plus 2?"),
    ]
    run(tmp_path, model, Sample(input=shots, target="4"), thinking="never")

    before = [(message.role, message.text) for message in shots]
    assert seen[0] == before
    assert seen[2] == [
        *before,
        ("assistant", "The answer is 1."),
        ("user", REFINE_INSTRUCTION),
        ("assistant", "The answer is 2."),
        ("user", REFINE_INSTRUCTION),
    ]


def test_a_thought_is_asked_for_from_round_2_and_may_be_hidden_from_round_3(
    tmp_path: Path,
) -> None:
    seen: list[list[str]] = []

    def model(messages: list[Any], *_: Any) -> ModelOutput:
        seen.append([message.text for message in messages])
        return model_output(THOUGHT)

    run(tmp_path, model, keep_thoughts=False, history="last")

    assert "thought process" not in seen[0][0]
    assert "thought process" in seen[1][0]
    assert [len(messages) for messages in seen] == [1, 3, 3]
    assert seen[2][1] == "The answer is 4."


def test_reasoning_that_comes_apart_is_the_thought(tmp_path: Path) -> None:
    content = [ContentReasoning(reasoning="I add."), ContentText(text="The answer is 4.")]

    log = run(tmp_path, [content], rounds=1, thought_format="think", thinking="always")

    assert log.samples
    assert log.samples[0].metadata["rounds"] == [
        {"thought": "I add.", "response": "The answer is 4.", "well_formed": True}
    ]


def test_an_answer_that_never_comes_is_wrong(tmp_path: Path) -> None:
    log = run(tmp_path, ["Here is my thought process: I think 4"], rounds=1, thinking="always")

    assert log.results
    assert log.results.scores[0].metrics["accuracy"].value == 0
    assert log.samples
    assert log.samples[0].metadata["rounds"][0]["well_formed"] is False


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        refine_solver(rounds=0, thinking="sometimes", thought_format="loud", history="some")
    assert len(str(raised.value).splitlines()) == 4
