"""Draws what versions answered to a pinned prompt: a card a version, and what changed in it."""

from html import escape

from ptrapp.core.counts import counted
from ptrapp.core.types import CUT_OFF
from ptrapp.services import pins
from ptrapp.services.pins import PinnedAnswer, PinView
from ptrapp.ui.signs import SIGNS, WORDS, icon
from ptrapp.ui.versions_table import series

EMPTY = (
    "<p class='time-none'>No prompt is pinned yet. Open a run on <a href='./'>Play</a> or in "
    "<a href='history'>History</a> and press <b>Pin</b>: every version answers its prompt "
    "once, and each new version does by itself.</p>"
)


def question(view: PinView) -> str:
    """Returns the prompt and how far the versions are with it."""
    n = sum(one.state == "answered" for one in view.answers)
    rounds = counted(view.pin.n_rounds, "round")
    reference = f" · reference answer: {escape(view.pin.reference)}" if view.pin.reference else ""
    far = f"{n} of {counted(len(view.answers), 'version has', 'versions have')} answered"
    waits = f", {view.n_waiting} to come" if view.n_waiting else ""
    return (
        f"<div class='time-asked'><h3 dir='auto'>{escape(view.pin.prompt)}</h3>"
        f"<p role='status'>{far}{waits} · greedy, {rounds}{reference}</p></div>"
    )


def beside(answers: list[PinnedAnswer], index: int) -> str:
    """Returns versions side by side, each marked where it differs from the one before it."""
    if not answers:
        return "<p class='time-none'>Choose two to four versions.</p>"
    cards = [_card(one, answers[at - 1] if at else None, index) for at, one in enumerate(answers)]
    return f"<div class='time-cards'>{''.join(cards)}</div>"


def at_one(view: PinView, at: int, index: int) -> str:
    """Returns one version, marked where it differs from the one before it in time that answered."""
    chosen = view.answers[at]
    earlier = [one for one in view.answers[:at] if one.state == "answered"]
    card = _card(chosen, earlier[-1] if earlier else None, index)
    return f"<div class='time-cards one'>{card}</div>"


def _card(one: PinnedAnswer, before: PinnedAnswer | None, index: int) -> str:
    name = escape(one.title or one.version)
    chip = "<span class='chip ok'>answers</span>" if one.serves else ""
    made = one.made_at.strftime("%d %b %Y") if one.made_at else "as it came"
    known = f"{escape(one.version)} · " if one.title else ""
    return (
        f"<article class='time-card' aria-label='{escape(one.version)}'><header>"
        f"<i class='swatch s{series(one.version_id)}'></i><h4>{name}</h4>{chip}"
        f"<small>{known}{made}</small></header>{_body(one, before, index)}</article>"
    )


def _body(one: PinnedAnswer, before: PinnedAnswer | None, index: int) -> str:
    if one.state == "waiting":
        return "<p class='time-why'>has not answered yet; it does when nobody waits</p>"
    if one.state != "answered":
        return f"<p class='time-why'><b>{one.state}</b>: {escape(one.why)}</p>"
    if index >= len(one.responses):
        return "<p class='time-why'>has no such round</p>"
    return (
        f"<p class='time-text' dir='auto'>{_text(one, before, index)}{_cut(one, index)}</p>"
        f"<footer>{_marks(one, index)}<a href='./?run={one.run_id}'>run {one.run_id}</a></footer>"
    )


def _text(one: PinnedAnswer, before: PinnedAnswer | None, index: int) -> str:
    pieces = pins.changes(before, one, index) if before else []
    if not pieces:
        return escape(one.responses[index]) or "<em>no response</em>"
    if all(kind.value == "same" for _, kind in pieces):
        return f"<em>(the same) </em>{escape(one.responses[index])}"
    marked = (
        f"<ins>{escape(text)}</ins>" if kind.value == "added" else escape(text)
        for text, kind in pieces
        if kind.value != "removed"
    )
    return "".join(marked)


def _cut(one: PinnedAnswer, index: int) -> str:
    return f" <em>{CUT_OFF}</em>" if any(one.cut[index : index + 1]) else ""


def _marks(one: PinnedAnswer, index: int) -> str:
    if all(mark is None for mark in one.marks):
        return ""
    in_words = ", ".join(f"round {at} {WORDS[mark]}" for at, mark in enumerate(one.marks, 1))
    drawn = "".join(
        f"<i class='{SIGNS[mark][0]}{' shown' if at == index else ''}'>{icon(SIGNS[mark][1])}</i>"
        for at, mark in enumerate(one.marks)
    )
    word = f"<b class='{SIGNS[one.marks[index]][0]}'>{WORDS[one.marks[index]]}</b>"
    return f"<span class='mini' role='img' aria-label='{in_words}'>{drawn}</span>{word}"
