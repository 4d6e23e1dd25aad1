"""Draws a comparison as administrators look it over: what was asked, both sides, who said what."""

from html import escape

from ptrapp.core.strength import STRENGTHS
from ptrapp.rendering import render
from ptrapp.services.labelling.disagreements import Disagreement
from ptrapp.ui.campaigns_drawn import OUTCOMES, facts_list


def disagreement(one: Disagreement | None, at: int, n: int, n_settled: int) -> str:
    """Returns a comparison with what each rater said of it."""
    if one is None:
        return "<p role='status'>No two raters have given different answers.</p>"
    return (
        f"<p role='status'>{at:,} of {n:,}, the widest apart first; {n_settled:,} of them settled. "
        f"A and B are in stored order; raters saw them in random order.</p>{compared(one)}"
    )


def compared(one: Disagreement) -> str:
    """Returns the two sides of a comparison, what was asked, and what was said of it."""
    earlier = ((turn["role"], turn["content"]) for turn in one.context)
    turns = [*([("system", one.system)] if one.system else []), *earlier, ("prompt", one.prompt)]
    asked = "".join(
        f"<div class='asked'><small>{escape(who)}</small>{_written(words)}</div>"
        for who, words in turns
    )
    sides = "".join(
        f"<section class='side' aria-label='{letter}'><h3>{letter}</h3>{_written(text)}</section>"
        for letter, text in (("A", one.left), ("B", one.right))
    )
    settled = ""
    if one.settled:
        said = _said(one.settled.outcome, one.settled.strength)
        why = f" {escape(one.settled.reason)}" if one.settled.reason else ""
        settled = f"<p class='settled'><b>Settled by {escape(one.settled.by)}: {said}.</b>{why}</p>"
    return f"{asked}<div class='sides'>{sides}</div>{_answers(one)}{settled}"


def _written(text: str) -> str:
    """Returns a text as raters saw it."""
    return f"<div class='written rendered' dir='auto' tabindex='0'>{render(text)}</div>"


def _answers(one: Disagreement) -> str:
    facts: dict[str, str] = {}
    for outcome, words in OUTCOMES.items():
        those = [each for each in one.said if each.outcome == outcome]
        if those:
            facts[words] = "; ".join(
                each.rater + (f" ({STRENGTHS[each.strength]})" if each.strength > 1 else "")
                for each in those
            )
    facts |= {f"{each.rater}, why": each.reason for each in one.said if each.reason}
    return facts_list(facts)


def _said(outcome: str, strength: int) -> str:
    words = OUTCOMES[outcome]
    return words.replace("better", STRENGTHS[strength]) if strength > 1 else words
