"""Draws what the Campaigns page shows as HTML: rows and headings."""

from collections.abc import Sequence
from html import escape
from typing import Any

from ptrapp.core.counts import counted
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
_STATE = {
    "open": "ok", "all labelled": "ok", "paused": "warn", "preparing": "acc",
    "import undone": "warn", "pairs deleted": "warn",
}  # fmt: skip
OUTCOMES = {"left": "A is better", "right": "B is better", "tie": "Tie", "both_bad": "Both bad"}
_NOTHING = "<span class='none'>–</span>"


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


def head(row: CampaignRow, heading: str, sentence: str, *, may_train: bool = True) -> str:
    """Returns the first lines of a campaign's own page; who looks on is not led to Train."""
    share = row.n_done / row.n_wanted if row.n_wanted else 0.0
    train = (
        "<p class='campaign-done'><a class='btn primary' href='train'>Train on it</a> "
        "A training takes every vote that the version that answers has not learnt.</p>"
        if may_train and _is_finished(row)
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
