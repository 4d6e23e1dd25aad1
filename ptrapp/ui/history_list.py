"""Draws the list of History: a row a run, with what a person may do to it, as HTML."""

from datetime import UTC, datetime
from html import escape

from ptrapp.core.counts import counted
from ptrapp.services.history import HistoryPage, HistoryQuery, HistoryRow
from ptrapp.ui.signs import SIGNS, WORDS, icon

_LONG = 240
"""Characters of a prompt that a row shows."""
_MODES = {"refine": "round", "sample": "candidate"}


def listing(page: HistoryPage, query: HistoryQuery, *, may_change: bool) -> str:
    """Returns the rows, or in words why there are none."""
    if not page.rows:
        return f"<p class='history-none'>{_nothing(query, may_change)}</p>"
    now = datetime.now(UTC)
    rows = "".join(_row(row, now, may_change) for row in page.rows)
    return f"<ol class='history-rows'>{rows}</ol>"


def where(page: HistoryPage, per_page: int) -> str:
    """Returns which of how many runs are shown, in words."""
    if page.n_runs <= per_page:
        return f"<p role='status'>{counted(page.n_runs, 'run')}</p>"
    first = (page.page - 1) * per_page + 1
    shown = f"{first:,} to {first + len(page.rows) - 1:,} of {page.n_runs:,} runs"
    return f"<p role='status'>{shown}</p>"


def deleted(run_id: int) -> str:
    """Returns what is said after a run was put away, with the way back."""
    undo = _button("restore", run_id, "Undo", f"Undo: bring run {run_id} back")
    said = f"Run {run_id} is deleted. Votes on it count as before."
    return f"<p class='history-said' role='status'>{said} {undo}</p>"


def said(words: str) -> str:
    """Returns a sentence on what was just done."""
    return f"<p class='history-said' role='status'>{escape(words)}</p>"


def _nothing(query: HistoryQuery, may_change: bool) -> str:
    if query.restricts:
        return "No run is like that. Take a filter away, or search for fewer words."
    if may_change:
        return "Nothing was asked yet. <a href='./'>Ask on Play</a>, and the run is here."
    return "Nothing was asked yet."


def _row(row: HistoryRow, now: datetime, may_change: bool) -> str:
    prompt = row.prompt if len(row.prompt) <= _LONG else f"{row.prompt[:_LONG]}…"
    heading = escape(row.title or prompt)
    below = f"<p class='history-prompt' dir='auto'>{escape(prompt)}</p>" if row.title else ""
    named = heading if row.deleted else f"<a href='./?run={row.run_id}' dir='auto'>{heading}</a>"
    star = _star(row) if may_change and not row.deleted else ""
    return (
        f"<li data-run='{row.run_id}'>{star}<div class='history-what'><h2>{named}</h2>{below}"
        f"<p class='history-facts'>{_marks(row)}{_facts(row, now)}</p></div>"
        f"<div class='history-do'>{_actions(row, may_change)}</div></li>"
    )


def _facts(row: HistoryRow, now: datetime) -> str:
    many = counted(row.n, _MODES.get(row.mode, "round"))
    votes = counted(row.n_votes, "vote") if row.n_votes else ""
    state = "" if row.state == "done" else row.state
    facts = [many, ", ".join(row.versions), votes, state, "you" if row.mine else row.by]
    when = row.created_at.strftime("%d %b %Y, %H:%M UTC")
    ago = f"<time datetime='{row.created_at.isoformat()}' title='{when}'>{_ago(row, now)}</time>"
    words = " · ".join(escape(fact) for fact in facts if fact)
    return f"<span>run {row.run_id} · {words} · {ago}</span>"


def _marks(row: HistoryRow) -> str:
    if all(mark is None for mark in row.marks):
        return ""
    in_words = ", ".join(WORDS[mark] for mark in row.marks)
    drawn = "".join(f"<i class='{SIGNS[one][0]}'>{icon(SIGNS[one][1])}</i>" for one in row.marks)
    return f"<span class='mini' role='img' aria-label='{in_words}'>{drawn}</span>"


def _ago(row: HistoryRow, now: datetime) -> str:
    minutes = (now - row.created_at).total_seconds() / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    if minutes < 24 * 60:
        return f"{minutes / 60:.0f} h ago"
    return row.created_at.strftime("%d %b %Y")


def _star(row: HistoryRow) -> str:
    label = f"Star run {row.run_id}"
    return (
        f"<button type='button' class='btn quiet s star' data-act='star' data-run='{row.run_id}' "
        f"aria-pressed='{'true' if row.starred else 'false'}' aria-label='{label}'>{icon('star')}"
        "</button>"
    )


def _actions(row: HistoryRow, may_change: bool) -> str:
    if row.deleted:
        return _button("restore", row.run_id, "Restore") if may_change else ""
    link = _button("link", row.run_id, "Copy link", f"Copy link to run {row.run_id}, to read")
    if not may_change:
        return link
    pin = _pin(row)
    name, away = (
        _button(act, row.run_id, word) for act, word in (("name", "Name"), ("delete", "Delete"))
    )
    return f"{name}{pin}{link}{away}"


def _pin(row: HistoryRow) -> str:
    """Returns the button that pins the run's prompt, or unpins it."""
    act, word = ("unpin", "Pinned") if row.pinned else ("pin", "Pin")
    return (
        f"<button type='button' class='btn quiet s pin' data-act='{act}' data-run='{row.run_id}' "
        f"aria-pressed='{'true' if row.pinned else 'false'}' "
        f"aria-label='{word}: the prompt of run {row.run_id}'>{word}</button>"
    )


def _button(act: str, run_id: int, word: str, label: str = "") -> str:
    label = label or f"{word} run {run_id}"
    return (
        f"<button type='button' class='btn quiet s' data-act='{act}' data-run='{run_id}' "
        f"aria-label='{label}'>{word}</button>"
    )
