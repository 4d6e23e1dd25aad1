"""Chooses the layout of a model's inputs by comparing with the model's own plain forward.

Segments need a model that passes unknown arguments on to its attention and has no other path from
one token to another (a convolution, a recurrent state, a sink). A list of architectures goes out of
date; a comparison tests the model at hand, adapters included.
"""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from training.data.batches import Item, MicroBatch, Rows, build
from training.data.tokens import Encoded, Pair, Tokens
from training.policy.attention import NAME
from training.policy.head import head_of
from training.policy.scorer import Layout, Scorer

log = logging.getLogger(__name__)

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 0.05, torch.float16: 0.02}
"""Mean difference of log-probabilities that rounding explains, in nats; attention that leaks across
sequences causes far more."""
ROUNDING = {torch.bfloat16: 0.01, torch.float16: 0.004}
"""The same as a share of the log-probabilities: a trained model's are large on ids that are drawn.
SmolLM2-135M in bfloat16: rounding 0.09 of 15 nats, a leak 1.2."""
PLAIN = Layout(Rows.PADDED, fused_head=False)


def choose_layout(scorer: Scorer) -> Layout:
    """Sets the scorer and its model's attention to the fastest layout that is correct; returns it.

    A layout is correct when it gives the log-probabilities of each sequence forwarded alone.
    """
    model = scorer.causal
    own_attention = str(model.config._attn_implementation)
    has_matrix = head_of(model) is not None
    scorer.layout = PLAIN
    with torch.no_grad():
        expected = _one_by_one(scorer)
        dtype = _embeddings(scorer).dtype
        rounding = ROUNDING.get(dtype, 0.0) * expected.abs().mean().item()
        tolerance = max(TOLERANCE[dtype], rounding)
        for rows in (Rows.SEGMENTS, Rows.PADDED):
            if rows is Rows.SEGMENTS:
                model.set_attn_implementation(NAME)
            else:
                model.set_attn_implementation(own_attention)
            for fused_head in (True, False) if has_matrix else (False,):
                scorer.layout = Layout(rows, fused_head)
                if (problem := _difference(scorer, expected, tolerance)) is None:
                    log.info("the model is fed as %s, fused head: %s", rows, fused_head)
                    return scorer.layout
                log.info("%s with fused head %s is not used: %s", rows, fused_head, problem)
    log.warning("even padded rows differ from single sequences; they are used all the same")
    return scorer.layout


def _difference(scorer: Scorer, expected: Tensor, tolerance: float) -> str | None:
    """Returns how the scorer's layout differs from the expected values; None when it does not."""
    try:
        logps = scorer(_batch(_probe(scorer), scorer)).logps
    except (TypeError, ValueError, RuntimeError, NotImplementedError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"  # an architecture may reject segments
    difference = (logps - expected).abs().mean().item()
    if not difference <= tolerance:
        return f"log-probabilities differ by {difference:.2g} nats"
    return None


def _one_by_one(scorer: Scorer) -> Tensor:
    """Returns log-probabilities of the probe's sequences, each in a forward of its own, (N,)."""
    parts = []
    for item in _probe(scorer):
        for completion in item.encoded.completions:
            single = Item(Encoded(item.encoded.prompt, (completion,)))
            parts.append(scorer(_batch([single], scorer)).logps)
    return torch.cat(parts)


def _batch(items: Sequence[Item], scorer: Scorer) -> MicroBatch:
    device = next(scorer.parameters()).device
    return build(items, scorer.layout.rows, pad_id=0).to(device)


def _probe(scorer: Scorer) -> list[Item]:
    """Returns two prompts, of two and three completions, in ids drawn from the whole vocabulary."""
    n_ids = _embeddings(scorer).shape[0]
    generator = torch.Generator().manual_seed(0)

    def tokens(length: int, weight: float) -> Tokens:
        ids = torch.randint(n_ids, (length,), generator=generator).tolist()
        return Tokens(tuple(ids), (weight,) * length)

    def example(n_prompt: int, *lengths: int) -> Item:
        completions = tuple(tokens(length, 1.0) for length in lengths)
        return Item(Encoded(tokens(n_prompt, 0.0), completions, (Pair(0, 1),)))

    return [example(13, 7, 9), example(5, 6, 11, 3)]


def _embeddings(scorer: Scorer) -> Tensor:
    weight = scorer.causal.get_input_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight
