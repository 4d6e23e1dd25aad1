"""A model that does not write its format is held to it: on a random model, which never would."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from engine_contract import ask
from test_generating import write_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from ptrapp.core.dialogue import prompt_ids
from ptrapp.core.thoughts import GENERIC, SPECIFIC, SYSTEM, THINK, ThoughtFormat
from ptrapp.core.types import Completion, FinishReason, ThoughtEnd
from ptrapp.engines.base import Request, complete
from ptrapp.engines.local.engine import LocalEngine
from training.data.encode import completion_ids
from training.data.examples import Target

CHATML = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""A template that writes no marker: most instruct models have such a one."""
TEXTS = ["What is 12 + 30?", "x " * 40, "hi"]


def without_markers(folder: Path, random_model_dir: Path, kind: str | None = None) -> Path:
    if kind:
        write_model(kind, random_model_dir, folder)
    else:
        AutoModelForCausalLM.from_pretrained(random_model_dir).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(random_model_dir)
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model_dir(random_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return without_markers(tmp_path_factory.mktemp("chatml"), random_model_dir)


@pytest.fixture(params=[None, "mistral"], ids=["batched", "generate"])
def engine(
    request: pytest.FixtureRequest,
    model_dir: Path,
    random_model_dir: Path,
    tmp_path: Path,
    one_thread: None,
) -> Iterator[LocalEngine]:
    kind = request.param
    folder = without_markers(tmp_path, random_model_dir, kind) if kind else model_dir
    opened = LocalEngine(str(folder), device="cpu", threads=1)
    assert opened.thought_format == GENERIC
    assert opened._loaded.batched == (kind is None)
    yield opened
    opened.close()


def answers(engine: LocalEngine, requests: list[Request]) -> list[Completion]:
    outcomes = complete(engine, requests)
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Completion)]


def test_every_answer_has_a_thought_and_a_response(engine: LocalEngine) -> None:
    for one in answers(engine, [ask(text, seed=n) for n, text in enumerate(TEXTS)]):
        assert one.split.well_formed
        assert one.raw.startswith(GENERIC.thought_marker)
        assert one.raw.count(GENERIC.response_marker) == 1
        assert one.thought_end in (ThoughtEnd.BUDGET, ThoughtEnd.TURN)
        assert 0 < one.n_response_tokens <= 24
        text = engine._decode(one.token_ids)
        assert text.removesuffix("<|end|>") == one.raw or one.finish_reason is FinishReason.STOP


def test_the_log_probabilities_of_what_was_put_in_are_those_of_a_full_forward(
    engine: LocalEngine,
) -> None:
    for one, text in zip(
        answers(engine, [replace(ask(text, seed=3), logps=True) for text in TEXTS]),
        TEXTS,
        strict=True,
    ):
        prompt = engine._encode(ask(text).messages, True)
        whole = torch.tensor([[*prompt, *one.token_ids]])
        with torch.no_grad():
            logits = engine._loaded.model(input_ids=whole).logits[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, whole[0, len(prompt) :, None])[:, 0]
        assert list(one.logps) == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_seed_gives_the_same_text_alone_and_beside_direct_answers(engine: LocalEngine) -> None:
    requests = [ask(TEXTS[n % 3], seed=n, thinking=n % 2 == 0) for n in range(6)]
    together = [one.token_ids for one in answers(engine, requests)]
    assert together == [answers(engine, [one])[0].token_ids for one in requests]


def test_a_request_may_take_the_completion_as_it_comes(engine: LocalEngine) -> None:
    (one,) = answers(engine, [replace(ask("hi", seed=1), enforce=False)])
    assert not one.split.well_formed
    assert GENERIC.response_marker not in one.raw
    assert one.n_thought_tokens <= 24


@pytest.mark.parametrize("fmt", [GENERIC, SPECIFIC, SYSTEM, THINK], ids=lambda fmt: fmt.name)
def test_training_reads_the_text_as_the_ids_that_were_put_in(
    fmt: ThoughtFormat, model_dir: Path
) -> None:
    """What opens and ends a thought is tokenised alike by serving and by training from text."""
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    opening, closing = (
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in (fmt.opening, fmt.closing)
    )
    raw = fmt.write("1 + 1 = 2.", "It is 2.")
    prompt = prompt_ids(tokenizer, ask("hi").messages, True)
    ids = completion_ids(tokenizer, fmt, prompt, Target(raw, None, True), True)
    assert ids[: len(opening)] == opening
    assert any(ids[at : at + len(closing)] == closing for at in range(len(ids)))
