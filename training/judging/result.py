"""The result of a judge's labelling of a campaign: its verdicts, and its agreement with people."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from db.labelling import agreement, judging
from db.labelling.agreement import LabelRow
from db.models import Outcome, Purpose, RaterKind
from db.storage.session import Session
from ptrapp.analysis.intervals import wilson_of_clusters
from ptrapp.core.types import Choice
from ptrapp.judges.base import Verdict, rater_name
from ptrapp.preferences.scoring import tally
from training.jobs.claim import Claim

MAX_REASONS = 8
"""Reasons listed one by one; the others are counted together."""


def result_of(
    session: Session, campaign_id: int, judge: str, unscored: Counter[str]
) -> dict[str, Any]:
    """Returns counts over the whole campaign, earlier jobs of the same judge included.

    `both_orders_agree` and the agreement with people are None where nothing could be counted;
    `unscored` is a table of the reasons, the most frequent first.
    """
    rows = agreement.of_campaign(session, campaign_id)
    gold = agreement.known_answers(session, campaign_id)
    own = [row for row in rows if row.rater == rater_name(judge)]
    counts = tally(Verdict(Choice(row.outcome), "", row.agreed) for row in own)
    return {
        "campaign_id": campaign_id,
        "judge": judge,
        "n_comparisons": judging.count_to_judge(session, campaign_id),
        "n_judged": len(own),
        "n_decided": counts.n_decided,
        "n_ties": counts.n_ties,
        "n_doubts": counts.n_doubts,
        "n_unscored": unscored.total(),
        "both_orders_agree": counts.agreement,
        **_on_gold(own, gold),
        **_with_people(own, [row for row in rows if row.comparison_id not in gold]),
        "unscored": _table(unscored),
    }


def note_result(claim: Claim, result: dict[str, Any]) -> None:
    """Stores the result as notes on the job."""
    claim.note(
        f"{result['judge']} has labelled {result['n_judged']} of {result['n_comparisons']} "
        f"comparisons: {result['n_decided']} decided, {result['n_ties']} ties"
        + (f", {result['n_doubts']} on which it contradicted itself" if result["n_doubts"] else "")
        + "."
    )
    for row in result["unscored"]:
        claim.note(f"{row['n']} unscored: {row['reason']}", "warning")
    if result["agreement_with_people"] is None:
        claim.note("People have labelled none of what it judged, so nobody knows how good it is.")
        return
    claim.note(
        f"Of {result['n_shared_labels']} labels by people it says the same in "
        f"{result['agreement_with_people']:.0%} (95% interval {result['agreement_low']:.0%} to "
        f"{result['agreement_high']:.0%})."
    )


def _on_gold(own: Iterable[LabelRow], gold: Mapping[int, Outcome]) -> dict[str, Any]:
    known = [row for row in own if row.comparison_id in gold and row.agreed is not False]
    return {
        "n_gold": len(known),
        "n_gold_right": sum(row.outcome is gold[row.comparison_id] for row in known),
    }


def _with_people(own: Iterable[LabelRow], rows: Iterable[LabelRow]) -> dict[str, Any]:
    """Returns how often the judge agrees with people on comparisons without a known answer.

    Labels of one comparison are correlated, so each comparison is a cluster. Repeats, and
    comparisons on which the judge contradicted itself, are left out.
    """
    outcome_of = {row.comparison_id: row.outcome for row in own if row.agreed is not False}
    n_same: Counter[int] = Counter()
    n_labels: Counter[int] = Counter()
    for row in rows:
        is_label = row.kind is RaterKind.HUMAN and row.purpose is Purpose.LABEL
        if is_label and row.comparison_id in outcome_of:
            n_labels[row.comparison_id] += 1
            n_same[row.comparison_id] += row.outcome is outcome_of[row.comparison_id]
    n = n_labels.total()
    low, high = wilson_of_clusters([(n_same[each], n_labels[each]) for each in n_labels])
    return {
        "n_shared_labels": n,
        "agreement_with_people": n_same.total() / n if n else None,
        "agreement_low": low if n else None,
        "agreement_high": high if n else None,
    }


def _table(unscored: Counter[str]) -> list[dict[str, Any]]:
    rows = [{"reason": reason, "n": n} for reason, n in unscored.most_common(MAX_REASONS)]
    if n_other := sum(n for _, n in unscored.most_common()[MAX_REASONS:]):
        rows.append({"reason": "other reasons", "n": n_other})
    return rows
