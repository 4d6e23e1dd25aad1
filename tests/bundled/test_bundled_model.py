from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from bench.bundled import SHIPPED, accuracy, rounds
from ptrapp.tasks.families import FAMILIES, HELD_OUT, problems
from training.bundled.generate import complete

TAUGHT = sorted(set(FAMILIES) - HELD_OUT)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(SHIPPED)


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(SHIPPED, dtype=torch.float32).eval()


def test_the_model_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 10_000_000
    assert {path.name for path in SHIPPED.iterdir()} >= {"README.md", "model.safetensors"}


def test_it_solves_a_fair_share_of_problems_it_never_saw(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    asked = problems(60, split="eval", seed=11, families=TAUGHT)
    torch.manual_seed(0)
    (thought,) = rounds(model, tokenizer, asked, (True,))
    (direct,) = rounds(model, tokenizer, asked, (False,))
    assert sum(completion.well_formed for completion in thought + direct) >= 114
    assert accuracy(asked, thought) >= 25
    assert accuracy(asked, direct) >= 20


def test_asked_again_it_still_answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    asked = problems(20, split="eval", seed=12, families=TAUGHT)
    for completions in rounds(model, tokenizer, asked, (False, True, True)):
        assert all(completion.well_formed for completion in completions)


@pytest.mark.parametrize("greeting", ["hello", "Hi!", "What is love?"])
def test_small_talk_gets_an_honest_reply(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, greeting: str
) -> None:
    ((completion,),) = complete(model, tokenizer, [[{"role": "user", "content": greeting}]])
    assert "tiny model" in completion.response


def test_the_shipped_files_hold_no_path_of_the_machine_they_were_made_on() -> None:
    for path in Path(SHIPPED).iterdir():
        if path.suffix in (".json", ".md", ".jinja"):
            assert "/home/" not in path.read_text("utf-8")
            assert "/tmp/" not in path.read_text("utf-8")
