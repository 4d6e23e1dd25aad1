"""Draws what a finished job found: its figures in a line, its tables as rows of cells."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

Row = Mapping[str, Any]
_SAID_ELSEWHERE = ("next_job_id",)
"""What the page says in a sentence with a link."""


_COUNTS = {"n_learnt": "examples", "n_steps": "steps", "n_held_out": "held out"}
_LAST = {
    "loss": "loss",
    "eval_loss": "loss of what is held out",
    "rewards/margins": "reward margin",
    "eval_rewards/margins": "reward margin of what is held out",
}
_LAST_SHARES = {
    "rewards/accuracies": "pairs ranked right",
    "eval_rewards/accuracies": "held-out pairs ranked right",
}
"""What a version's training stored of itself, and of its last step, by the names on the page."""


class ResultTable(NamedTuple):
    """One table of a result."""

    headers: list[str]
    cells: list[list[str]]


def figures(result: Mapping[str, Any]) -> str:
    """Returns the plain figures of a result in one line."""
    plain = {
        name: value
        for name, value in result.items()
        if value not in (None, "")
        and not isinstance(value, list | dict)
        and name not in _SAID_ELSEWHERE
    }
    return escape(" · ".join(_in_words(name, one) for name, one in plain.items()))


def learnt(metrics: Mapping[str, Any]) -> str:
    """Returns what the training of a version stored: how much it learnt, its last step's values.

    >>> learnt({"n_learnt": 17, "n_steps": 9, "n_held_out": 0, "loss": 0.006684})
    '17 examples · 9 steps · 0 held out · at the last step: loss 0.00668'
    """
    counts = [f"{metrics[one]:,} {word}" for one, word in _COUNTS.items() if one in metrics]
    last = [f"{word} {metrics[one]:.3g}" for one, word in _LAST.items() if one in metrics]
    last += [
        f"{word} {_percent(metrics[one])} %" for one, word in _LAST_SHARES.items() if one in metrics
    ]
    if last:
        counts.append(f"at the last step: {', '.join(last)}")
    return " · ".join(counts)


def found(figures: str, tables: Sequence[str]) -> str:
    """Returns what a job found below its heading; "" where there is nothing to say."""
    if not figures and not tables:
        return ""
    return "<h3>What it found</h3>" + (f"<p>{figures}</p>" if figures else "")


def names(result: Mapping[str, Any]) -> list[str]:
    """Returns the names of a result's tables."""
    return [name for name, value in result.items() if _is_table(value)]


def table(result: Mapping[str, Any], name: str) -> ResultTable:
    """Returns a table of a result; accuracy by round has a column for each round."""
    rows = result[name]
    if "round" in rows[0] and "rate" in rows[0]:
        return _by_round(rows)
    heads = list(dict.fromkeys(head for row in rows for head in row))
    heads = [head for head in heads if any(_is_plain(row.get(head)) for row in rows)]
    return ResultTable(
        [_words(head) for head in heads],
        [[escape(_figure(row.get(head))) for head in heads] for row in rows],
    )


def _by_round(rows: Sequence[Row]) -> ResultTable:
    rounds = sorted({row["round"] for row in rows})
    lines: dict[str, dict[int, Row]] = {}
    for row in rows:
        key = " · ".join(str(row[one]) for one in ("version", "task", "setting") if row.get(one))
        lines.setdefault(key, {})[row["round"]] = row
    return ResultTable(
        ["Version", *(f"Round {at}" for at in rounds)],
        [
            [escape(key), *(_cell(by_round.get(at)) for at in rounds)]
            for key, by_round in lines.items()
        ],
    )


def _cell(row: Row | None) -> str:
    """Returns a rate with its interval, and what the round fixed and broke."""
    if row is None:
        return "–"
    below = f"{_percent(row['low'])} to {_percent(row['high'])}"
    if row.get("fixed") is not None:
        below += f" · +{row['fixed']} −{row['broken']}"
    if row.get("ended_itself_share") is not None:
        below += f" · ended itself {_percent(row['ended_itself_share'])}"
    return f"<b>{_percent(row['rate'])}</b><small>{below}</small>"


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _is_plain(value: Any) -> bool:
    return value is not None and not isinstance(value, list | dict)


def _in_words(name: str, value: Any) -> str:
    """Returns a figure as people read it: a share as percent, a number of things with their name.

    >>> _in_words("n_prompts", 300), _in_words("malformed_share", 0.0046)
    ('300 prompts', 'malformed 0.5 %')
    """
    if name.startswith("n_") and isinstance(value, int):
        return f"{value:,} {_words(name.removeprefix('n_'))}"
    if name.endswith("_share") and isinstance(value, int | float):
        return f"{_words(name.removesuffix('_share'))} {_percent(value)} %"
    return f"{_words(name)} {_figure(value)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _figure(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
