"""Votes of which a share ε was flipped: putting the flips in, and taking them out."""

import torch
from torch import Tensor


def smooth(outcomes: Tensor, flip_rate: float) -> Tensor:
    """Shares of votes for chosen, tie and rejected after a share ε of them was flipped, (P, 3).

    p' = (1−ε)p + ε(1−p), the targets of cDPO (Mitchell 2023, "A note on DPO with noisy
    preferences"). Ours: chosen and rejected change places, a tie stays a tie.

    >>> smooth(torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), 0.1)
    tensor([[0.9000, 0.0000, 0.1000],
            [0.4500, 0.5000, 0.0500]])
    """
    return torch.lerp(outcomes, outcomes.flip(1), flip_rate)  # (P, 3)


def unflip(outcomes: Tensor, flip_rate: float) -> Tensor:
    """Weights that equal the shares before flips in the mean over flips, (P, 3); ε below ½.

    The inverse of `smooth`. As weights of −log σ(D) and −log σ(−D) they make robust DPO's
    [−(1−ε) log σ(D) + ε log σ(−D)]/(1−2ε) (arXiv 2403.00409), mirrored for a vote for the rejected.
    Ours: a tie stays. Weights may be below 0, and so may the loss.

    Worked by hand, ε = ¼: (1−ε)/(1−2ε) = 1.5 and −ε/(1−2ε) = −½.

    >>> unflip(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 0.25)
    tensor([[ 1.5000,  0.0000, -0.5000],
            [ 0.0000,  1.0000,  0.0000]])
    """
    return smooth(outcomes, -flip_rate / (1 - 2 * flip_rate))  # (P, 3)
