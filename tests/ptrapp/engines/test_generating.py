"""Sliding-window and hybrid models are decoded by `generate`, with the rest of the contract."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import transformers
from engine_contract import EngineContract, ask
from shifting_adapters import shifts, write_shifting_adapter

from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.types import Completion, Policy
from ptrapp.engines.base import Delta, Finished, Request, complete
from ptrapp.engines.local.engine import LocalEngine

TEXTS = ["What is 12 + 30?", "x " * 40, "hi", "What is 12 + 30?"]
KINDS = {
    "mistral": {"sliding_window": 16},
    "gemma3_text": {"sliding_window": 16},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
}


def write_model(kind: str, random_model_dir: Path, folder: Path) -> Path:
    tokenizer = transformers.AutoTokenizer.from_pretrained(random_model_dir)
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=32, max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None, tie_word_embeddings=True, **KINDS[kind],
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model_dir(random_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model("mistral", random_model_dir, tmp_path_factory.mktemp("mistral"))


@pytest.fixture
def engine(model_dir: Path, one_thread: None) -> Iterator[LocalEngine]:
    opened = LocalEngine(str(model_dir), device="cpu", threads=1)
    assert not opened._loaded.batched
    yield opened
    opened.close()


@pytest.fixture
def adapter(model_dir: Path, tmp_path: Path) -> Callable[[int], Path]:
    def make(shift: int) -> Path:
        folder = tmp_path / f"adapter-{shift}"
        return folder if folder.exists() else write_shifting_adapter(folder, model_dir, shift)

    return make


class TestGeneratingEngine(EngineContract):
    pass


def answers(engine: LocalEngine, requests: list[Request]) -> list[Completion]:
    outcomes = complete(engine, requests)
    assert all(isinstance(outcome, Completion) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Completion)]


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_equals_generate_and_a_seed_its_answer_alone(
    kind: str, random_model_dir: Path, tmp_path: Path, one_thread: None
) -> None:
    engine = LocalEngine(str(write_model(kind, random_model_dir, tmp_path)), device="cpu")
    model = engine._loaded.model
    written = answers(engine, [ask(text, temperature=0.0) for text in TEXTS])
    seeded = [ask(text, seed=n) for n, text in enumerate(TEXTS)]
    together = [one.token_ids for one in answers(engine, seeded)]
    assert together == [answers(engine, [request])[0].token_ids for request in seeded]
    engine.close()
    assert not engine._loaded.batched
    for text, completion in zip(TEXTS, written, strict=True):
        ids = torch.tensor([engine._encode(ask(text).messages, True)])
        expected = model.generate(ids, do_sample=False, max_new_tokens=24)[0, ids.shape[1] :]
        assert list(completion.token_ids) == expected.tolist()
        with torch.no_grad():
            logps = model(torch.cat([ids, expected[None]], dim=1)).logits[0].log_softmax(-1)
        chosen = logps[-len(expected) - 1 : -1].gather(1, expected[:, None])
        assert completion.logprob_sum == pytest.approx(float(chosen.sum()), abs=1e-4)


def test_two_calls_alternate_step_by_step(engine: LocalEngine) -> None:
    long = engine.stream([ask("x " * 30, max_tokens=300, seed=n) for n in range(12)])
    next(long)
    answers(engine, [ask("hi", max_tokens=8)])
    late = [event for event in long if isinstance(event, Finished)]
    assert len(late) == 12


def test_versions_alternate_within_one_generate(
    engine: LocalEngine, adapter: Callable[[int], Path]
) -> None:
    n_vocabulary = engine._loaded.model.config.vocab_size
    for shift in (4, 8):
        engine.publish(f"v{shift}", adapter(shift))
    requests = [ask("hi", policy=Policy(f"v{shift}"), max_tokens=20) for shift in (4, 8, 4, 8)]
    seen = [shifts(one.token_ids, n_vocabulary) for one in answers(engine, requests)]
    assert seen == [{4}, {8}, {4}, {8}]


def test_cancelling_ends_generate_within_a_step(engine: LocalEngine) -> None:
    events = engine.stream([ask("hi", max_tokens=400, seed=n) for n in range(4)])
    while not isinstance(next(events), Delta):
        pass
    started = time.monotonic()
    events.close()
    while _n_generating() and time.monotonic() - started < 5:
        time.sleep(0.001)
    assert time.monotonic() - started < 0.5
    answers(engine, [ask("hi", max_tokens=2)])


def test_what_generate_raises_fails_its_requests_and_nothing_else(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ValueError("no such option")

    with monkeypatch.context() as patched:
        patched.setattr(engine._loaded.model, "generate", broken)
        (outcome,) = complete(engine, [ask("hi")])
    assert isinstance(outcome, EngineUnavailable)
    assert "no such option" in str(outcome)
    answers(engine, [ask("hi")])


def _n_generating() -> int:
    return sum(thread.name == "generate" for thread in threading.enumerate())
