"""Checks raters against gold answers and against their own earlier answers."""

from collections.abc import Sequence

from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label, repeated_pairs

NEEDED = 5


def gold_score(labels: Sequence[Label]) -> Estimate:
    """Returns the share of right answers on gold comparisons, with Wilson's interval.

    The strength of a preference is ignored: 9 right of 10 is 0.9.
    """
    known = [each for each in labels if each.gold and not (each.repeat or each.doubted)]
    n_right = sum(each.outcome is each.gold for each in known)
    return rate(n_right, len(known), NEEDED, "answers to gold comparisons")


def self_consistency(labels: Sequence[Label]) -> Estimate:
    """Returns the share of repeated comparisons, sides swapped, with the same answer again.

    Both answers are in the comparison's own terms, so a rater who always presses the same key is
    never consistent.
    """
    twice = repeated_pairs(labels)
    n_same = sum(first.outcome is again.outcome for first, again in twice)
    return rate(n_same, len(twice), NEEDED, "comparisons answered twice")


def both_orders(labels: Sequence[Label]) -> Estimate:
    """Returns the share of comparisons on which a judge gave the same verdict in both orders."""
    asked = [each.agreed for each in labels if each.agreed is not None]
    return rate(sum(asked), len(asked), NEEDED, "comparisons judged in both orders")
