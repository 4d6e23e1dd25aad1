"""Draws what the Campaigns page shows as HTML: rows, headings, agreement."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ptrapp.analysis.estimates import Estimate
from ptrapp.core.counts import counted
from ptrapp.services.labelling.agreement import AgreementReport, GroupReport, RaterReport
from ptrapp.services.labelling.overview import Overview
from ptrapp.services.labelling.panel import CampaignRow

CHOSEN_BY = {
    "siblings": "candidates of one run",
    "adjacent": "consecutive rounds",
    "best_worst": "best and worst by a judge",
    "versions": "two versions",
    "random": "any two responses",
    "imported": "imported pairs",
    "none": "added by hand",
}
HEADERS = ("Campaign", "State", "Labels", "Last 14 days", "Deadline")
PEOPLE_HEADERS = (
    "Rater", "Labels", "Skipped", "Flagged", "Last", "Left side", "Gold", "Consistency", "Ties",
    "Both bad", "Median time", "Under 1 s", "Label noise",
)  # fmt: skip
_STATE = {
    "open": "ok", "all labelled": "ok", "paused": "warn", "preparing": "acc",
    "import undone": "warn", "pairs deleted": "warn",
}  # fmt: skip
_GROUP = {"human": "People", "judge": "Judges", "dataset": "Imported files", "all": "All raters"}
OUTCOMES = {"left": "A is better", "right": "B is better", "tie": "Tie", "both_bad": "Both bad"}
_NOTHING = "<span class='none'>–</span>"
_PAIRS_AT_ONCE = 6
"""Pairs of raters whose κ is read at once; the others unfold."""


def title(heading: str, sentence: str = "") -> str:
    """Returns the page's first line."""
    said = f"<p role='status'>{escape(sentence)}</p>" if sentence else ""
    return f"<div class='campaigns-title'><h1>{escape(heading)}</h1>{said}</div>"


WAITING = (
    "<div class='campaigns-title campaigns-waiting' role='status' aria-busy='true'>"
    "<h1>Campaigns</h1><p>They are being read …</p><i></i><i></i><i></i><i></i></div>"
)
"""What is there before the list or a campaign is read."""


def cells(row: CampaignRow) -> list[str]:
    """Returns the row of a campaign in the list."""
    kind = (row.settings.get("source") or {}).get("kind", "")
    made = " · ".join(filter(None, [f"{row.aspect}s", CHOSEN_BY.get(kind, "")]))
    share = row.n_done / row.n_wanted if row.n_wanted else 0.0
    n_days = sum(row.days)
    active = _two(
        counted(n_days, "label"),
        f"{row.days[-1]:,} today · {counted(row.n_active, 'person', 'people')}",
    )
    brief = f"<small class='narrow'>{_state(row)} · {row.n_done:,} of {row.n_wanted:,}</small>"
    return [
        f"<a href='campaigns?campaign={row.id}'><b>{escape(row.name)}</b></a>"
        f"<small>{made}</small>{brief}",
        chip(_state(row)),
        f"{meter(share, row.name)}<small>{row.n_done:,} of {row.n_wanted:,} · {share:.0%}</small>",
        active if n_days else _NOTHING,
        f"{row.deadline:%d %b %Y}" if row.deadline else _NOTHING,
    ]


def _state(row: CampaignRow) -> str:
    """Returns a campaign's state; of one that is open also whether something is left to label."""
    if row.state != "open":
        return row.state
    if row.hidden:
        return f"{'import' if row.hidden == 'undone' else 'pairs'} {row.hidden}"
    return "all labelled" if _is_finished(row) else row.state


def _is_finished(row: CampaignRow) -> bool:
    return row.n_wanted > 0 and row.n_done >= row.n_wanted and not row.hidden


def chip(state: str) -> str:
    return f"<span class='chip {_STATE.get(state, '')}'>{state}</span>"


def meter(share: float, name: str) -> str:
    said = f"Labels done of {escape(name)}"
    return f"<progress max='1' value='{share:.4f}' aria-label='{said}'></progress>"


def head(row: CampaignRow, heading: str, sentence: str) -> str:
    """Returns the first lines of a campaign's own page."""
    share = row.n_done / row.n_wanted if row.n_wanted else 0.0
    train = (
        "<p class='campaign-done'><a class='btn primary' href='train'>Train on it</a> "
        "A training takes every vote that the version that answers has not learnt.</p>"
        if _is_finished(row)
        else ""
    )
    return (
        "<div class='campaigns-title'><p><a href='campaigns'>Campaigns</a></p>"
        f"<h1>{escape(row.name)} {chip(_state(row))}</h1>"
        f"<p role='status'><strong>{escape(heading)}.</strong> {escape(sentence)}</p>"
        f"{meter(share, row.name)}{train}</div>"
    )


def about(row: CampaignRow) -> str:
    """Returns how a campaign was made."""
    kind = (row.settings.get("source") or {}).get("kind", "")
    mix = ", ".join(f"{name} {weight:g}" for name, weight in row.mix.items() if weight)
    facts = {
        "Compared": f"{counted(row.n_items, 'pair')} of {row.aspect}s, "
        f"{CHOSEN_BY.get(kind, 'by hand')}",
        "Labels of each": counted(row.overlap, "person", "people"),
        "Budget": "no limit" if row.budget is None else counted(row.budget, "label"),
        "Order": mix or "uniform",
        "Practice": f"{counted(row.n_practice, 'pair')} first" if row.n_practice else "none",
        "After the vote": "thoughts and versions are shown" if row.reveal else "nothing is shown",
        "Under way": f"{row.n_taken - row.n_done:,} reserved by a rater",
        "Made": f"{row.created_at:%d %b %Y}",
    }
    return facts_list(facts)


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
        f"several, gold left out{_in_order(one)}</p>{_noise(one)}"
        f"{facts_list(facts, safe=True)}</article>"
    )


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


def facts_list(facts: dict[str, str], *, safe: bool = False) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{words if safe else escape(words)}</dd>"
        for name, words in facts.items()
    )
    return f"<dl class='facts'>{rows}</dl>"


def _two(above: str, below: str) -> str:
    return f"<b>{above}</b><small>{below}</small>"


def known_heading(n: int) -> str:
    """Returns what stands above the comparisons with a known answer, or that there is none."""
    said = "Raters are measured by gold, and learn from practice."
    none = "No pair has a known answer yet: settle one under Disagreements and make it gold."
    return f"<h2>Gold and practice</h2><p>{said if n else none}</p>"


def known(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Returns rows of the comparisons with a known answer."""
    return [
        [
            f"<span class='chip'>{row['kind']}</span>",
            escape(row["prompt"][:200]),
            escape(row["left"][:300]),
            escape(row["right"][:300]),
            OUTCOMES[row["gold"]],
            escape(row["explanation"] or ""),
        ]
        for row in rows
    ]
