"""Computes the agreement of all raters beyond chance: Krippendorff's α."""

from collections.abc import Iterable

import numpy as np

from ptrapp.analysis.columns import BOTH_BAD, LEFT, RIGHT, LabelColumns, columns_of
from ptrapp.analysis.estimates import Estimate, too_few
from ptrapp.analysis.intervals import Interval, wilson
from ptrapp.analysis.labels import Label
from ptrapp.core.types import Choice

NEEDED = 20
"""Comparisons that two raters or more have put in order: one is better, or they are equal."""
MAX_STRENGTH = 3
_TAIL = 0.025
"""Share of resamples below the interval, and above it."""
RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's bounds (Content Analysis, 2004, p. 241): for conclusions, for tentative ones."""


def scale_value(label: Label) -> int | None:
    """Returns a label's value on the scale of 7, from −3 (left, much better) over 0 (tie) to 3.

    "Both bad" has no value: it says how good the two are, not which is better. As 0 it would make
    two raters who agree on the order disagree, and make a rater who calls both bad one who sees no
    difference. It counts as missing, which Krippendorff's α allows, and its share is reported
    separately.

    >>> scale_value(Label("ann", 1, Choice.LEFT, strength=2))
    -2
    """
    match label.outcome:
        case Choice.LEFT:
            return -label.strength
        case Choice.RIGHT:
            return label.strength
        case Choice.TIE:
            return 0
        case Choice.BOTH_BAD:
            return None


def ordinal_alpha(labels: Iterable[Label] | LabelColumns, *, n_resamples: int = 500) -> Estimate:
    """Returns Krippendorff's ordinal α: 1 is full agreement, 0 that of chance, below 0 is worse.

    Each comparison counts in both orders: which response is stored as the left one means nothing to
    raters, who see the two in an order drawn by chance. An import may store the chosen one first
    each time; two who agree on all of them would have no α else.

    Its interval draws whole comparisons with replacement (Zapf et al. 2016, BMC Med. Res.
    Methodol. 16:93). Where nobody disagreed a resample cannot either; the low end is then that of
    Wilson's for n equal answers of n, in terms of α. Where so few labels differ that resamples have
    none at all, and no α, there is no estimate.
    """
    counts = _counts(labels)
    shared = counts[counts.sum(axis=1) > 1]  # (C, 7)
    n = len(shared)
    if n < NEEDED:
        return too_few(n, NEEDED, "comparisons that several raters put in order")
    if not _differ(in_both_orders(shared)):
        return Estimate(n, missing="all labels are ties, so it is not defined")
    value = krippendorff_alpha(in_both_orders(shared))
    interval = _interval(shared, n_resamples)
    if interval is None:
        return Estimate(n, missing="nearly all labels are ties, so it cannot be told")
    if (shared.max(axis=1) == shared.sum(axis=1)).all():
        interval = Interval(_lowest(shared), 1.0)
    return Estimate(n, value, interval)


def conclusion(alpha: Estimate) -> str:
    """Returns the meaning of α in a sentence, which says no more than its whole interval does."""
    if alpha.value is None or alpha.interval is None:
        return f"Agreement between raters: {alpha.missing}."
    low, high = alpha.interval
    value, least, most = (f"{one:.2f}".replace("-", "−") for one in (alpha.value, low, high))
    number = f"α = {value} ({least} to {most}, n = {alpha.n:,})"
    if high < 0:
        return f"Raters agree less than chance would: {number}. Do they answer the same question?"
    if low <= 0:
        return f"It is not clear whether raters agree more than by chance: {number}."
    if low >= RELIABLE:
        return f"Raters agree well: {number}."
    if low >= TENTATIVE:
        return f"Raters agree well enough for careful conclusions: {number}."
    if high >= TENTATIVE:
        return f"Raters agree more than by chance; whether well enough is not clear: {number}."
    return f"Raters agree more than by chance, but not reliably: {number}. Read the disagreements."


def _lowest(shared: np.ndarray) -> float:
    """Returns the low end of α where all n comparisons have equal labels.

    At Wilson's low end p of a share of n of n, α = 1 − (1 − p)/(1 − p_e): answers that differ are
    taken to be as far apart as any two that differ, so both distances have the same factor.
    """
    shares = in_both_orders(shared).sum(axis=0) / (2 * shared.sum())
    by_chance = float((shares**2).sum())
    return max(-1.0, 1 - (1 - wilson(len(shared), len(shared)).low) / (1 - by_chance))


def _interval(shared: np.ndarray, n_resamples: int) -> Interval | None:
    """Returns percentiles of α over resamples of all comparisons; None where too many have no α.

    Comparisons with equal counts are exchangeable, and α needs no more of a resample than how
    often it has each kind: that is one draw of a multinomial, however many comparisons there are.
    """
    kinds, n_of_kind = _kinds(shared)
    drawn = np.random.default_rng(0).multinomial(
        len(shared), n_of_kind / len(shared), size=n_resamples
    )  # (R, U)
    totals = drawn @ (kinds + kinds[:, ::-1])  # (R, V)
    paired = np.einsum("uv,uw->uvw", _weighed(kinds), kinds)
    paired = (paired + paired[:, ::-1, ::-1]).reshape(len(kinds), -1)  # (U, V²), in both orders
    width = kinds.shape[1]
    found = _alpha(totals, (drawn @ paired).reshape(n_resamples, width, width))
    if np.isnan(found).mean() > _TAIL:
        return None
    low, high = np.nanquantile(found, [_TAIL, 1 - _TAIL])
    return Interval(float(low), float(high))


def _kinds(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the different rows of counts, (U, V), and how often each is there, (U,)."""
    base = int(counts.max()) + 1
    if base ** counts.shape[1] >= 2**62:
        return np.unique(counts, axis=0, return_counts=True)
    named = counts @ base ** np.arange(counts.shape[1])  # a number for each, which sorts faster
    _, first, n_of_kind = np.unique(named, return_index=True, return_counts=True)
    return counts[first], n_of_kind


def in_both_orders(counts: np.ndarray) -> np.ndarray:
    """Returns each comparison as it is, and with its sides exchanged, (2C, 7)."""
    return np.concatenate([counts, counts[:, ::-1]])


def _counts(labels: Iterable[Label] | LabelColumns) -> np.ndarray:
    """Counts the raters who gave each comparison each value of the scale, from −3 to 3, (C, 7)."""
    given = columns_of(labels).independent()
    _, first, group = np.unique(given.comparison, return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[group]  # in the order in which they were first labelled
    return scale_counts(given, place, len(first))


def scale_counts(given: LabelColumns, group: np.ndarray, n: int) -> np.ndarray:
    """Counts, in each of `n` groups, the labels of each value of `scale_value`, −3 to 3, (n, 7)."""
    width = 2 * MAX_STRENGTH + 1
    values = np.select(
        [given.outcome == LEFT, given.outcome == RIGHT], [-given.strength, given.strength], 0
    )
    valued = given.outcome != BOTH_BAD
    at = group[valued] * width + values[valued] + MAX_STRENGTH
    return np.bincount(at, minlength=n * width).reshape(n, width)


def krippendorff_alpha(counts: np.ndarray) -> float:
    """Returns Krippendorff's α of ordinal labels, of counts (C, V): raters who chose each value.

    α = 1 − D_o/D_e  (Content Analysis, 2004, chapter 11): D_o is the mean squared distance of two
    labels of one comparison, D_e that of any two labels. The distance of two values is the number
    of labels between their middles, so that only their order matters. Comparisons with fewer than
    two labels are left out, which allows missing labels; α is 1 where all labels are equal.

    Worked by hand, two raters, four comparisons (1, 1) (2, 2) (3, 3) (1, 2): the 3, 3 and 2 labels
    of each value have their middles at 1.5, 4.5 and 7, so d₁₂ = 3², d₂₃ = 2.5² and d₁₃ = 5.5².
    D_o = 2·9/8 = 2.25, D_e = 2·(3·3·9 + 3·2·6.25 + 3·2·30.25)/(8·7) = 600/56, α = 0.79.

    >>> counts = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, 1, 0]])
    >>> round(krippendorff_alpha(counts), 4)
    0.79
    """
    counts = counts[counts.sum(axis=1) > 1]  # (C, V)
    if not _differ(counts):
        return 1.0
    return float(_alpha(counts.sum(axis=0), _weighed(counts).T @ counts))


def _weighed(counts: np.ndarray) -> np.ndarray:
    """Returns the counts (C, V) over the other labels of the comparison.

    Multiplied by the counts they say how often two of its labels have each two values. Pairs of a
    label with itself are among them: their distance is 0.
    """
    return np.asarray(counts / (counts.sum(axis=1, keepdims=True) - 1))


def _alpha(totals: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Returns α of labels of each value (…, V) and of pairs of them (…, V, V).

    It is NaN where all labels are equal.
    """
    middles = np.cumsum(totals, axis=-1) - totals / 2  # (…, V)
    distances = (middles[..., :, None] - middles[..., None, :]) ** 2  # (…, V, V)
    n = totals.sum(axis=-1)  # (…)
    observed = (pairs * distances).sum(axis=(-1, -2)) / n
    expected = (totals[..., :, None] * totals[..., None, :] * distances).sum(axis=(-1, -2))
    expected = expected / (n * (n - 1))
    differ = expected > 0  # all labels equal otherwise
    return np.where(differ, 1 - observed / np.where(differ, expected, 1), np.nan)


def _differ(counts: np.ndarray) -> bool:
    """Returns whether more than one value of the scale was used."""
    return int(counts.any(axis=0).sum()) > 1
