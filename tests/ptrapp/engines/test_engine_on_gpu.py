"""The embedded engine on an accelerator writes what `generate()` writes there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_contract import ask
from peft import LoraConfig, PeftModel, get_peft_model

from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.types import Completion, Policy
from ptrapp.engines.base import Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.local.loading import load_model

PROMPTS = ["hi", "Ada has 12 pens and buys 30. How many now?", "x " * 90, "What is 12 + 30?"]
N_NEW = 24


@pytest.fixture
def engine(accelerator: str) -> Iterator[LocalEngine]:
    """The bundled model in float32: its answers do not hang on the last bits, as random ones do."""
    torch.set_float32_matmul_precision("highest")
    opened = LocalEngine(str(BUNDLED_MODEL), device=accelerator, threads=1, weights="float32")
    yield opened
    opened.close()


@pytest.fixture
def generator(accelerator: str) -> Any:
    """The same model, outside the engine."""
    return load_model(str(BUNDLED_MODEL), accelerator, dtype=torch.float32).model


def answers(engine: LocalEngine, requests: list[Request]) -> list[tuple[int, ...]]:
    found = complete(engine, requests)
    assert all(isinstance(one, Completion) for one in found), found
    return [one.token_ids for one in found if isinstance(one, Completion)]


def by_generate(engine: LocalEngine, model: Any, request: Request) -> tuple[int, ...]:
    ids = torch.tensor([engine._encode(request.messages, request.thinking)], device=model.device)
    written = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=N_NEW,
        eos_token_id=sorted(engine._loaded.eos_ids),
        pad_token_id=0,
    )
    return tuple(written[0, ids.shape[1] :].tolist())


def test_greedy_equals_generate(engine: LocalEngine, generator: Any) -> None:
    requests = [ask(text, temperature=0.0, max_tokens=N_NEW) for text in PROMPTS]
    together = answers(engine, requests)
    assert together == [by_generate(engine, generator, request) for request in requests]
    assert together == [answers(engine, [request])[0] for request in requests]


def test_a_version_writes_what_its_adapter_writes_and_the_base_stays(
    engine: LocalEngine, generator: Any, tmp_path: Path
) -> None:
    requests = [ask(text, temperature=0.0, max_tokens=N_NEW) for text in PROMPTS]
    before = answers(engine, requests)
    lora = LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM")
    torch.manual_seed(3)
    adapted = get_peft_model(generator, lora)
    assert isinstance(adapted, PeftModel)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.3)
    adapted.save_pretrained(str(tmp_path / "version"), save_embedding_layers=False)
    engine.publish("version", tmp_path / "version")

    versions = [
        ask(text, temperature=0.0, max_tokens=N_NEW, policy=Policy("version")) for text in PROMPTS
    ]
    mixed = answers(engine, [*versions, *requests])

    assert mixed[: len(PROMPTS)] == [by_generate(engine, adapted, one) for one in versions]
    assert mixed[len(PROMPTS) :] == before
    assert mixed[: len(PROMPTS)] != before
