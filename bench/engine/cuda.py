"""Measures how near the engine comes to a GPU's memory bandwidth, on Llamas with random weights.

Every step reads all weights and the KV of all rows, so bytes a step / bytes a second is the least
a step can take. The device's bandwidth is measured by copying. Beside it, in the same run, stand
the model's own forward in the same engine and `generate(num_return_sequences=…)`.
"""

import platform
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from bench.engine.sides import Ids, Ours, by_generate


class Shape(NamedTuple):
    """A Llama, how many rows it is measured at, and with how many tokens."""

    config: dict[str, Any]
    rows: tuple[int, ...]
    n_prompt: int = 512
    n_new: int = 128


SHAPES = {
    "1b": Shape(
        {
            "vocab_size": 32_000,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
        },
        (1, 8, 64),
    ),
    "135m": Shape(
        {
            "vocab_size": 49_152,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
        },
        (1, 8, 64, 256),
    ),
}
TINY = {
    "tiny": Shape(
        {
            "vocab_size": 512,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
        },
        (1, 3),
        n_prompt=20,
        n_new=8,
    )
}
REPEATS = 3
LIMIT_S = 90.0
"""No size is begun after this many seconds."""


def on_cuda(device: str = "cuda", *, tiny: bool = False) -> dict[str, Any]:
    """Returns what was measured for each shape and number of rows.

    On a CPU the static buffers are run eagerly: the same code but for the capture.
    """
    started = perf_counter()
    bandwidth = _bandwidth(device, 2**20 if tiny else 2**30)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or device
    found: dict[str, Any] = {"device": name, "gb_per_s": bandwidth / 1e9}
    left_out = []
    for label, shape in (TINY if tiny else SHAPES).items():
        torch.manual_seed(0)
        model = _model(shape, device)
        sides = {
            "graphs": Ours(model, 1, 4096, static=True),
            "own_forward": Ours(model, 1, 4096, own_forward=True),
        }
        found[label] = {"about": sides["graphs"].model_thread.about}
        for k in shape.rows:
            if perf_counter() - started > LIMIT_S:
                left_out.append(f"{label} at {k} rows")
                continue
            found[label][str(k)] = _measure(model, shape, k, sides, bandwidth)
        for side in sides.values():
            side.model_thread.close()
        del model, sides
    if device == "cuda":
        found["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return found | {"left_out": left_out, "seconds": perf_counter() - started}


def _measure(
    model: LlamaForCausalLM, shape: Shape, k: int, sides: dict[str, Ours], bandwidth: float
) -> dict[str, float]:
    """Measures all sides in turns, so that each turn compares them under the same load."""
    prompt = tuple(torch.randint(200, 500, (shape.n_prompt,)).tolist())
    found: dict[str, list[float]] = {}
    for turn in range(REPEATS + 1):
        for name, side in sides.items():
            if turn > 1 and name != "graphs":
                continue  # the slow sides warm up and run once
            n_new = shape.n_new if turn or name == "graphs" else 4
            total_s, step_s = _written(side, prompt, k, n_new)
            if turn:
                found.setdefault(f"{name}_tok_per_s", []).append(k * n_new / total_s)
                found.setdefault(f"{name}_step_s", []).append(step_s)
        if turn < 2:
            n_new = shape.n_new if turn else 4
            began = perf_counter()
            by_generate(model, prompt, n_new, k)
            _synchronize(model)
            if turn:
                found["generate_tok_per_s"] = [k * n_new / (perf_counter() - began)]
    values = {name: median(each) for name, each in found.items()}
    least_s = _bytes_a_step(model, shape, k) / bandwidth
    return values | {
        "share_of_bandwidth": least_s / values["graphs_step_s"],
        "over_own_forward": values["own_forward_step_s"] / values["graphs_step_s"],
        "over_generate": values["graphs_tok_per_s"] / values["generate_tok_per_s"],
    }


def _written(side: Ours, prompt: Ids, k: int, n_new: int) -> tuple[float, float]:
    """Returns the seconds of K answers, and those of one decoding step among them."""
    side.clear_cache()
    started = perf_counter()
    rows = side.write([prompt] * k, [n_new] * k)
    total_s = perf_counter() - started
    decoding_s = max(row.times[-1] for row in rows) - min(row.times[0] for row in rows)
    return total_s, decoding_s / (n_new - 1)


def _model(shape: Shape, device: str) -> LlamaForCausalLM:
    config = LlamaConfig(
        **shape.config,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=None,
        dtype=torch.bfloat16,
    )
    with torch.device(device):
        model = LlamaForCausalLM(config).bfloat16()
    return model.eval().requires_grad_(False)


def _bytes_a_step(model: LlamaForCausalLM, shape: Shape, n_rows: int) -> float:
    """Returns the bytes a step reads: weights without the embedding, KV at half of the answer."""
    config: Any = model.config
    n_kv_heads = config.num_key_value_heads or config.num_attention_heads
    kv_width = config.hidden_size * n_kv_heads // config.num_attention_heads
    kv = 2 * config.num_hidden_layers * kv_width * 2
    weights = 2 * (model.num_parameters() - config.vocab_size * config.hidden_size)
    return float(weights + n_rows * (shape.n_prompt + shape.n_new / 2) * kv)


def _bandwidth(device: str, n_bytes: int) -> float:
    """Measures bytes a second, read and written, of copying on the device."""
    one, other = (torch.zeros(n_bytes, dtype=torch.uint8, device=device) for _ in range(2))
    other.copy_(one)
    _synchronize(one)
    started = perf_counter()
    for _ in range(20):
        other.copy_(one)
    _synchronize(one)
    return 20 * 2 * n_bytes / (perf_counter() - started)


def _synchronize(on: Any) -> None:
    if on.device.type == "cuda":
        torch.cuda.synchronize()
