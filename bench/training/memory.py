"""Measures the memory and the speed of token budgets on a real model, the chosen one among them.

    python -m bench.training --memory --model smollm2 [--budgets null,1024] [--within GB]

Each budget trains in a process of its own, all in turn, with the malloc that a job has. Memory is
the highest above the loaded model: activations, LoRA, gradients and the optimiser's state.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from transformers import AutoConfig

from bench.training.compare import Measured, take_turns
from bench.training.data import Settings, Task, build_steps

LONGER_PROMPT = 2
"""Imitation has attempts in its context, as in the other measurements."""


def sized(task: Task, folder: str) -> Task:
    """Returns the task on a model of the Llama layout that lies in a folder."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    return replace(
        task,
        model=folder,
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        context=config.max_position_embeddings,
    )


def measure_memory(task: Task, budgets: Sequence[str], within_gb: float | None) -> dict[str, Any]:
    """Returns what each budget takes for DPO and for SFT; `null` is the chosen one.

    `within_gb` has it chosen as if so much memory were free.
    """
    found: dict[str, Any] = {}
    prompt = LONGER_PROMPT * task.prompt[0], task.prompt[1]
    sft = replace(task, kind="sft", prompt=prompt)
    for kind, of_kind in (("dpo", task), ("sft", sft)):
        sides: dict[str, Settings] = {
            name: {
                "side": "ours",
                "token_budget": "chosen" if name == "null" else int(name),
                "reference": "given",
                "within_gb": within_gb,
            }
            for name in budgets
        }
        measured = take_turns(of_kind, sides, tuned_malloc=False)
        found[kind] = {name: _as_json(of_kind, each) for name, each in measured.items()}
        print(kind, found[kind], file=sys.stderr, flush=True)
    return found


def _as_json(task: Task, measured: Measured) -> dict[str, Any]:
    steps = build_steps(task)[1:]
    n_tokens = [sum(example.n_tokens for example in step) for step in steps]
    rates = [n / cost_s for n, cost_s in zip(n_tokens, measured.costs_s, strict=True)]
    return {
        "peak_extra_mb": measured.peak_extra_mb,
        "tokens_per_cpu_s": median(rates),
        "tokens_of_a_step": n_tokens,
        **measured.noted,
    }
