"""Reads the plain Llama layout off a model: the weights of each block, products of one input fused.

That is Llama, SmolLM2, Mistral without a window, Qwen2 and Qwen3. What is read is a guess by
structure; `ptrapp.engines.local.step.check` tests whether it computes what the model computes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

NORMS = {"input_layernorm", "post_attention_layernorm"}
PROJECTIONS = {
    "qkv": ("self_attn", ("q_proj", "k_proj", "v_proj")),
    "output": ("self_attn", ("o_proj",)),
    "gate_up": ("mlp", ("gate_proj", "up_proj")),
    "down": ("mlp", ("down_proj",)),
}
"""The four products of a block, and the model's modules that each of them joins."""
_ROTARY = {"default", "linear", "llama3", "yarn"}
"""Kinds of positions whose frequencies do not depend on the length of the text."""


class UnknownLayout(Exception):
    """The model is not of the plain layout; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A matrix (N, K) and the bias (N,) of its product, if it has one."""

    matrix: Tensor
    bias: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One decoder layer."""

    input_norm: Tensor
    output_norm: Tensor
    q_norm: Tensor | None
    k_norm: Tensor | None
    products: dict[str, Weights]
    """By the names of `PROJECTIONS`."""


@dataclass(frozen=True, slots=True, eq=False)
class PlainLayout:
    """What a step of our own needs of a model."""

    embedding: Tensor
    blocks: tuple[Block, ...]
    norm: Tensor
    head: Weights
    inverse_frequencies: Tensor
    """(D / 2,) of the rotary positions, float32."""
    rotary_scaling: float
    epsilon: float
    n_heads: int
    n_kv_heads: int
    head_size: int
    scaling: float
    """Factor of the attention scores."""

    @property
    def group(self) -> int:
        """Query heads for each head of keys and values."""
        return self.n_heads // self.n_kv_heads


def read_layout(model: Any) -> PlainLayout:
    """Returns the model's layout; its fused matrices replace the model's, which become views of
    them, so that no weight is kept twice. Raises `UnknownLayout`."""
    config = model.config
    decoder: Any = getattr(model, "model", None)
    head = getattr(model, "lm_head", None)
    layers = getattr(decoder, "layers", None)
    if not isinstance(layers, nn.ModuleList) or type(head) is not nn.Linear:
        raise UnknownLayout("it has no list of layers with a head")
    for layer in layers:
        _check_layer(layer)
    if getattr(config, "hidden_act", None) not in ("silu", "swish"):
        raise UnknownLayout("its activation is not SiLU")
    rotary: Any = getattr(decoder, "rotary_emb", None)
    if getattr(rotary, "rope_type", None) not in _ROTARY:
        raise UnknownLayout("its positions are not plain rotary ones")
    attention: Any = layers[0].self_attn
    size = int(attention.head_dim)
    if 2 * rotary.inv_freq.numel() != size:
        raise UnknownLayout("only a part of each head is rotated")
    return PlainLayout(
        decoder.embed_tokens.weight,
        tuple(_read_block(layer) for layer in layers),
        decoder.norm.weight,
        Weights(head.weight, head.bias),
        rotary.inv_freq.float(),
        float(rotary.attention_scaling),
        float(decoder.norm.variance_epsilon),
        attention.q_proj.out_features // size,
        attention.k_proj.out_features // size,
        size,
        float(attention.scaling),
    )


def _check_layer(layer: nn.Module) -> None:
    found = {name for name, _ in layer.named_children()}
    if found != {"self_attn", "mlp", *NORMS}:
        raise UnknownLayout(f"a layer has {sorted(found)}")
    for name in NORMS:
        norm = getattr(layer, name)
        if not isinstance(getattr(norm, "weight", None), Tensor) or not hasattr(
            norm, "variance_epsilon"
        ):
            raise UnknownLayout(f"{name} is no RMS norm")
    for room, names in PROJECTIONS.values():
        for name in names:
            module = getattr(getattr(layer, room), name, None)
            if type(module) is not nn.Linear:
                raise UnknownLayout(f"{name} is not a plain matrix")
            if module.weight.dtype not in (torch.float32, torch.bfloat16, torch.float16):
                raise UnknownLayout(f"{name} is in {module.weight.dtype}")
    others = {name for name, _ in layer.self_attn.named_children()}  # type: ignore[union-attr]
    if others - {"q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm"}:
        raise UnknownLayout(f"its attention has {sorted(others)}")
    others = {name for name, _ in layer.mlp.named_children()}  # type: ignore[union-attr]
    if others - {"gate_proj", "up_proj", "down_proj", "act_fn"}:
        raise UnknownLayout(f"its feed-forward part has {sorted(others)}")


def _read_block(layer: Any) -> Block:
    products = {
        name: _fused([getattr(getattr(layer, room), part) for part in parts])
        for name, (room, parts) in PROJECTIONS.items()
    }
    q_norm = getattr(layer.self_attn, "q_norm", None)
    k_norm = getattr(layer.self_attn, "k_norm", None)
    return Block(
        layer.input_layernorm.weight,
        layer.post_attention_layernorm.weight,
        q_norm.weight if q_norm is not None else None,
        k_norm.weight if k_norm is not None else None,
        products,
    )


def _fused(modules: Sequence[nn.Linear]) -> Weights:
    """Joins matrices of one input; the modules' own become views of the joined one."""
    if len(modules) == 1:
        return Weights(modules[0].weight, modules[0].bias)
    joined = torch.cat([module.weight.detach() for module in modules])  # (N, K)
    biases = [module.bias for module in modules if module.bias is not None]
    if biases and len(biases) != len(modules):
        raise UnknownLayout("some of its attention's products have a bias and others none")
    at = 0
    for module in modules:
        module.weight.data = joined[at : at + module.out_features]
        at += module.out_features
    return Weights(joined, torch.cat([bias.detach() for bias in biases]) if biases else None)
