"""Label noise of a rate ε in votes: adding it (label smoothing) and correcting for it."""

import torch
from torch import Tensor


def smooth(outcomes: Tensor, noise_rate: float) -> Tensor:
    """Returns the shares of votes for chosen, tie and rejected under label noise of rate ε, (P, 3).

    p' = (1−ε)p + ε(1−p), the targets of cDPO (Mitchell 2023, "A note on DPO with noisy
    preferences"). Ours: chosen and rejected change places, a tie stays a tie.

    >>> smooth(torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), 0.1)
    tensor([[0.9000, 0.0000, 0.1000],
            [0.4500, 0.5000, 0.0500]])
    """
    return torch.lerp(outcomes, outcomes.flip(1), noise_rate)  # (P, 3)


def unsmooth(outcomes: Tensor, noise_rate: float) -> Tensor:
    """Returns weights whose mean under label noise of rate ε equals the shares, (P, 3); ε below ½.

    The inverse of `smooth`. As weights of −log σ(D) and −log σ(−D) they make robust DPO's
    [−(1−ε) log σ(D) + ε log σ(−D)]/(1−2ε) (arXiv 2403.00409), mirrored for a vote for the rejected.
    Ours: a tie stays. Weights may be below 0, and so may the loss.

    Worked by hand, ε = ¼: (1−ε)/(1−2ε) = 1.5 and −ε/(1−2ε) = −½.

    >>> unsmooth(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 0.25)
    tensor([[ 1.5000,  0.0000, -0.5000],
            [ 0.0000,  1.0000,  0.0000]])
    """
    return smooth(outcomes, -noise_rate / (1 - 2 * noise_rate))  # (P, 3)
