"""The sides of the engine's benchmark: the embedded engine without a tokenizer, and transformers.

Prompts are token ids and nothing ends before its limit, so that every side writes as much.
"""

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig, PreTrainedModel

from ptrapp.core.thoughts import GENERIC
from ptrapp.core.types import BASE, Sampling
from ptrapp.engines.base import Event, Failed, Finished, Priority
from ptrapp.engines.local.batches import RequestState, new_group, new_row
from ptrapp.engines.local.loading import LoadedModel
from ptrapp.engines.local.model_thread import ModelThread
from ptrapp.engines.local.prefix_cache import PrefixCache
from ptrapp.engines.local.rows import Row
from ptrapp.engines.local.step.forward import ModelForward
from ptrapp.engines.local.step.graphs import GraphPool
from ptrapp.engines.local.transcript import Transcript

SAMPLING = {"do_sample": True, "temperature": 0.8, "top_p": 0.95, "top_k": 0}
CHECK_AND_IMPROVE = tuple(range(100, 132))
"""The user turn between two rounds, 32 tokens."""

Ids = tuple[int, ...]


class Spent(NamedTuple):
    """The cost of writing so many tokens."""

    n_tokens: int
    cpu_s: float
    wall_s: float
    peak_mb: float | None


def measure(write: Callable[[], int]) -> Spent:
    """Calls `write`, which returns how many tokens it wrote, and measures its cost."""
    reset = _reset_peak()
    cpu, wall = time.process_time(), time.perf_counter()
    n_tokens = write()
    spent = (time.process_time() - cpu, time.perf_counter() - wall)
    return Spent(n_tokens, *spent, _peak_mb() if reset else None)


class Ours:
    """The model thread with everything the app's engine has, fed with token ids."""

    def __init__(
        self,
        model: PreTrainedModel,
        n_threads: int,
        context_length: int,
        *,
        weights: str = "auto",
        own_forward: bool = False,
        static: bool = False,
    ):
        """With `own_forward` each step is the model's; with `static` it runs in static buffers,
        which is what a GPU does by itself."""
        tokenizer: Any = None
        loaded = LoadedModel(model, tokenizer, frozenset(), context_length, True)
        self.model_thread = ModelThread(loaded, n_threads, lambda policy: None, weights)
        context = self.model_thread._context
        if own_forward:
            context.forward, context.graphs = ModelForward(model), None
        elif static and context.graphs is None and context.forward.step is not None:
            context.graphs = GraphPool(context.forward.step)

    def clear_cache(self, *, reuse: bool = True) -> None:
        """Empties the prefix cache; with `reuse=False` nothing is cached from now on either."""
        self.model_thread._context.prefix_cache = (
            PrefixCache() if reuse else PrefixCache(max_bytes=0)
        )

    def write(
        self, prompts: Sequence[Ids], n_new: Sequence[int], *, apart: bool = False
    ) -> list[Row]:
        """Answers all prompts, as one call or each as a call `apart`, and waits for the last."""
        events: SimpleQueue[Event] = SimpleQueue()
        states = []
        for seed, (prompt, n) in enumerate(zip(prompts, n_new, strict=True)):
            row = new_row(prompt, Sampling(max_tokens=n, seed=seed), n)
            words = Transcript(lambda ids: " ".join(map(str, ids)), GENERIC, False)
            states.append(RequestState(seed, row, words, events, time.monotonic()))
        calls = [[state] for state in states] if apart else [states]
        self.model_thread.add([new_group(BASE, Priority.PERSON, call) for call in calls])
        n_open = len(states)
        while n_open:
            event = events.get()
            if isinstance(event, Failed):
                raise event.error
            n_open -= isinstance(event, Finished)
        return [state.row for state in states]

    def first_tokens_s(self, prompts: Sequence[Ids]) -> list[float]:
        """Returns seconds until each of so many people, asking at once, has a first token."""
        started = time.monotonic()
        return [
            row.times[0] - started for row in self.write(prompts, [8] * len(prompts), apart=True)
        ]

    def rounds(self, prompt: Ids, k: int, n_rounds: int, n_new: int) -> int:
        """Refines each of K candidates again and again; returns the tokens written."""
        prompts = [prompt] * k
        for _ in range(n_rounds):
            rows = self.write(prompts, [n_new] * k)
            prompts = [(*row.prompt, *row.token_ids, *CHECK_AND_IMPROVE) for row in rows]
        return n_rounds * k * n_new


def by_generate(model: PreTrainedModel, prompt: Ids, n_new: int, k: int = 1) -> Tensor:
    """Returns what `generate` writes for K return sequences, (K, n_new)."""
    ids = torch.tensor([prompt], device=model.device)
    generate: Any = model.generate
    output: Tensor = generate(
        ids,
        attention_mask=torch.ones_like(ids),
        num_return_sequences=k,
        min_new_tokens=n_new,
        max_new_tokens=n_new,
        pad_token_id=0,
        **SAMPLING,
    )
    return output[:, len(prompt) :]


def rounds_by_generate(model: PreTrainedModel, prompt: Ids, n_rounds: int, n_new: int) -> int:
    """Writes one candidate, each of its rounds read from the first token on; returns the tokens."""
    for _ in range(n_rounds):
        (written,) = by_generate(model, prompt, n_new).tolist()
        prompt = (*prompt, *written, *CHECK_AND_IMPROVE)
    return n_rounds * n_new


class Continuous:
    """transformers' continuous batching, on a copy of the model, whose attention it changes."""

    def __init__(self, model: PreTrainedModel):
        self._model: Any = copy.deepcopy(model)

    def write(self, prompt: Ids, n_new: int, k: int) -> int:
        """Writes K answers; returns the tokens written."""
        config = GenerationConfig(max_new_tokens=n_new, eos_token_id=-1, pad_token_id=0, **SAMPLING)
        outputs = self._model.generate_batch(
            [list(prompt)] * k,
            generation_config=config,
            # by default it allocates most of the machine's memory
            continuous_batching_config=ContinuousBatchingConfig(
                num_blocks=k * (2 + (len(prompt) + n_new) // 256), max_batch_tokens=1024
            ),
            warmup=False,
        )
        return sum(len(one.generated_tokens) for one in outputs.values())


def _reset_peak() -> bool:
    """Resets the high-water mark of this process's memory; False where Linux does not allow it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return False
    return True


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
