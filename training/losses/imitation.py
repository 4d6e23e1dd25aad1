"""Imitation losses: weighted likelihood, and the three terms of PTR's thought mask."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

BETA_0 = 1.0
"""PTR's β0: the weight of the confidence in a last round."""


class Spans(NamedTuple):
    """The scored tokens by round and row: N tokens in S spans, none of them empty."""

    of_tokens: Tensor
    """(N,) index of each token's span."""
    rows: Tensor
    """(S,) index of each span's row."""
    betas: Tensor
    """(S,) β_t, see `confidence_betas`."""


class Consistency(NamedTuple):
    """The similarity of each answer to the attempt before it, (B,)."""

    cosine: Tensor
    """F, 0 where there is no attempt."""
    has_attempt: Tensor


class ThoughtMaskLoss(NamedTuple):
    """One value for each row, (B,); the last three are the terms before λ."""

    loss: Tensor
    nll: Tensor
    inconsistency: Tensor
    unconfidence: Tensor


def weighted_nll(logps: Tensor, weights: Tensor, rows: Tensor, n_rows: int) -> Tensor:
    """Returns the mean negative log-likelihood of each sequence over its weighted tokens, (B,).

    `logps`, `weights` and `rows` are (N,): all scored tokens of the batch, their weights and the
    row each belongs to; a row without weight has no loss and gives nan. This is the thought-mask
    loss of PTR (arXiv 2410.13413) with λ = (1, 0, 0), what its authors' trainer optimises. We
    normalise within a sequence, not over the batch: a long answer then weighs as much as a short
    one, and the loss does not depend on how a batch is cut. TRL's SFTTrainer averages over the
    tokens of a batch, which is our mean weighted by tokens.

    Worked by hand: row 0 has log-probabilities −1 and −3 with weights 1 and 1, row 1 has −4 with
    weight ½, so the losses are 2 and 4.

    >>> logps, weights = torch.tensor([-1.0, -3.0, -4.0]), torch.tensor([1.0, 1.0, 0.5])
    >>> weighted_nll(logps, weights, torch.tensor([0, 0, 1]), 2)
    tensor([2., 4.])
    """
    weights = weights.to(logps.dtype)
    total = torch.zeros(n_rows, dtype=logps.dtype, device=logps.device)  # (B,)
    mass = torch.zeros_like(total)  # (B,)
    total = total.index_add(0, rows, -weights * logps)
    mass = mass.index_add(0, rows, weights)
    return total / mass


def thought_mask_loss(
    logps: Tensor,
    weights: Tensor,
    spans: Spans,
    consistency: Consistency,
    n_rows: int,
    *,
    lambdas: tuple[float, float, float],
) -> ThoughtMaskLoss:
    """Returns λ1·NLL + λ2·(1 − F) + λ3·Σ_t β_t·(1 − exp(mean log p_t)), (B,).

    `logps` and `weights` are (N,), the scored tokens. PTR (arXiv 2410.13413), thought-mask loss,
    with four repairs: it *adds* F, which rewards inconsistency, so we add 1 − F; its F compares
    embeddings of fixed strings and has no gradient, so ours is `pooled_cosine`; the probability of
    a sequence vanishes with its length, so ours is the geometric mean of its tokens'; its sum over
    rounds puts loss on attempts that the mask hides, so only the spans given here count, which is
    the answer alone unless a caller asks for more. A row without an attempt is not inconsistent.

    Worked by hand, two tokens of probability ½, F = ½ and β = 1: NLL = ln 2, inconsistency ½,
    unconfidence ½, so with λ = (0.8, 0.1, 0.1) the loss is 0.8·0.6931 + 0.05 + 0.05 = 0.6545.

    >>> spans = Spans(torch.tensor([0, 0]), torch.tensor([0]), torch.tensor([1.0]))
    >>> halves, ones = torch.full((2,), 0.5).log(), torch.ones(2)
    >>> consistency = Consistency(torch.tensor([0.5]), torch.tensor([True]))
    >>> loss = thought_mask_loss(halves, ones, spans, consistency, 1, lambdas=(0.8, 0.1, 0.1))
    >>> [round(value.item(), 4) for value in loss]
    [0.6545, 0.6931, 0.5, 0.5]
    """
    nll = weighted_nll(logps, weights, spans.rows[spans.of_tokens], n_rows)  # (B,)
    inconsistency = torch.where(consistency.has_attempt, 1 - consistency.cosine, 0.0)  # (B,)
    inconsistency = inconsistency.to(nll.dtype)
    span_nll = weighted_nll(logps, weights, spans.of_tokens, len(spans.rows))  # (S,)
    doubt = spans.betas.to(nll.dtype) * -torch.expm1(-span_nll)  # (S,)
    unconfidence = torch.zeros_like(nll).index_add(0, spans.rows, doubt)  # (B,)
    of_nll, of_inconsistency, of_unconfidence = lambdas
    loss = of_nll * nll + of_inconsistency * inconsistency + of_unconfidence * unconfidence  # (B,)
    return ThoughtMaskLoss(loss, nll, inconsistency, unconfidence)


def confidence_betas(rounds: Tensor, n_rounds: Tensor, beta_0: float = BETA_0) -> Tensor:
    """Returns β_t = β0·t/n of each span, (S,): later rounds should be surer (PTR, unchanged).

    `rounds` (S,) is t, from 1, and `n_rounds` (S,) the number of rounds of the span's row.

    >>> confidence_betas(torch.tensor([1, 2, 4]), torch.tensor([4, 4, 4]))
    tensor([0.2500, 0.5000, 1.0000])
    """
    return beta_0 * rounds / n_rounds  # (S,)


def pooled_cosine(
    answer: Tensor, answer_rows: Tensor, attempt: Tensor, attempt_rows: Tensor, n_rows: int
) -> Consistency:
    """Returns F, the cosine of the mean hidden states of an answer and its attempt, (B,).

    `answer` (N, H) and `attempt` (M, H) are hidden states of tokens, `answer_rows` (N,) and
    `attempt_rows` (M,) the row of each. Ours, for the Sentence-BERT cosine of PTR. Sums are pooled,
    as a cosine knows no length. The attempt is context and carries no loss: no gradient reaches it.

    Worked by hand: the answer's mean is (½, ½), the attempt is (0, 2), at 45°, so F = 1/√2; row 1
    has no attempt.

    >>> answer, rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]), torch.tensor([0, 0, 1])
    >>> pooled_cosine(answer, rows, torch.tensor([[0.0, 2.0]]), torch.tensor([0]), 2)
    Consistency(cosine=tensor([0.7071, 0.0000]), has_attempt=tensor([ True, False]))
    """
    dtype = torch.promote_types(answer.dtype, torch.float32)
    zeros = torch.zeros(n_rows, answer.shape[1], dtype=dtype, device=answer.device)  # (B, H)
    answers = zeros.index_add(0, answer_rows, answer.to(dtype))  # (B, H)
    attempts = zeros.index_add(0, attempt_rows, attempt.detach().to(dtype))  # (B, H)
    has_attempt = torch.bincount(attempt_rows, minlength=n_rows) > 0  # (B,)
    return Consistency(cosine_similarity(answers, attempts, dim=1), has_attempt)
