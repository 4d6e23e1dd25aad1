"""Negative log-likelihoods of votes, given the difference of strengths of the two sides.

All three models read a difference of strengths `difference` D (P,), in nats, and the shares of the
raters' votes `outcomes` (P, 3) for chosen, tie and rejected, each row summing to 1, and return
−Σ share · log P(outcome), (P,). They are linear in the shares, so a caller may mix them.

`margin` m (P,) is the strength of a preference, in the unit of D: a vote for a side is explained
only when that side leads by m, so its D becomes D − m for the chosen and D + m for the rejected
(Llama 2, arXiv 2307.09288, equation 2; for DPO arXiv 2402.10571). Ours: the vote for the rejected
takes the margin too. A tie has no strength, so it takes none. With a margin the three
are targets and no longer sum to 1.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid


def bradley_terry(difference: Tensor, outcomes: Tensor, margin: Tensor | None = None) -> Tensor:
    """Bradley–Terry, P(win) = σ(D), (P,).

    Bradley and Terry 1952, as in arXiv 2305.18290, equation 1. It knows no ties. Ours: a tied vote
    is half a vote for each side, which pulls D to 0; recipes drop pairs that are nothing but ties
    before, since those hurt plain DPO (arXiv 2409.17431).

    Worked by hand: −log σ(0) = ln 2; three votes of four for the chosen at D = 1 cost
    ¾·0.3133 + ¼·1.3133 = 0.5633; a tie at D = 1 costs (0.3133 + 1.3133)/2 = 0.8133.

    >>> shares = torch.tensor([[1, 0, 0], [0.75, 0, 0.25], [0, 1, 0]])
    >>> bradley_terry(torch.tensor([0.0, 1.0, 1.0]), shares)
    tensor([0.6931, 0.5633, 0.8133])
    """
    win, lose = _targets(difference, margin)  # (P,) each
    tie = (logsigmoid(difference) + logsigmoid(-difference)) / 2  # (P,)
    return _expected([logsigmoid(win), tie, logsigmoid(-lose)], outcomes)


def rao_kupper(
    difference: Tensor, outcomes: Tensor, tie_strength: float, margin: Tensor | None = None
) -> Tensor:
    """Rao–Kupper: a tie is what lies within a threshold a = log ν of equal strength, (P,).

    P(win) = σ(D − a), P(lose) = σ(−D − a), P(tie) = (ν² − 1)·σ(D − a)·σ(−D − a) with
    ν = `tie_strength` > 1 (Rao and Kupper 1967, as in arXiv 2409.17431), unchanged. ν → 1 is
    Bradley–Terry.

    Worked by hand: ν = 3 at D = 0 gives σ(−log 3) = ¼ for each side and 8·¼·¼ = ½ for the tie.

    >>> rao_kupper(torch.zeros(3), torch.eye(3), 3.0).exp()
    tensor([4., 2., 4.])
    """
    win, lose = _targets(difference, margin)  # (P,) each
    threshold = math.log(tie_strength)
    tie = logsigmoid(difference - threshold) + logsigmoid(-difference - threshold)  # (P,)
    tie = tie + math.log((tie_strength - 1) * (tie_strength + 1))  # (P,)
    return _expected([logsigmoid(win - threshold), tie, logsigmoid(-lose - threshold)], outcomes)


def davidson(
    difference: Tensor, outcomes: Tensor, tie_strength: float, margin: Tensor | None = None
) -> Tensor:
    """Davidson: the odds of a tie are to the geometric mean of both strengths, (P,).

    P(win) = 1/(1 + e^−D + 2ν e^−D/2), P(tie) = 2ν e^−D/2·P(win), P(lose) = e^−D·P(win) with
    ν = `tie_strength` > 0 (Davidson 1970, as in arXiv 2409.17431). Unchanged but for the way it is
    computed: multiplied by e^D/2 it is the softmax of (D/2, log 2ν, −D/2), which no D overflows.
    ν → 0 is Bradley–Terry.

    Worked by hand: ν = 1 at D = 0 is the softmax of (0, log 2, 0) = (¼, ½, ¼).

    >>> davidson(torch.zeros(3), torch.eye(3), 1.0).exp()
    tensor([4., 2., 4.])
    """
    win, lose = _targets(difference, margin)  # (P,) each
    log_odds = math.log(2 * tie_strength)
    logps = [_davidson_logps(at, log_odds) for at in (win, difference, lose)]  # (P, 3) each
    return _expected([logps[side][:, side] for side in range(3)], outcomes)


def _davidson_logps(difference: Tensor, log_odds: float) -> Tensor:
    half = difference / 2  # (P,)
    return log_softmax(torch.stack([half, torch.full_like(half, log_odds), -half], 1), 1)  # (P, 3)


def _targets(difference: Tensor, margin: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns D for a vote for the chosen and for a vote for the rejected, (P,) each."""
    if margin is None:
        return difference, difference
    margin = margin.to(difference.dtype)
    return difference - margin, difference + margin


def _expected(logps: list[Tensor], outcomes: Tensor) -> Tensor:
    """Returns minus the mean of log P over the votes; log P is finite, so a share of 0 adds 0."""
    return -(outcomes.to(logps[0].dtype) * torch.stack(logps, 1)).sum(1)  # (P,)
