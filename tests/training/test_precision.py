"""Which number format a model is trained in on a CPU, by what was measured."""

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from ptrapp.recipes.training import Precision
from training.policy import precision
from training.policy.precision import (
    block_shapes,
    choose_precision,
    measure_gain,
    precision_of_gain,
)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [(2.0, "bfloat16"), (1.21, "bfloat16"), (1.19, "float32"), (0.2, "float32")],
)
def test_bfloat16_has_to_be_clearly_faster(gain: float, expected: str) -> None:
    choice = precision_of_gain(gain)

    assert choice.precision == Precision(expected)
    assert f"measured {gain:.1f} times as fast" in choice.about


def test_a_small_model_is_not_measured(
    random_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModelForCausalLM.from_pretrained(random_model_dir)
    monkeypatch.setattr(precision, "measure_gain", lambda _: 9.0)
    assert choose_precision(model).precision is Precision.FLOAT32

    monkeypatch.setattr(precision, "SMALL_PARAMETERS", 0)
    assert choose_precision(model).precision is Precision.BFLOAT16


def test_the_products_of_one_block_are_measured() -> None:
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
    )

    shapes = block_shapes(LlamaForCausalLM(config))

    assert sorted(shapes) == sorted(
        [(32, 32), (16, 32), (16, 32), (32, 32), (64, 32), (64, 32), (32, 64)]
    )
    assert measure_gain(shapes) > 0
