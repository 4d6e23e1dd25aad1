"""Measures how near the engine comes to a GPU's memory bandwidth, on a Llama of a billion weights.

Every step reads all weights and the KV of all rows, so bytes a step / bytes a second is the least
a step can take. The device's bandwidth is measured by copying a gigabyte.
"""

from statistics import median
from time import perf_counter
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from bench.engine.sides import Ours, by_generate

N_PROMPT, N_NEW = 512, 128
KV_HEADS = 8


def on_cuda(rows: tuple[int, ...] = (1, 8, 64)) -> dict[str, Any]:
    """Measures tokens a second of so many candidates, beside `generate(num_return_sequences=…)`."""
    model = _billion()
    prompt = tuple(torch.randint(200, 30_000, (N_PROMPT,)).tolist())
    ours = Ours(model, 1, context_length=4096)
    bandwidth = _bandwidth()
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(), "gb_per_s": bandwidth / 1e9}
    for k in rows:
        speeds, theirs = [], []
        for _ in range(4):
            ours.clear_cache()
            started = perf_counter()
            written = ours.write([prompt] * k, [N_NEW] * k)
            decoding_s = max(row.times[-1] for row in written) - min(r.times[0] for r in written)
            speeds.append((k * N_NEW / (perf_counter() - started), decoding_s / (N_NEW - 1)))
            started = perf_counter()
            by_generate(model, prompt, N_NEW, k)
            torch.cuda.synchronize()
            theirs.append(k * N_NEW / (perf_counter() - started))
        step_s = median(step for _, step in speeds[1:])
        least_s = _bytes_a_step(model, k) / bandwidth
        found[str(k)] = {
            "tok_per_s": median(speed for speed, _ in speeds[1:]),
            "generate_tok_per_s": median(theirs[1:]),
            "step_s": step_s,
            "share_of_bandwidth_limit": least_s / step_s,
        }
    ours.model_thread.close()
    return found | {"peak_gb": torch.cuda.max_memory_allocated() / 1e9}


def _billion() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=None,
        dtype=torch.bfloat16,
    )
    with torch.device("cuda"):
        model = LlamaForCausalLM(config).bfloat16()
    return model.eval().requires_grad_(False)


def _bytes_a_step(model: LlamaForCausalLM, n_rows: int) -> float:
    """Returns the bytes a step reads: weights without the embedding, KV at half of the answer."""
    config = model.config
    kv_width = config.hidden_size * KV_HEADS // config.num_attention_heads
    kv = 2 * config.num_hidden_layers * kv_width * 2
    weights = 2 * (model.num_parameters() - config.vocab_size * config.hidden_size)
    return float(weights + n_rows * (N_PROMPT + N_NEW / 2) * kv)


def _bandwidth() -> float:
    """Measures bytes a second, read and written, of copying a gigabyte on the device."""
    one, other = (torch.zeros(2**30, dtype=torch.uint8, device="cuda") for _ in range(2))
    other.copy_(one)
    torch.cuda.synchronize()
    started = perf_counter()
    for _ in range(20):
        other.copy_(one)
    torch.cuda.synchronize()
    return 20 * 2 * 2**30 / (perf_counter() - started)
