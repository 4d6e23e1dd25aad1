"""How raters do where the answer is known, or was given by themselves before."""

from collections.abc import Sequence

from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label, told_twice

NEEDED = 5


def gold_score(labels: Sequence[Label]) -> Estimate:
    """Share of right answers on comparisons of known answer, with Wilson's interval.

    How strongly a side is preferred is not asked: 9 right of 10 is 0.9.
    """
    known = [each for each in labels if each.gold and not (each.repeat or each.doubted)]
    n_right = sum(each.outcome is each.gold for each in known)
    return rate(n_right, len(known), NEEDED, "answers to gold comparisons")


def self_consistency(labels: Sequence[Label]) -> Estimate:
    """Share of comparisons of which a rater said the same again, with the sides swapped.

    Both answers are in the comparison's own terms, so a rater who always presses the same key
    agrees with nothing. Left, then right of the same two responses is a change of mind.
    """
    twice = told_twice(labels)
    n_same = sum(first.outcome is again.outcome for first, again in twice)
    return rate(n_same, len(twice), NEEDED, "comparisons answered twice")


def both_orders(labels: Sequence[Label]) -> Estimate:
    """Share of comparisons of which a judge said the same in both orders; people are not asked."""
    asked = [each.agreed for each in labels if each.agreed is not None]
    return rate(sum(asked), len(asked), NEEDED, "comparisons judged in both orders")
