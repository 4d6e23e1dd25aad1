"""The input of both trainers: a model of random weights, and examples in token ids.

Everything is drawn from the seed, so two processes with the same task have the same weights, the
same adapter and the same ids in the same steps.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, TypeAlias

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from training.data.tokens import Encoded, Pair, Tokens

Settings: TypeAlias = Mapping[str, Any]
"""The settings of one side; `side` is `ours` or `trl`."""
PLAIN_TRL: Settings = {
    "side": "trl",
    "batch": 1,
    "reference": "precomputed",
    "head": "metrics",
    "scored": "completions",
    "checkpointing": False,
    "attention": "sdpa",
}
"""TRL with its reference precomputed and all of its metrics; the sides of a case vary it. Only
completions are scored, which TRL does by itself on a GPU alone."""
MIN_TOKENS = 16
"""Tokens of the shortest prompt or completion that is drawn."""
FIRST_ID = 2
"""Ids below are padding and end of turn to TRL's tokenizer, and never drawn."""


@dataclass(frozen=True, slots=True)
class Task:
    """A model, its data and the number of steps. Lengths are mean and deviation."""

    kind: str = "dpo"
    """`dpo`: completions are compared in pairs; `sft`: the one completion is imitated."""
    model: str | None = None
    """A folder to load the model from; None draws a Llama of the sizes below."""
    vocabulary: int = 32_000
    hidden: int = 512
    intermediate: int = 1408
    layers: int = 8
    heads: int = 8
    kv_heads: int = 8
    context: int = 8192
    dtype: str = "bfloat16"
    prompt: tuple[float, float] = (200, 100)
    completion: tuple[float, float] = (150, 80)
    n_candidates: int = 2
    """Completions of each prompt; with more than two, all pairs of them are compared."""
    prompts_per_step: int = 8
    n_steps: int = 3
    """The first one warms up."""
    device: str = "cpu"
    seed: int = 0

    @property
    def block_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of the matrices of one block."""
        kv_width = self.hidden * self.kv_heads // self.heads
        attention = [(width, self.hidden) for width in (self.hidden, kv_width, kv_width)]
        gates = [(self.intermediate, self.hidden)] * 2
        return [*attention, (self.hidden, self.hidden), *gates, (self.hidden, self.intermediate)]

    @property
    def n_pairs(self) -> int:
        """Pairs of a prompt; an example that is imitated counts as one."""
        return self.n_candidates * (self.n_candidates - 1) // 2 if self.kind == "dpo" else 1


def build_model(task: Task, attention: str = "sdpa") -> PeftModel:
    """Returns the model with a fresh LoRA (r 16, α 32, no dropout) on all its linear layers."""
    torch.manual_seed(task.seed)
    dtype = getattr(torch, task.dtype)
    if task.model is not None:
        model: Any = AutoModelForCausalLM.from_pretrained(task.model, dtype=dtype)
    else:
        config = LlamaConfig(
            vocab_size=task.vocabulary,
            hidden_size=task.hidden,
            intermediate_size=task.intermediate,
            num_hidden_layers=task.layers,
            num_attention_heads=task.heads,
            num_key_value_heads=task.kv_heads,
            max_position_embeddings=task.context,
        )
        torch.set_default_dtype(dtype)
        with torch.device(task.device):  # a billion normal numbers take a CPU half a minute
            model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    model.set_attn_implementation(attention)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(model, lora, autocast_adapter_dtype=False)
    assert isinstance(adapted, PeftModel)
    return adapted.to(task.device)


def build_steps(task: Task) -> list[list[Encoded]]:
    """Returns the examples of each step; their lengths do not depend on the vocabulary."""
    lengths, draw = random.Random(task.seed), random.Random(task.seed + 1)

    def tokens(length: tuple[float, float], weight: float) -> Tokens:
        n_tokens = max(MIN_TOKENS, round(lengths.gauss(*length)))
        ids = (draw.randrange(FIRST_ID, task.vocabulary) for _ in range(n_tokens))
        return Tokens(tuple(ids), (weight,) * n_tokens)

    def example() -> Encoded:
        prompt = tokens(task.prompt, 0.0)
        if task.kind == "sft":
            return Encoded(prompt, (tokens(task.completion, 1.0),), attempts=_attempts(prompt))
        completions = tuple(tokens(task.completion, 1.0) for _ in range(task.n_candidates))
        pairs = tuple(Pair(*sides) for sides in combinations(range(task.n_candidates), 2))
        return Encoded(prompt, completions, pairs)

    return [[example() for _ in range(task.prompts_per_step)] for _ in range(task.n_steps)]


def likely_logps(example: Encoded, task: Task) -> tuple[float, ...]:
    """Returns about the log-probabilities of a model of random weights: every id is equally likely.

    They stand in for a reference where only the cost of a step is measured.
    """
    return tuple(-len(text.token_ids) * math.log(task.vocabulary) for text in example.completions)


def _attempts(prompt: Tokens) -> tuple[tuple[int, int], ...]:
    """Returns three earlier answers after a question, each a quarter of the prompt."""
    bounds = [len(prompt.token_ids) * n // 4 for n in range(1, 5)]
    return tuple(pairwise(bounds))
