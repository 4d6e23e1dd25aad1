"""The hand loop: rows decoded together, every prompt read once, finished rows leave."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ptrapp.core.types import FinishReason, Sampling
from ptrapp.engines.sampling import choose

PREFILL_TOKENS = 1024
"""Prompt tokens read in one step, so that a big job lets others in; one prompt is not cut."""


@dataclass(slots=True, eq=False)
class Row:
    """One completion on its way."""

    prompt: tuple[int, ...]
    sampling: Sampling
    n_max: int
    """Tokens it may write: what was asked for, within the room that the context leaves."""
    random: random.Random
    """Its own, seeded by the request: what others draw does not matter."""
    token_ids: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each token was chosen, `time.monotonic` seconds."""
    logps: list[float] = field(default_factory=list)
    """Of each token under the policy itself, in nats."""
    finish: FinishReason | None = None

    def take(self, token: int, logp: float, now: float, eos_ids: frozenset[int]) -> None:
        self.token_ids.append(token)
        self.times.append(now)
        self.logps.append(logp)
        if token in eos_ids:
            self.finish = FinishReason.STOP
        elif len(self.token_ids) >= self.n_max:
            self.finish = FinishReason.LENGTH


class _Read(NamedTuple):
    cache: DynamicCache
    logits: Tensor
    """Of the token after each prompt, (P, V)."""


class Batch:
    """Rows that share a KV cache. Only the owner thread may touch it, its policy being active.

    Prompts are left-padded to one length T; equal prompts are read once and their cache repeated.
    """

    def __init__(self, model: PreTrainedModel, rows: Sequence[Row], eos_ids: frozenset[int]):
        self._model = model
        self._eos_ids = eos_ids
        self.rows = list(rows)
        """Rows that are still being written."""
        prompts = {row.prompt: None for row in rows}
        self._prompts = list(prompts)
        self._places = {prompt: place for place, prompt in enumerate(prompts)}
        self._width = max(len(prompt) for prompt in prompts)
        self._padded = any(len(prompt) < self._width for prompt in prompts)
        self._reads: list[_Read] = []
        self._n_read = 0
        self._cache: DynamicCache | None = None
        self._mask = torch.empty(0)
        self._lengths = torch.empty(0)

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """Do one piece of work; return the rows that got a token, finished ones included."""
        if self._n_read < len(self._prompts):
            self._read_some()
            if self._n_read < len(self._prompts):
                return []
            logits = self._repeat()  # (B, V)
        else:
            logits = self._forward()  # (B, V)
        return self._choose(logits)

    def _read_some(self) -> None:
        n_prompts = max(1, PREFILL_TOKENS // self._width)
        prompts = self._prompts[self._n_read : self._n_read + n_prompts]
        pads = [self._width - len(prompt) for prompt in prompts]
        ids = [[0] * pad + list(prompt) for pad, prompt in zip(pads, prompts, strict=True)]
        cache = DynamicCache(config=self._model.config)
        input_ids = torch.tensor(ids, device=self._model.device)  # (P, T)
        places = torch.arange(self._width)[None] - torch.tensor(pads)[:, None]  # (P, T)
        output = self._model(
            input_ids=input_ids,
            attention_mask=(places >= 0).long().to(input_ids.device) if self._padded else None,
            position_ids=places.clamp(min=0).to(input_ids.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._reads.append(_Read(cache, output.logits[:, -1]))
        self._n_read += len(prompts)

    def _repeat(self) -> Tensor:
        """Join what was read and give every row its own copy; return the rows' logits (B, V)."""
        cache, logits = self._reads[0].cache, torch.cat([read.logits for read in self._reads])
        layers: list[Any] = cache.layers if len(self._reads) > 1 else []
        for place, layer in enumerate(layers):
            parts: list[Any] = [read.cache.layers[place] for read in self._reads]
            layer.keys = torch.cat([part.keys for part in parts])
            layer.values = torch.cat([part.values for part in parts])
        self._reads.clear()
        index = torch.tensor([self._places[row.prompt] for row in self.rows], device=logits.device)
        if index.tolist() != list(range(len(self._prompts))):
            cache.batch_select_indices(index)
        self._cache = cache
        self._lengths = torch.tensor([len(row.prompt) for row in self.rows], device=logits.device)
        padding = self._width - self._lengths
        self._mask = (  # (B, T), grows by a column a step
            torch.arange(self._width, device=logits.device)[None] >= padding[:, None]
        ).long()
        return logits[index]

    def _forward(self) -> Tensor:
        assert self._cache is not None
        last = torch.tensor([row.token_ids[-1:] for row in self.rows], device=self._mask.device)
        if self._padded:
            self._mask = torch.cat([self._mask, torch.ones_like(last)], dim=1)
        output = self._model(
            input_ids=last,  # (B, 1)
            attention_mask=self._mask if self._padded else None,
            position_ids=self._lengths[:, None],  # (B, 1)
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._lengths = self._lengths + 1
        return output.logits[:, -1]

    def _choose(self, logits: Tensor) -> list[Row]:
        written = self.rows
        uniforms = [0.0 if row.sampling.greedy else row.random.random() for row in written]
        choice = choose(logits, [row.sampling for row in written], uniforms)
        now = time.monotonic()
        for row, token, logp in zip(written, choice.tokens, choice.logps, strict=True):
            row.take(token, logp, now, self._eos_ids)
        kept = [place for place, row in enumerate(written) if row.finish is None]
        self.rows = [written[place] for place in kept]
        if self.rows and len(kept) < len(written):
            assert self._cache is not None
            index = torch.tensor(kept, device=logits.device)
            self._cache.batch_select_indices(index)
            self._mask, self._lengths = self._mask[index], self._lengths[index]
        return written
