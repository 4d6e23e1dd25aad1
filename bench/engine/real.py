"""Measures a real model on the CPU: our step beside the model's own forward, in turns.

Both sides are the same engine with the same rows; only the forward differs. Tokens are drawn, so
the two sides write different texts of the same lengths. llama.cpp's server may be a third side.
"""

from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from bench.engine.llama import LlamaServer
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
    llama: LlamaServer | None = None,
) -> dict[str, Any]:
    """Returns tokens a second of all sides, `real_K_ratio` at K rows, of a prompt, and the KL.

    A ratio is that of two sides within one turn, of CPU seconds, which a busy machine changes
    least; the median of the turns. `llama_K_ratio` is our speed over llama.cpp's, by the seconds
    passed where the server's processor time is not known.
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
        found |= _compare(sides, llama, str(k), [prompt[:N_PROMPT]] * k, N_NEW, n_turns)
    found |= _compare(sides, llama, "prompt", [prompt], 1, n_turns)
    for side in sides.values():
        side.model_thread.close()
    return found


def _compare(
    sides: dict[str, Ours],
    llama: LlamaServer | None,
    key: str,
    prompts: list[Ids],
    n_new: int,
    n_turns: int,
) -> dict[str, float]:
    n_tokens = len(prompts) * n_new if n_new > 1 else len(prompts[0])
    names = [*sides, *(["llama"] if llama else [])]
    walls: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(n_turns + 1):
        for name in names:
            if llama and name == "llama":
                passed, used = _written_by_llama(llama, prompts, n_new)
            else:
                sides[name].clear_cache(reuse=False)
                before = process_time()
                started = perf_counter()
                sides[name].write(prompts, [n_new] * len(prompts))
                passed, used = perf_counter() - started, process_time() - before
            if turn:  # the first one warms up
                walls[name].append(passed)
                cpu[name].append(used)
    found = {
        f"real_{key}_ratio": _ratio(cpu["own_forward"], cpu["ours"]),
        f"real_{key}_tok_per_s": n_tokens / median(walls["ours"]),
        f"real_{key}_own_forward_tok_per_s": n_tokens / median(walls["own_forward"]),
    }
    if llama:
        found[f"llama_{key}_tok_per_s"] = n_tokens / median(walls["llama"])
        known = min(cpu["llama"]) > 0
        of_both = (cpu["llama"], cpu["ours"]) if known else (walls["llama"], walls["ours"])
        found[f"llama_{key}_ratio"] = _ratio(*of_both)
    return found


def _written_by_llama(llama: LlamaServer, prompts: list[Ids], n_new: int) -> tuple[float, float]:
    """Returns the seconds that passed, and those of the processor, 0 where they are not known."""
    before = llama.cpu_s()
    passed = llama.write(prompts, n_new)
    after = llama.cpu_s()
    return passed, after - before if before is not None and after is not None else 0.0


def _ratio(slower: list[float], faster: list[float]) -> float:
    return median(a / b for a, b in zip(slower, faster, strict=True))


def _kl(forward: ModelForward, model: PreTrainedModel) -> float:
    return divergence(forward, ModelForward(model))
