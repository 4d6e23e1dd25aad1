"""Draws agreement as HTML: how far raters agree, each two of them, and how reliable each is."""

from collections.abc import Callable
from html import escape
from typing import Any

from ptrapp.analysis.estimates import Estimate
from ptrapp.core.counts import counted
from ptrapp.services.labelling.agreement import AgreementReport, GroupReport, RaterReport
from ptrapp.services.labelling.overview import Overview
from ptrapp.ui.campaigns_drawn import facts_list

PEOPLE_HEADERS = (
    "Rater", "Labels", "Skipped", "Flagged", "Last", "Left side", "Gold", "Consistency", "Ties",
    "Both bad", "Median time", "Under 1 s", "Label noise",
)  # fmt: skip
_GROUP = {"human": "People", "judge": "Judges", "dataset": "Imported files", "all": "All raters"}
_NOTHING = "<span class='none'>–</span>"
_PAIRS_AT_ONCE = 6
"""Pairs of raters whose κ is read at once; the others unfold."""
COUNTING = (
    "<div class='campaigns-waiting' role='status' aria-busy='true'><p>Counting the agreement…</p>"
    "<i></i><i></i><i></i></div>"
)
"""What stands where agreement will, which is counted when it is looked at."""


def groups(report: AgreementReport) -> str:
    """Returns the figures of people, judges and files, or that there are none."""
    if not report.groups:
        return "<p>Nothing is labelled here yet.</p>"
    return "".join(_group(one) for one in report.groups)


def kappas_said(report: AgreementReport) -> str:
    """Returns what stands above the matrix of κ: its scale, and each κ with its interval, or why
    there is none."""
    each = [
        f"<li>{escape(one.first)} and {escape(one.second)}: {in_words(one.kappa, _two_places)}</li>"
        for one in report.kappas
    ]
    listed = f"<ul>{''.join(each[:_PAIRS_AT_ONCE])}</ul>"
    if rest := each[_PAIRS_AT_ONCE:]:
        listed += f"<details><summary>{len(rest)} more</summary><ul>{''.join(rest)}</ul></details>"
    return (
        "<h2>Cohen's κ of every two raters</h2><p>0 is chance, 1 full agreement; intervals are of "
        f"95 %, n is the comparisons that both answered.</p>{listed}"
    )


def people(report: AgreementReport, view: Overview | None) -> list[list[str]]:
    """Returns a row of cells for each rater: what was done, and how reliable it is."""
    done = {one.name: one for one in view.people} if view else {}
    rows = [_rater(one, done.pop(one.name, None)) for one in report.raters]
    n = len(PEOPLE_HEADERS) - 5
    for one in done.values():  # who only skipped, or practised
        last = f"{one.last_at:%d %b}" if one.last_at else _NOTHING
        counts = [str(one.n_done), str(one.n_skipped), str(one.n_flagged), last]
        rows.append([f"<b>{escape(one.name)}</b>", *counts, *[_NOTHING] * n])
    return rows


def in_words(estimate: Estimate, form: Callable[[float], str] | None = None) -> str:
    """Returns a figure with its interval and n, or what is missing for it."""
    if estimate.value is None or estimate.interval is None:
        return escape(estimate.missing)
    write = form or percent
    low, high = (write(end) for end in estimate.interval)
    return f"{write(estimate.value)} ({low} to {high}, n = {estimate.n:,})"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _two_places(value: float) -> str:
    return f"{value:z.2f}".replace("-", "−")


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.1f} s"


def _group(one: GroupReport) -> str:
    figures = one.figures
    known = {
        "Left side chosen": figures.position.left,
        "Gold": figures.gold,
        "Same answer again": figures.consistency,
        "Same in both orders": figures.both_orders,
        "Ties": figures.ties,
        "Both bad": figures.both_bad,
    }
    facts = {name: in_words(each) for name, each in known.items() if each.n}
    if figures.pace.median_ms.n:
        facts["Median time"] = in_words(figures.pace.median_ms, _seconds)
    if figures.position.biased:
        facts["Left side chosen"] += ": they favour a side"
    labels = (
        f"{counted(one.n_raters, 'rater')} · {counted(figures.n_votes, 'label')} on "
        f"{counted(figures.n_comparisons, 'comparison')}"
    )
    return (
        f"<article class='finding' data-kind='{one.kind}'><h2>{_GROUP[one.kind]}: "
        f"{escape(one.conclusion)}</h2><p>{labels}, {one.n_shared:,} labelled by "
        f"several{_beside(one)}{_in_order(one)}</p>{_noise(one)}"
        f"{facts_list(facts, safe=True)}</article>"
    )


def _beside(one: GroupReport) -> str:
    """Returns what is counted below and not in the labels: figures of a rater's side and pace."""
    figures = one.figures
    more = {"of gold": figures.n_gold, "given again": figures.n_repeats}
    said = " and ".join(f"{n:,} {what}" for what, n in more.items() if n)
    return f", beside {said}" if said else ""


def _in_order(one: GroupReport) -> str:
    """Returns on how many comparisons α rests, where several labelled more of them."""
    if one.alpha.n == one.n_shared:
        return ""
    return f"; several put {one.alpha.n:,} of them in order, “both bad” gives no order"


def _noise(one: GroupReport) -> str:
    flips = one.figures.flips
    if flips.epsilon.value is None:
        return ""
    smooth = flips.label_smoothing
    return (
        f"<p>About <b>{in_words(flips.epsilon)}</b> of these votes are estimated to be wrong, from "
        f"{escape(str(flips.rests_on))}; tastes that differ count as wrong. For DPO on them, "
        f"<a href='train?label_smoothing={smooth}'>set label_smoothing to {smooth}</a>.</p>"
    )


def _rater(one: RaterReport, done: Any) -> list[str]:
    figures = one.figures
    kind = {"judge": "judge", "dataset": "file"}.get(one.kind, "")
    more = [f"+ {figures.n_gold} gold"] if figures.n_gold else []
    more += [f"+ {figures.n_repeats} again"] if figures.n_repeats else []
    same = figures.both_orders if figures.both_orders.n else figures.consistency
    bias = "⚠ " if figures.position.biased else ""
    return [
        _two(escape(one.name), kind),
        _two(f"{figures.n_votes:,}", " ".join(more)),
        str(done.n_skipped) if done else _NOTHING,
        str(done.n_flagged) if done else _NOTHING,
        f"{done.last_at:%d %b}" if done and done.last_at else _NOTHING,
        bias + _cell(figures.position.left),
        *(_cell(each) for each in (figures.gold, same, figures.ties, figures.both_bad)),
        _cell(figures.pace.median_ms, _seconds),
        _cell(figures.pace.hasty),
        _cell(figures.flips.epsilon),
    ]


def _cell(estimate: Estimate, form: Callable[[float], str] | None = None) -> str:
    if estimate.value is None or estimate.interval is None:
        why = escape(estimate.missing)
        return f"<span class='none' title='{why}'>too few, n {estimate.n}</span>"
    write = form or percent
    low, high = (write(end) for end in estimate.interval)
    return _two(write(estimate.value), f"{low} to {high}")


def _two(above: str, below: str) -> str:
    return f"<b>{above}</b><small>{below}</small>"
