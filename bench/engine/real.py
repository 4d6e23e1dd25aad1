"""Measures a real model on the CPU: our step beside the model's own forward, in turns.

Both sides are the same engine with the same rows; only the forward differs. Tokens are drawn, so
the two sides write different texts of the same lengths.
"""

from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from bench.engine.sides import Ids, Ours
from ptrapp.engines.local.step.check import divergence
from ptrapp.engines.local.step.forward import ModelForward

N_PROMPT, N_NEW = 32, 24
N_READ = 512
"""Tokens of the prompt whose reading is measured."""
ROWS = (1, 8, 64)


def on_real(
    folder: str,
    weights: str,
    n_threads: int,
    n_turns: int,
    *,
    rows: tuple[int, ...] = ROWS,
    n_read: int = N_READ,
) -> dict[str, Any]:
    """Returns tokens a second of both sides, `real_K_ratio` at K rows, of a prompt, and the KL.

    A ratio is that of two sides within one turn, of CPU seconds, which a busy machine changes
    least; the median of the turns.
    """
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = model.eval().requires_grad_(False)
    sides = {
        "ours": Ours(model, n_threads, 2048, weights=weights),
        "own_forward": Ours(model, n_threads, 2048, own_forward=True),
    }
    draw = torch.Generator().manual_seed(0)
    vocabulary = int(model.config.vocab_size)
    prompt: Ids = tuple(torch.randint(200, vocabulary, (n_read,), generator=draw).tolist())
    found: dict[str, Any] = {"parameters": model.num_parameters(), "threads": n_threads}
    context = sides["ours"].model_thread._context
    found |= {"about": sides["ours"].model_thread.about, "kl": _kl(context.forward, model)}
    for k in rows:
        found |= _compare(sides, f"real_{k}", [prompt[:N_PROMPT]] * k, N_NEW, n_turns)
    found |= _compare(sides, "real_prompt", [prompt], 1, n_turns)
    for side in sides.values():
        side.model_thread.close()
    return found


def _compare(
    sides: dict[str, Ours], key: str, prompts: list[Ids], n_new: int, n_turns: int
) -> dict[str, float]:
    n_tokens = len(prompts) * n_new if n_new > 1 else len(prompts[0])
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(n_turns + 1):
        for name, side in sides.items():
            side.clear_cache(reuse=False)
            wall, used = perf_counter(), process_time()
            side.write(prompts, [n_new] * len(prompts))
            if turn:  # the first one warms up
                speeds[name].append(n_tokens / (perf_counter() - wall))
                cpu[name].append(process_time() - used)
    ratios = [own / ours for ours, own in zip(cpu["ours"], cpu["own_forward"], strict=True)]
    return {
        f"{key}_ratio": median(ratios),
        f"{key}_tok_per_s": median(speeds["ours"]),
        f"{key}_own_forward_tok_per_s": median(speeds["own_forward"]),
    }


def _kl(forward: ModelForward, model: PreTrainedModel) -> float:
    return divergence(forward, ModelForward(model))
