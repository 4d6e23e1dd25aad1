"""Measures a real model on the CPU: our step beside the model's own forward, in turns.

Both sides are the same engine with the same rows; only the forward differs. Tokens are drawn, so
the two sides write different texts of the same lengths. llama.cpp's server may be a third side.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from bench.engine.llama import LlamaServer
from bench.engine.sides import Ids, Ours
from ptrapp.engines.local.step.check import divergence
from ptrapp.engines.local.step.forward import ModelForward
from ptrapp.engines.local.step.threads import apart

N_PROMPT, N_NEW = 32, 24
N_READ = 512
"""Tokens of the prompt whose reading is measured."""
ROWS = (1, 8, 64)


class Work(NamedTuple):
    """Prompts that are answered at once, and the tokens that count."""

    prompts: Sequence[Ids]
    n_new: int
    n_tokens: int


class Taken(NamedTuple):
    """What a side took for one piece of work."""

    wall_s: float
    cpu_s: float
    """0 where it is not known."""


Turn = Mapping[str, Taken]
"""By the key of the work."""


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
    model: PreTrainedModel = apart(
        lambda: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    )
    model = model.eval().requires_grad_(False)
    draw = torch.Generator().manual_seed(0)
    vocabulary = int(model.config.vocab_size)
    prompt: Ids = tuple(torch.randint(200, vocabulary, (n_read,), generator=draw).tolist())
    works = {str(k): Work([prompt[:N_PROMPT]] * k, N_NEW, k * N_NEW) for k in rows}
    works["prompt"] = Work([prompt], 1, n_read)
    said: dict[str, Any] = {"parameters": model.num_parameters(), "threads": n_threads}

    def ours() -> Turn:
        side = Ours(model, n_threads, 2048, weights=weights)
        forward = side.model_thread._context.forward
        said["about"] = side.model_thread.about
        said["kl"] = apart(lambda: divergence(forward, ModelForward(model)))
        return _turn(works, side)

    def own_forward() -> Turn:
        return _turn(works, Ours(model, n_threads, 2048, own_forward=True))

    sides: dict[str, Callable[[], Turn]] = {"ours": ours, "own_forward": own_forward}
    if llama is not None:
        sides["llama"] = lambda: {key: _by_llama(llama, work) for key, work in works.items()}
    turns: dict[str, list[Turn]] = {name: [] for name in sides}
    for _ in range(n_turns):
        for name, side in sides.items():
            turns[name].append(side())
    return said | _report(works, turns)


def _turn(works: Mapping[str, Work], side: Ours) -> Turn:
    """Measures a side that was just opened, and closes it: the threads of two of them, together
    more than there are cores, would slow each other down."""
    taken = {}
    for key, work in works.items():
        for _ in range(2):  # the first one warms up
            side.clear_cache(reuse=False)
            cpu, started = process_time(), perf_counter()
            side.write(work.prompts, [work.n_new] * len(work.prompts))
            taken[key] = Taken(perf_counter() - started, process_time() - cpu)
    side.model_thread.close()
    return taken


def _by_llama(llama: LlamaServer, work: Work) -> Taken:
    for _ in range(2):
        before = llama.cpu_s()
        passed = llama.write(work.prompts, work.n_new)
        after = llama.cpu_s()
    return Taken(passed, after - before if before is not None and after is not None else 0.0)


def _report(works: Mapping[str, Work], turns: Mapping[str, Sequence[Turn]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, work in works.items():
        walls = {name: [turn[key].wall_s for turn in of_side] for name, of_side in turns.items()}
        cpu = {name: [turn[key].cpu_s for turn in of_side] for name, of_side in turns.items()}
        speeds = {name: work.n_tokens / median(seconds) for name, seconds in walls.items()}
        found[f"real_{key}_ratio"] = _ratio(cpu["own_forward"], cpu["ours"])
        found[f"real_{key}_tok_per_s"] = speeds["ours"]
        found[f"real_{key}_own_forward_tok_per_s"] = speeds["own_forward"]
        if "llama" in turns:
            by = cpu if min(cpu["llama"]) > 0 else walls
            found[f"llama_{key}_tok_per_s"] = speeds["llama"]
            found[f"llama_{key}_ratio"] = _ratio(by["llama"], by["ours"])
    return found


def _ratio(slower: Sequence[float], faster: Sequence[float]) -> float:
    return median(a / b for a, b in zip(slower, faster, strict=True))
