"""Scores micro-batches with the policy: the log-probability of every scored token."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from training.data.batches import MicroBatch, Rows, Targets
from training.losses import Consistency, pooled_cosine
from training.policy.head import head_logps, head_of


class Layout(NamedTuple):
    """The layout of a model's inputs; `training.policy.layout` chooses it."""

    rows: Rows
    fused_head: bool
    """Whether log-probabilities are computed from the head's matrix, or by the model's own head."""


class Scored(NamedTuple):
    """The scores of a micro-batch."""

    logps: Tensor
    """(N,) log-probability of each target in nats, float32 at least."""
    consistency: Consistency | None
    """Consistency of answers with the attempts before them, where it was asked for."""


class Scorer(nn.Module):
    """The module that is trained; its forward is all that a loss needs of the model.

    It wraps the model, rather than being called beside it, because data-parallel engines hook the
    forward of the module they wrap.
    """

    def __init__(
        self,
        model: PeftModel | PreTrainedModel,
        layout: Layout,
        *,
        with_consistency: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.layout = layout
        self._with_consistency = with_consistency

    @property
    def _no_split_modules(self) -> list[str]:
        """The layers that FSDP shards one by one."""
        return list(self.causal._no_split_modules or [])

    def checkpoint_activations(self) -> None:
        """Stores only each layer's input for the backward pass and recomputes the rest.

        Not the re-entrant kind: that one gives a LoRA on frozen embeddings no gradient (trl#2486).
        """
        self.causal.activation_checkpointing_enable({"use_reentrant": False})

    def keep_activations(self) -> None:
        """Stores all activations for the backward pass, as at first."""
        self.causal.activation_checkpointing_disable()

    def compile_layers(self, backend: str = "inductor") -> None:
        """Compiles each layer but its attention: norms, rotations and gates become few passes.

        All layers share what is compiled, and it takes rows of any length.
        """
        # One function wraps every part of a layer, and is compiled for each, with gradients and
        # without: beyond the usual 8 the rest would silently stay as it is.
        torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
        for module in self.causal.modules():
            if isinstance(module, GradientCheckpointingLayer):
                module.compile(dynamic=True, backend=backend)

    def train(self, mode: bool = True) -> Self:
        """Sets the training flag only on layers that checkpoint their activations.

        Dropout stays off everywhere: with it the policy would differ from its reference.
        """
        super().train(False)
        for module in self.modules():
            if isinstance(module, GradientCheckpointingLayer):
                module.training = mode
        return self

    @property
    def causal(self) -> PreTrainedModel:
        """The language model itself, adapters injected."""
        model: Any = self.model
        if isinstance(model, PeftModel):
            model = model.get_base_model()
        causal: PreTrainedModel = model
        return causal

    def forward(self, batch: MicroBatch) -> Scored:
        inputs: dict[str, Any] = {
            "input_ids": batch.inputs.input_ids,
            "position_ids": batch.inputs.position_ids,
            "use_cache": False,
        }
        if batch.inputs.segments is not None:
            inputs["segments"] = batch.inputs.segments
        if self.layout.fused_head:
            hidden = self.causal.get_decoder()(**inputs).last_hidden_state.flatten(0, 1)  # (BT, H)
            head = head_of(self.causal)
            assert head is not None, "a layout with a fused head needs one"
            picked = hidden[batch.targets.predictors]  # (N, H)
            logps = head_logps(picked, batch.targets.token_ids, head)  # (N,)
        else:
            hidden, logps = self._by_model_head(inputs, batch.targets)
        return Scored(logps, self._consistency(hidden, batch))

    def _by_model_head(self, inputs: dict[str, Any], targets: Targets) -> tuple[Tensor, Tensor]:
        """Scores with the model's own head, but only at the scored positions."""
        with _head_only_at(self.causal, targets.predictors) as captured:
            logits = self.causal(**inputs).logits.flatten(0, 1)  # (N, V)
        if not captured:  # a model without a head module of its own
            logits = logits[targets.predictors]
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        picked = logits.gather(1, targets.token_ids[:, None])[:, 0]  # (N,)
        return (captured[0] if captured else logits), picked - logits.logsumexp(1)

    def _consistency(self, hidden: Tensor, batch: MicroBatch) -> Consistency | None:
        if not self._with_consistency:
            return None
        at = batch.attempts
        answer, attempt = hidden[at.answer_at], hidden[at.attempt_at]  # (M, H), (L, H)
        return pooled_cosine(answer, at.answer_of, attempt, at.attempt_of, batch.n_completions)


@contextmanager
def _head_only_at(model: Any, positions: Tensor) -> Iterator[list[Tensor]]:
    """Gives the output head only the hidden states at `positions`; yields all of them, (B·T, H)."""
    captured: list[Tensor] = []

    def gather(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        captured.append(inputs[0].flatten(0, 1))
        return (captured[0][positions][None],)

    head = model.get_output_embeddings()
    if head is None:
        yield captured
        return
    hook = head.register_forward_pre_hook(gather)
    try:
        yield captured
    finally:
        hook.remove()
