"""The hand-written products (attention, head, LoRA) against autograd on the formula."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import scaled_dot_product_attention

from training.policy import cpu_attention as attend_module
from training.policy.cpu_attention import attend
from training.policy.head import Head, head_logps
from training.policy.lora import fuse


def random(*shape: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


@pytest.mark.parametrize("n_keys", [11, 16])
def test_attention_and_its_gradient_are_those_of_the_formula(
    n_keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attend_module, "BLOCK", 4)
    query, key, value = (
        random(2, length, 8, seed=n).requires_grad_()
        for n, length in enumerate((11, n_keys, n_keys))
    )
    seen = torch.arange(n_keys) <= torch.arange(n_keys - 11, n_keys)[:, None]

    ours = attend(query, key, value, 0.3, None)

    formula = scaled_dot_product_attention(query, key, value, attn_mask=seen, scale=0.3)
    assert torch.allclose(ours, formula)
    assert gradcheck(lambda *qkv: attend(*qkv, 0.3, None), (query, key, value))


def test_a_mask_replaces_causality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attend_module, "BLOCK", 4)
    query, key, value = (random(2, 9, 8, seed=n).requires_grad_() for n in range(3))
    distance = torch.arange(9)[:, None] - torch.arange(9)
    near = (distance >= 0) & (distance < 3)
    mask = torch.zeros(9, 9, dtype=torch.float64).masked_fill(~near, float("-inf"))

    formula = scaled_dot_product_attention(query, key, value, attn_mask=near, scale=0.3)
    assert torch.allclose(attend(query, key, value, 0.3, mask), formula)
    assert gradcheck(lambda *qkv: attend(*qkv, 0.3, mask), (query, key, value))


HEADS = {
    "plain": {},
    "biased": {"bias": random(40, seed=5)},
    "scaled": {"scale": 0.4},
    "capped": {"softcap": 2.0, "scale": 1.3},
}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("frozen", [True, False])
def test_log_probabilities_and_their_gradient_are_those_of_the_formula(
    kind: str, frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.policy.head.CHUNK", 1)  # chunks of 32 rows: three of them
    weight = random(40, 6, seed=1).requires_grad_(not frozen)
    head = Head(weight, **{"bias": None, **HEADS[kind]})  # type: ignore[arg-type]
    hidden = random(70, 6, seed=2).requires_grad_()
    targets = torch.randint(40, (70,), generator=torch.Generator().manual_seed(3))

    logits = hidden @ weight.T + (head.bias if head.bias is not None else 0)
    logits = logits * head.scale
    if head.softcap is not None:
        logits = head.softcap * torch.tanh(logits / head.softcap)
    formula = torch.log_softmax(logits, 1)[torch.arange(70), targets]
    slopes = random(70, seed=4)
    inputs = [hidden] if frozen else [hidden, weight]
    expected = torch.autograd.grad(formula, inputs, slopes)

    ours = head_logps(hidden, targets, head)

    assert torch.allclose(ours, formula)
    found = torch.autograd.grad(ours, inputs, slopes)
    assert all(map(torch.allclose, found, expected))
    with torch.no_grad():
        assert torch.allclose(head_logps(hidden, targets, head), formula)


def test_no_scored_token_gives_no_log_probability() -> None:
    head = Head(random(40, 6), None)

    assert head_logps(random(0, 6), torch.zeros(0, dtype=torch.long), head).shape == (0,)


def lora(**options: Any) -> Any:
    torch.manual_seed(0)
    base = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Linear(5, 4, bias=False)).double()
    config = LoraConfig(r=2, lora_alpha=3, target_modules=["0", "1"], **options)
    model = get_peft_model(base, config, autocast_adapter_dtype=False).double()  # type: ignore[arg-type]
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    return model


def test_a_fused_lora_is_the_same_layer() -> None:
    model, x = lora(), random(2, 7, 6)
    plain = model(x)
    plain.square().sum().backward()
    expected = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    model.zero_grad(set_to_none=True)

    assert fuse(model) == 2
    again = model(x)
    again.square().sum().backward()

    assert torch.allclose(again, plain)
    found = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert len(found) == len(expected) == 4
    assert all(map(torch.allclose, found, expected))
    with model.disable_adapter():
        assert not torch.allclose(model(x), plain)


@pytest.mark.parametrize("options", [{"use_dora": True}, {"lora_dropout": 0.1}])
def test_a_lora_of_another_kind_keeps_its_own_forward(options: dict[str, Any]) -> None:
    assert fuse(lora(**options)) == 0
