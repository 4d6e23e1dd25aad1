"""Measures how far raters agree and how reliable they are, in one campaign or in all votes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from db.models import Campaign, RaterKind
from ptrapp.analysis.agreement import conclusion, ordinal_alpha
from ptrapp.analysis.checks import both_orders, gold_score, self_consistency
from ptrapp.analysis.columns import MISSING, LabelColumns, grouped
from ptrapp.analysis.drift import DriftPart, drift
from ptrapp.analysis.estimates import Estimate
from ptrapp.analysis.kappa import Kappa, kappas
from ptrapp.analysis.label_noise import FlipRate, flip_rate, tally
from ptrapp.analysis.pace import Pace, pace, share_of
from ptrapp.analysis.position import PositionBias, position_bias
from ptrapp.core.errors import NotFound
from ptrapp.core.types import Choice
from ptrapp.services.context import LabelsContext
from ptrapp.services.labelling.kept_labels import KeptLabels, read_labels

MAX_IN_MATRIX = 30
"""Raters in the κ matrix, those with the most votes: each adds a row and a column."""


@dataclass(frozen=True, slots=True)
class RaterMetrics:
    """The metrics of one rater, or of several taken together."""

    n_votes: int
    """Labels as a campaign's progress counts them: without gold, repeats and practice."""
    n_gold: int
    """Answers to comparisons whose answer is known."""
    n_comparisons: int
    """Those that `n_votes` are on."""
    n_repeats: int
    position: PositionBias
    gold: Estimate
    consistency: Estimate
    """Agreement with oneself on repeats, which have the sides swapped."""
    both_orders: Estimate
    """Agreement of a judge with itself when asked in both orders."""
    pace: Pace
    ties: Estimate
    both_bad: Estimate
    flips: FlipRate


@dataclass(frozen=True, slots=True)
class RaterReport:
    name: str
    kind: str
    figures: RaterMetrics


@dataclass(frozen=True, slots=True)
class GroupReport:
    """The raters of one kind among each other, or all raters."""

    kind: str
    """`human`, `judge`, `dataset` or `all`."""
    n_raters: int
    n_shared: int
    """Comparisons without a known answer that several of them labelled."""
    alpha: Estimate
    conclusion: str
    figures: RaterMetrics


@dataclass(frozen=True, slots=True)
class AgreementReport:
    campaign_id: int | None
    groups: list[GroupReport]
    """People first; `all` where there are several kinds."""
    kappas: list[Kappa]
    raters: list[RaterReport]
    """Those with the most votes first."""
    n_left_out: int
    """Raters that the κ matrix leaves out."""

    def as_json(self) -> dict[str, Any]:
        """Returns plain values; an interval is a pair."""
        return asdict(self)


def read_report(context: LabelsContext, campaign_id: int | None = None) -> AgreementReport:
    """Measures a campaign; None means all votes that training learns from. Raises `NotFound`."""
    with context.database.read() as session:
        if campaign_id is not None and session.get(Campaign, campaign_id) is None:
            raise NotFound(f"There is no campaign {campaign_id}.")
        kept = read_labels(context, session, campaign_id)
    return report_of(kept, campaign_id)


def read_drift(context: LabelsContext, campaign_id: int) -> list[DriftPart]:
    """Follows a campaign's people over time, oldest labels first; empty while there are few."""
    with context.database.read() as session:
        every, kinds = read_labels(context, session, campaign_id)
    is_human = np.array([kind is RaterKind.HUMAN for kind in kinds], dtype=bool)
    return drift(every.where(is_human[every.rater]))


def drift_in_words(parts: Sequence[DriftPart]) -> tuple[str, str]:
    """Returns a heading and a sentence; "less" and "more" are said of intervals apart alone."""
    if not parts:
        return "Not enough data for a course over time", "It begins with 40 labels of people."
    first, last = parts[0].agreement, parts[-1].agreement
    if first.interval is None or last.interval is None:
        heading = "How raters agree over time is not known yet"
    elif last.interval.high < first.interval.low:
        heading = "Raters agree less than at the beginning"
    elif last.interval.low > first.interval.high:
        heading = "Raters agree more than at the beginning"
    else:
        heading = "No clear change since the beginning"
    sizes = f"{len(parts)} parts of about {parts[0].last} labels"
    return heading, f"{sizes}, oldest first. Lines: Wilson, 95 %. Without a bias the left is at 50."


def report_of(kept: KeptLabels, campaign_id: int | None) -> AgreementReport:
    """Measures labels that were read."""
    every, kinds = kept
    kind_of = np.array([list(RaterKind).index(kind) for kind in kinds], dtype=int)[every.rater]
    groups = [
        _group(kind.value, every.where(kind_of == number))
        for number, kind in enumerate(RaterKind)
        if kind in kinds
    ]
    if len(groups) > 1:
        groups.append(_group("all", every))
    raters = [
        RaterReport(name, kind.value, _metrics(every.where(every.rater == at)))
        for at, (name, kind) in enumerate(zip(every.names, kinds, strict=True))
    ]
    raters.sort(key=lambda rater: (-rater.figures.n_votes, rater.name))
    shown = {rater.name for rater in raters[:MAX_IN_MATRIX]}
    places = [at for at, name in enumerate(every.names) if name in shown]
    matrix = kappas(every.where(np.isin(every.rater, places)))
    return AgreementReport(campaign_id, groups, matrix, raters, len(raters) - len(shown))


def _group(kind: str, labels: LabelColumns) -> GroupReport:
    alpha = ordinal_alpha(labels)
    n_raters = len(np.unique(labels.rater))
    n_labels = np.bincount(grouped(labels.independent().comparison)[1])
    return GroupReport(
        kind,
        n_raters,
        int((n_labels > 1).sum()),
        alpha,
        conclusion(alpha) if n_raters > 1 else "One rater alone: nobody to agree with.",
        _metrics(labels),
    )


def _metrics(labels: LabelColumns) -> RaterMetrics:
    first = labels.where(labels.repeat == 0)
    plain = first.where(first.gold == MISSING)
    return RaterMetrics(
        n_votes=len(plain),
        n_gold=len(first) - len(plain),
        n_comparisons=int(np.count_nonzero(np.bincount(grouped(plain.comparison)[1]))),
        n_repeats=len(labels) - len(first),
        position=position_bias(labels),
        gold=gold_score(labels),
        consistency=self_consistency(labels),
        both_orders=both_orders(labels),
        pace=pace(labels),
        ties=share_of(Choice.TIE, labels),
        both_bad=share_of(Choice.BOTH_BAD, labels),
        flips=flip_rate(tally(labels)),
    )
