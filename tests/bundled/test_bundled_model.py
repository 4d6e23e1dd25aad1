from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from bench.bundled import SHIPPED, accuracy, by_style, rounds
from ptrapp.tasks.families import problems
from training.bundled.generate import complete


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
    asked = problems(60, split="eval", seed=11)
    torch.manual_seed(0)
    (thought,) = rounds(model, tokenizer, asked, (True,))
    (direct,) = rounds(model, tokenizer, asked, (False,))
    assert sum(completion.well_formed for completion in thought + direct) >= 114
    assert accuracy(asked, thought) >= 45
    assert accuracy(asked, direct) >= 40


def test_it_could_do_better_than_it_does_by_habit(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    """The room that preferences have: it can write the work down, and mostly does not."""
    torch.manual_seed(0)
    found = by_style(model, tokenizer, problems(200, split="eval", seed=13))
    assert found["full"]["accuracy"] >= 85
    assert found["full"]["share"] <= 45
    assert all(found[style]["accuracy"] <= 75 for style in ("plan", "easy", "estimate"))


def test_asked_again_it_still_answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    asked = problems(20, split="eval", seed=12)
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
