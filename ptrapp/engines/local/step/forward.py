"""A forward over a batch's cache: the model's own, or a step of ours where it computes the same."""

import inspect
import logging
from typing import Any

from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ptrapp.engines.local.step.layout import UnknownLayout
from ptrapp.engines.local.step.lora import LoraDeltas, read_deltas
from ptrapp.engines.local.step.plain import CacheAttention, PlainStep

log = logging.getLogger(__name__)


def cache_argument(model: PreTrainedModel) -> str:
    """Returns what the model's forward calls its cache: `cache` from transformers 5.24 on, where
    `past_key_values` is deprecated, which is its name before."""
    parameters = inspect.signature(model.forward).parameters
    return "cache" if "cache" in parameters else "past_key_values"


class ModelForward:
    """The model's own forward, of the version that is active in it."""

    step: PlainStep | None = None

    def __init__(self, model: PreTrainedModel):
        self.model = model
        self._cache_argument = cache_argument(model)

    def __call__(
        self,
        adapter: str | None,
        ids: Tensor,
        mask: Tensor | None,
        positions: Tensor,
        cache: DynamicCache,
    ) -> Tensor:
        """Reads ids (B, S) at `positions` (B, S) into the cache; returns the last logits (B, V).

        The mask (B, T) is one for the columns that count, the new ones included; None if all do.
        """
        asked: dict[str, Any] = {self._cache_argument: cache}
        output = self.model(
            input_ids=ids,
            attention_mask=mask.long() if mask is not None else None,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **asked,
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def deltas(self, adapter: str | None) -> LoraDeltas | None:
        """Returns what a version adds to the products; None for the base."""
        return None

    def steps(self, adapter: str | None) -> bool:
        """Returns whether `step` computes this version."""
        return False

    def load(self, name: str, inner: str) -> None:
        """Learns a version that has been loaded into the model, where peft calls it `inner`."""

    def unload(self, name: str) -> None:
        """Forgets a version."""


class PlainForward(ModelForward):
    """A step of ours, with a version's LoRA matrices beside its fused products.

    A version that changes anything else is left to the model's own forward.
    """

    def __init__(self, model: PreTrainedModel, step: PlainStep):
        super().__init__(model)
        self.step = step
        self._deltas: dict[str, LoraDeltas] = {}
        self._others: set[str] = set()

    def __call__(
        self,
        adapter: str | None,
        ids: Tensor,
        mask: Tensor | None,
        positions: Tensor,
        cache: DynamicCache,
    ) -> Tensor:
        assert self.step is not None
        if adapter in self._others:
            return super().__call__(adapter, ids, mask, positions, cache)
        attend = CacheAttention(cache, mask, ids.shape[1], self.step.layout)
        return self.step(ids, positions, attend, self.deltas(adapter))

    def deltas(self, adapter: str | None) -> LoraDeltas | None:
        return self._deltas[adapter] if adapter is not None else None

    def steps(self, adapter: str | None) -> bool:
        return adapter not in self._others

    def load(self, name: str, inner: str) -> None:
        try:
            assert self.step is not None
            dtype = self.step.layout.embedding.dtype
            self._deltas[name] = read_deltas(self.model, inner, dtype)
        except UnknownLayout as why:
            log.info("the model's own forward answers for %s: %s", name, why)
            self._others.add(name)

    def unload(self, name: str) -> None:
        self._deltas.pop(name, None)
        self._others.discard(name)
