"""Our decode step beside the model's own forward: layouts, versions, and forms of the weights."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OlmoConfig,
    OlmoForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.types import Sampling
from ptrapp.engines.local import device
from ptrapp.engines.local.sampling import _draw_by_row, _draw_together, choose
from ptrapp.engines.local.step import choice
from ptrapp.engines.local.step.check import divergence
from ptrapp.engines.local.step.choice import choose_forward, loaded_type
from ptrapp.engines.local.step.forward import ModelForward, PlainForward
from ptrapp.engines.local.step.layout import Weights
from ptrapp.engines.local.step.products import DigitProduct, HalfProduct

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def llama(**more: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES, **more))
    return louder(model)


def louder(model: PreTrainedModel) -> PreTrainedModel:
    """Random weights say nearly the same everywhere; larger ones tell a wrong layout from rounding."""
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            weight.data *= 5
        elif name.endswith("bias"):
            weight.data.normal_()
        else:
            weight.data.uniform_(0.5, 1.5)
    return model.eval().requires_grad_(False)


KINDS: dict[str, Callable[[], PreTrainedModel]] = {
    "llama": llama,
    "llama with biases and tied embeddings": lambda: llama(
        attention_bias=True, tie_word_embeddings=True
    ),
    "llama 3 positions": lambda: llama(
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 10000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        }
    ),
    "mistral without a window": lambda: louder(
        MistralForCausalLM(MistralConfig(**SIZES, sliding_window=None))
    ),
    "qwen2": lambda: louder(Qwen2ForCausalLM(Qwen2Config(**SIZES))),
    "qwen3": lambda: louder(Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=32))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_our_step_computes_what_the_model_computes(kind: str) -> None:
    model = KINDS[kind]()
    chosen = choose_forward(model, "auto")
    assert isinstance(chosen.forward, PlainForward), chosen.about
    assert divergence(chosen.forward, ModelForward(model)) < 1e-6


def test_a_layout_that_is_not_plain_is_left_to_the_model() -> None:
    model = louder(OlmoForCausalLM(OlmoConfig(**SIZES, pad_token_id=0)))
    chosen = choose_forward(model, "auto")
    assert type(chosen.forward) is ModelForward
    assert "model's own forward" in chosen.about


def test_a_model_that_computes_something_else_is_left_to_itself() -> None:
    """The same modules, of which one does more than its name says."""
    model: Any = llama()
    attention = model.model.layers[1].self_attn
    attention.o_proj.register_forward_hook(lambda module, given, output: 1.3 * output)
    chosen = choose_forward(model, "auto")
    assert type(chosen.forward) is ModelForward
    assert "something else" in chosen.about


def test_fusing_changes_no_weight_and_keeps_none_twice() -> None:
    model, other = llama(), llama()
    choose_forward(model, "auto")
    for (name, one), (_, twin) in zip(
        model.named_parameters(), other.named_parameters(), strict=True
    ):
        assert torch.equal(one, twin), name
    storages = {one.untyped_storage().data_ptr() for one in model.parameters()}
    assert len(storages) == len(list(model.parameters())) - 2 * 3, "q, k, v and gate, up share one"


def test_a_version_computes_what_peft_computes_and_the_base_stays() -> None:
    model = llama()
    forward, own = choose_forward(model, "auto").forward, ModelForward(model)
    lora = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"])
    peft: Any = get_peft_model(model, lora, adapter_name="v1")
    for name, weight in peft.named_parameters():
        if "lora_" in name:
            weight.data.normal_(std=0.2)
    forward.load("version", "v1")
    assert divergence(forward, own, "version") < 1e-6
    assert divergence(forward, own, None) > 0.01, "the version changes nothing"
    with peft.disable_adapter():
        assert divergence(forward, own, None) < 1e-6
    forward.unload("version")
    assert forward.steps("version")


def test_a_version_of_more_than_the_products_is_left_to_the_model() -> None:
    model = llama()
    forward, own = choose_forward(model, "auto").forward, ModelForward(model)
    get_peft_model(model, LoraConfig(r=4, target_modules=["embed_tokens"]), adapter_name="v1")
    forward.load("version", "v1")
    assert not forward.steps("version")
    assert divergence(forward, own, "version") == pytest.approx(0, abs=1e-6)


def test_float16_is_exact_for_weights_saved_in_bfloat16() -> None:
    draw = torch.Generator().manual_seed(0)
    matrix = torch.randn(40, 64, generator=draw).bfloat16().float()
    rows, bias = torch.randn(5, 64, generator=draw), torch.randn(40, generator=draw)
    try:
        product = HalfProduct(Weights(matrix, bias))
    except RuntimeError as error:
        pytest.skip(f"FBGEMM is not built in: {error}")
    expected = torch.nn.functional.linear(rows.double(), matrix.double(), bias.double())
    assert (product(rows) - expected).abs().max() < 1e-5
    with pytest.raises(ValueError, match="beyond the range of float16"):
        HalfProduct(Weights(1e5 * matrix))


def test_int8_rounds_the_weights_alone_and_a_row_does_not_depend_on_others() -> None:
    if choice._problem("int8"):
        pytest.skip("8-bit products are not exact on this processor")
    draw = torch.Generator().manual_seed(0)
    matrix, rows = torch.randn(40, 64, generator=draw), torch.randn(9, 64, generator=draw)
    scale = matrix.abs().amax(1, keepdim=True) / 127
    rounded = (matrix / scale).round() * scale
    product = DigitProduct(Weights(matrix))
    together = product(rows)
    assert (together - rows @ rounded.t()).abs().max() < 2e-3
    assert (together - rows @ matrix.t()).abs().max() > 5e-3
    assert torch.equal(together, torch.cat([product(row[None]) for row in rows]))


@pytest.mark.parametrize("weights", ["float16", "int8", "bfloat16"])
def test_each_form_is_close_to_the_model_or_says_why_it_is_not_used(weights: str) -> None:
    model = llama()
    chosen = choose_forward(model.bfloat16() if weights == "bfloat16" else model, weights)
    assert weights in chosen.about or "8-bit" in chosen.about
    assert isinstance(chosen.forward, PlainForward)


def test_int8_on_an_accelerator_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "best_device", lambda wanted: "cuda")
    assert device.best_device("cpu") == "cpu"
    assert loaded_type("float32", "auto") is torch.float32
    assert loaded_type("auto", "auto") is None
    with pytest.raises(ModelUnusable, match="int8 are for the CPU"):
        loaded_type("int8", "auto")


@pytest.mark.parametrize("scale", [0.3, 3.0])
@pytest.mark.parametrize("top_p", [0.3, 0.95, 1.0])
def test_a_nucleus_is_that_of_a_sorted_vocabulary(scale: float, top_p: float) -> None:
    draw = torch.Generator().manual_seed(0)
    probs = torch.softmax(scale * torch.randn(6, 5000, generator=draw), -1)
    uniforms = torch.rand(6, generator=draw).tolist()
    expected = []
    for row, uniform in zip(probs.double(), uniforms, strict=True):
        ranked = row.sort(descending=True).values
        least = ranked[((ranked.cumsum(0) - ranked) < top_p).sum() - 1] if top_p < 1 else 0.0
        mass = torch.where(row >= least, row, 0.0).cumsum(0)
        expected.append(int(torch.searchsorted(mass, uniform * mass[-1], right=True)))
    assert _draw_by_row(probs, [top_p] * 6, uniforms).tolist() == expected
    assert _draw_together(probs, [top_p] * 6, uniforms).tolist() == expected


def test_greedy_and_drawn_rows_may_stand_side_by_side() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [0.0, 3.0, 1.0]])
    samplings = [Sampling(temperature=0.0), Sampling(temperature=1.0, top_p=1.0)]
    found = choose(logits, samplings, [0.0, 0.999])
    assert found.tokens == [1, 2]
    assert found.logps == pytest.approx(logits.log_softmax(-1)[[0, 1], [1, 2]].tolist())
