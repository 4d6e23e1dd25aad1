"""Checks raters against gold answers and against their own earlier answers."""

from collections.abc import Iterable

from ptrapp.analysis.columns import MISSING, LabelColumns, columns_of
from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label

NEEDED = 5


def gold_score(labels: Iterable[Label] | LabelColumns) -> Estimate:
    """Returns the share of right answers on gold comparisons, with Wilson's interval.

    The strength of a preference is ignored: 9 right of 10 is 0.9.
    """
    given = columns_of(labels)
    known = given.where((given.gold != MISSING) & (given.repeat == 0) & ~given.doubted)
    n_right = int((known.outcome == known.gold).sum())
    return rate(n_right, len(known), NEEDED, "answers to gold comparisons")


def self_consistency(labels: Iterable[Label] | LabelColumns) -> Estimate:
    """Returns the share of repeated comparisons, sides swapped, with the same answer again.

    Both answers are in the comparison's own terms, so a rater who always presses the same key is
    never consistent.
    """
    first, again = columns_of(labels).repeated_pairs()
    return rate(int((first == again).sum()), len(first), NEEDED, "comparisons answered twice")


def both_orders(labels: Iterable[Label] | LabelColumns) -> Estimate:
    """Returns the share of comparisons on which a judge gave the same verdict in both orders."""
    agreed = columns_of(labels).agreed
    asked = agreed[agreed != MISSING]
    return rate(int(asked.sum()), len(asked), NEEDED, "comparisons judged in both orders")
