"""Warnings about a training, as sentences for people: rules over its metrics, without actions."""

from collections.abc import Sequence
from statistics import mean

from training.data.tokens import Encoded

Curve = Sequence[tuple[int, float]]
"""(step, value), in the order of the steps."""

THIRD = 1 / 3
"""Change of a mean length from which it is worth saying."""
WINDOW = 10
"""Steps that are averaged, so that one noisy step causes no warning."""


def diverges(loss: Curve) -> str | None:
    """Warns when the loss has risen well above its first values."""
    if len(loss) < 2 * WINDOW:
        return None
    began, now = _first(loss), _last(loss)
    if now <= 1.5 * began:
        return None
    return (
        f"The loss has risen from {began:.3g} to {now:.3g}: the training diverges. Lower "
        "learning_rate and queue it again."
    )


def chosen_falls(chosen: Curve, reference: Curve) -> str | None:
    """Warns when chosen completions have lost a tenth of their log-probability under the reference.

    Usual for DPO in small measure: it only widens a gap, and may do so by lowering both sides.
    """
    if len(chosen) < WINDOW:
        return None
    fell = _last(reference) - _last(chosen)
    if fell <= max(0.1 * abs(_last(reference)), 3.0):
        return None
    return (
        f"The chosen answers have become less likely than before ({fell:.1f} nats each): the model "
        "learns what to avoid, not what to say. Set nll_weight to 1, or lower learning_rate."
    )


def memorises(accuracy: Curve, held_out: Curve) -> str | None:
    """Warns when training pairs are told apart ever better and held-out ones worse than before."""
    if len(held_out) < 3 or len(accuracy) < WINDOW:
        return None
    best, now = max(value for _, value in held_out), held_out[-1][1]
    if _last(accuracy) < 0.9 or now > best - 0.1:
        return None
    return (
        f"Held-out accuracy fell from {best:.0%} to {now:.0%} while the training pairs are at "
        f"{_last(accuracy):.0%}: the model learns by heart. Collect more preferences, or train for "
        "fewer epochs."
    )


def one_side_longer(examples: Sequence[Encoded]) -> str | None:
    """Warns when length alone tells chosen from rejected."""
    differences = [
        len(example.completions[pair.chosen].token_ids)
        - len(example.completions[pair.rejected].token_ids)
        for example in examples
        for pair in example.pairs
        if pair.outcomes[0] > pair.outcomes[2]
    ]
    if len(differences) < 20:
        return None
    shares = {
        "longer": mean(difference > 0 for difference in differences),
        "shorter": mean(difference < 0 for difference in differences),
    }
    side, share = max(shares.items(), key=lambda item: item[1])
    if share < 0.95:
        return None
    return (
        f"In {share:.0%} of the {len(differences)} pairs the {side} completion was chosen: length "
        "may be all there is to learn. Compare answers of like length, or set length_normalised."
    )


def lengths_differ(examples: Sequence[Encoded]) -> str | None:
    """Warns when chosen completions are longer or shorter on the mean by a third."""
    pairs = [
        (len(example.completions[pair.chosen].token_ids), len(rejected.token_ids))
        for example in examples
        for pair in example.pairs
        if pair.outcomes[0] > pair.outcomes[2]
        for rejected in (example.completions[pair.rejected],)
    ]
    if len(pairs) < 20:
        return None
    chosen, rejected = (mean(side) for side in zip(*pairs, strict=True))
    if abs(chosen / rejected - 1) < THIRD:
        return None
    side = "longer" if chosen > rejected else "shorter"
    return (
        f"The chosen completions, thoughts included, are {side} on the mean: {chosen:.0f} tokens, "
        f"the rejected ones {rejected:.0f}. Thoughts or answers may become {side} whatever they "
        "say. Compare answers of like length, or set length_normalised."
    )


def answers_changed_length(
    before: float, after: float, n_prompts: int, *, imitates_tokens: bool
) -> str | None:
    """Warns when answers have become longer or shorter by a third; lengths are mean characters.

    The likelihood of chosen tokens beside the preference held lengths where it was measured
    (docs/measured.md), and ρ alone did not: who has it is advised to change ρ.
    """
    if not before or abs(after / before - 1) < THIRD:
        return None
    side = "longer" if after > before else "shorter"
    advice = "another rho" if imitates_tokens else "nll_weight 1 and nll_normalise token"
    return (
        f"The answers have become {side} by {abs(after / before - 1):.0%}: {after:.0f} characters "
        f"on the mean of {n_prompts} held-out prompts, the parent's {before:.0f}. Read some before "
        f"you serve this version, or train it again with {advice}."
    )


def only_ties(examples: Sequence[Encoded]) -> str | None:
    """Warns when all pairs are ties: a loss for ties can only pull the two sides together."""
    pairs = [pair for example in examples for pair in example.pairs]
    if not pairs or any(pair.outcomes[0] != pair.outcomes[2] for pair in pairs):
        return None
    return f"All {len(pairs)} pairs are ties: there is no direction to learn."


def _first(curve: Curve) -> float:
    return mean(value for _, value in curve[:WINDOW])


def _last(curve: Curve) -> float:
    return mean(value for _, value in curve[-WINDOW:])
