"""Draws the leaderboard and the gate's notice: figures with their intervals as HTML cells."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from ptrapp.services.leaderboard.rows import Leaderboard, RoundFigures, VersionRow
from ptrapp.services.leaderboard.win_rates import VersionWinRate

_GATE = {
    "measuring": ("being measured", "acc"),
    "waits": ("waits", "warn"),
    "passed": ("passed", ""),
    "overruled": ("served all the same", "warn"),
}
_NOTHING = "<span class='none'>–</span>"
_TOGETHER = 20
"""Most versions that a link asks to measure together."""
_N_SERIES = 4


def series(version_id: int | None) -> int:
    """Returns the number of a version's colour, its own for good; 0 is the base model's."""
    return 0 if not version_id else (version_id - 1) % _N_SERIES + 1


def headers(board: Leaderboard) -> list[str]:
    """Returns the columns' names: as many rounds as anything on this page has."""
    rounds = [f"Round {at}" for at in range(1, _n_rounds(board) + 1)]
    wins = ["Won against base", "Against parent"]
    return ["Version", "Trained on", "Gate", *rounds, *wins, "Thought · response", "Made"]


def cells(board: Leaderboard) -> list[list[str]]:
    """Returns a row of HTML cells for each version."""
    n = _n_rounds(board)
    return [_cells(row, n) for row in board.rows]


def notice(waiting: Sequence[VersionRow], serving: str) -> str:
    """Returns what waits at the gate and why, as HTML; empty where nothing does."""
    return "".join(_notice(row, serving) for row in waiting if row.gate in ("waits", "measuring"))


def ways(rows: Sequence[VersionRow]) -> str:
    """Returns that versions were asked in different ways, and how each was; empty where none was.

    Most rows are said together, as the others.
    """
    by_way: dict[str, list[str]] = {}
    for row in rows:
        if row.rounds:
            by_way.setdefault(row.asked, []).append(row.name)
    if len(by_way) < 2:
        return ""
    usual = max(by_way, key=lambda way: len(by_way[way]))
    each = [f"{', '.join(names)}: {way}" for way, names in by_way.items() if way != usual]
    said = escape("; ".join([*each, f"the others: {usual}"]))
    names = [name for those in by_way.values() for name in those]
    them = f"&amp;versions={quote(','.join(names))}" if len(names) <= _TOGETHER else ""
    return (
        "<p class='gate measuring'>Not all of these were asked in the same way, so "
        f"their rates do not compare. {said}. <a href='train?method=evaluate{them}'>Measure them "
        "together</a></p>"
    )


def headline(answer: str, figures: str, way: str = "", href: str = "") -> str:
    """Returns the page's first line, with the way to what is missing behind it."""
    link = f" <a href='{escape(href)}'>{escape(way)}</a>" if href else ""
    return (
        "<div class='versions-title'><h1>Versions</h1>"
        f"<p role='status'><strong>{escape(answer)}</strong> {escape(figures)}{link}</p></div>"
    )


def _cells(row: VersionRow, n_rounds: int) -> list[str]:
    by_round = {at.round: at for at in row.rounds}
    return [
        _version(row),
        _two(row.trained_on, row.method),
        _gate(row),
        *(_round(by_round.get(at)) for at in range(1, n_rounds + 1)),
        _wins(row.against_base),
        _wins(row.against_parent),
        _lengths(row.last),
        _two(f"{row.created_at:%d %b}", f"{row.created_at:%Y}") if row.created_at else _NOTHING,
    ]


def _version(row: VersionRow) -> str:
    name = escape(row.title or row.name)
    known = f"{escape(row.name)} · " if row.title else ""
    below = f"{known}from {escape(row.parent)}" if row.parent else escape(row.method)
    note = f"<small class='note'>{escape(row.note)}</small>" if row.note else ""
    swatch = f"<i class='swatch s{series(row.id)}'></i>"
    return f"<span class='version'>{swatch}<b>{name}</b><small>{below}</small>{note}</span>"


def _gate(row: VersionRow) -> str:
    if row.serves:
        word, kind = "answers", "ok"
    elif row.status == "rejected":
        word, kind = "rejected", "bad"
    elif row.id is None:
        word, kind = "start", ""
    else:
        word, kind = _GATE.get(row.gate, (row.status, ""))
    return f"<span class='chip {kind}' title='{escape(row.verdict)}'>{word}</span>"


def _round(at: RoundFigures | None) -> str:
    if at is None:
        return _NOTHING
    low, high = at.interval
    return _two(f"{100 * at.rate:.1f}", f"{100 * low:.1f} to {100 * high:.1f} · n {at.n}")


def _wins(rates: Sequence[VersionWinRate]) -> str:
    if not rates:
        return _NOTHING
    return "".join(
        _two(
            f"{100 * one.value:.1f} %",
            f"{100 * one.low:.1f} to {100 * one.high:.1f} · {escape(one.who)}, n {one.n}",
        )
        for one in rates
    )


def _lengths(last: RoundFigures | None) -> str:
    if last is None or last.thought.value is None or last.response.value is None:
        return _NOTHING
    ended = "" if last.ended_itself is None else f" · {last.ended_itself:.0%} ended by itself"
    return _two(f"{last.thought.value:.0f} · {last.response.value:.0f}", f"tokens{ended}")


def _two(above: str, below: str) -> str:
    return f"<b>{above}</b><small>{below}</small>" if above else _NOTHING


def _n_rounds(board: Leaderboard) -> int:
    return max((at.round for row in board.rows for at in row.rounds), default=1)


def _notice(row: VersionRow, serving: str) -> str:
    if row.gate == "measuring":
        said = "is measured on held-out problems before it serves."
        return f"<p class='gate measuring'><b>{escape(row.name)}</b> {said}</p>"
    return (
        f"<p class='gate'><b>{escape(row.name)} waits: {escape(row.verdict)}.</b> "
        f"<span>{escape(serving)} goes on answering.</span></p>"
    )
