from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from ptrapp.core.settings import BUNDLED_MODEL
from training.bundled.__main__ import main
from training.bundled.train import Run, rate, train

pytestmark = pytest.mark.training
SMALL = ["--steps", "4", "--tokens-per-step", "512", "--save-every", "2", "--threads", "1"]


class KilledError(Exception):
    """Stands for the power going out between two steps."""


@pytest.mark.parametrize("compiled", [False, True])
def test_the_command_leaves_a_model_that_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    """Compiled, the model is captured whole, as always; a minute of C++ for the result is left out."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager", fullgraph=True))
    flags = [*SMALL, "--compile" if compiled else "--no-compile"]
    main(["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work"), *flags])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    }
    expected = LlamaForCausalLM.from_pretrained(BUNDLED_MODEL).state_dict()
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert {name: weights[name].shape for name in weights} == {
        name: expected[name].shape for name in weights
    }


def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(
    tmp_path: Path, learned_tokenizer: PreTrainedTokenizerFast
) -> None:
    run = Run(n_steps=6, end_share=1.0, tokens_per_step=512)

    def killed_after_three(step: int) -> None:
        if step == 3:
            raise KilledError

    whole = train(learned_tokenizer, run, tmp_path / "whole", save_every=2)
    with pytest.raises(KilledError):
        train(
            learned_tokenizer, run, tmp_path / "killed", save_every=2, after_step=killed_after_three
        )
    steps: list[int] = []
    resumed = train(
        learned_tokenizer, run, tmp_path / "killed", save_every=2, after_step=steps.append
    )
    assert steps == [3, 4, 5, 6]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_run_is_ended_before_its_last_step(
    tmp_path: Path, learned_tokenizer: PreTrainedTokenizerFast
) -> None:
    steps: list[int] = []
    run = Run(n_steps=4, end_share=0.5, tokens_per_step=512)
    train(learned_tokenizer, run, tmp_path, after_step=steps.append)
    assert steps == [1, 2]


def test_another_runs_checkpoint_is_not_continued(
    tmp_path: Path, learned_tokenizer: PreTrainedTokenizerFast
) -> None:
    train(
        learned_tokenizer,
        Run(n_steps=2, end_share=1.0, tokens_per_step=512),
        tmp_path,
        save_every=1,
    )
    steps: list[int] = []
    other = Run(n_steps=2, end_share=1.0, tokens_per_step=512, seed=1)
    train(learned_tokenizer, other, tmp_path, after_step=steps.append)
    assert steps == [1, 2]


def test_the_rate_rises_stays_falls_and_falls_once_more() -> None:
    run = Run(n_steps=2_000, warmup_steps=100, mixture_share=0.5, decay_share=0.5, second_peak=0.6)
    assert rate(0, run) == pytest.approx(0.01)
    assert rate(100, run) == rate(499, run) == 1.0
    assert rate(750, run) == pytest.approx(0.5)
    assert rate(999, run) == pytest.approx(0.002)
    assert rate(1_500, run) == pytest.approx(0.3)
    assert rate(1_999, run) == pytest.approx(0.0006)
