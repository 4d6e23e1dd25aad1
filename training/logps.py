"""Log-probabilities of completion tokens; the head of the model runs only where there is loss."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from training.batches import MicroBatch


class TokenLogps(NamedTuple):
    """Every token with a loss weight, (N,), row by row."""

    logps: Tensor
    """In nats, float32 at least."""
    weights: Tensor
    rows: Tensor
    """Which row of the micro-batch the token belongs to."""


def token_logps(model: nn.Module, batch: MicroBatch) -> TokenLogps:
    """Forward the micro-batch and score the tokens that have a loss weight.

    Hidden states are gathered before the output head, so no (B, T, V) logits are ever made: of a
    prompt of 200 tokens and a completion of 150, 150 rows of logits are. Everything else is the
    model's own forward, so that caps and scales of its logits stay right.
    """
    scored = batch.loss_weights[:, 1:] > 0  # (B, T-1)
    before = pad(scored, (0, 1))  # (B, T): the position before a scored token predicts it
    with _head_only_at(model, before):
        logits = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
        ).logits
    logits = logits[before] if logits.shape[:2] == before.shape else logits[0]  # (N, V)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    targets = batch.input_ids[:, 1:][scored]  # (N,)
    logps = logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(1)  # (N,)
    return TokenLogps(logps, batch.loss_weights[:, 1:][scored], scored.nonzero()[:, 0])


def sequence_logps(tokens: TokenLogps, n_rows: int) -> Tensor:
    """Sum the log-probabilities of each row's completion, (B,)."""
    zeros = torch.zeros(n_rows, dtype=tokens.logps.dtype, device=tokens.logps.device)
    return zeros.index_add(0, tokens.rows, tokens.logps)


@contextmanager
def _head_only_at(model: nn.Module, positions: Tensor) -> Iterator[None]:
    """Give the output head only the hidden states at `positions` (B, T), as (1, N, H)."""

    def gather(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Tensor]:
        return (inputs[0][positions][None],)

    head = model.get_output_embeddings()  # type: ignore[operator]
    if head is None:
        yield
        return
    hook = head.register_forward_pre_hook(gather)
    try:
        yield
    finally:
        hook.remove()
