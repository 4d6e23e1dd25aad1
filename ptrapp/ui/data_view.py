"""Draws what the Data page says: previews, results and rows as escaped HTML."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ptrapp.core.counts import counted
from ptrapp.services.files.browsing import WholeRow
from ptrapp.services.files.import_preview import ImportPreview
from ptrapp.services.files.imported import Imported
from ptrapp.services.files.imports import ImportView

FORMATS = {
    "preferences": "preferences (TRL, HH-RLHF, our own export)",
    "votes": "raw votes of Thrice",
    "unpaired": "single answers, each good or bad (KTO)",
    "comparisons": "comparisons (two texts and the preferred one)",
    "ranked": "several ranked or rated answers",
    "trees": "OpenAssistant's trees",
    "attempts": "attempts (question, output1, output2)",
    "argilla": "Argilla",
    "label_studio": "Label Studio JSON",
    "label_studio_min": "Label Studio JSON_MIN",
    "prompts": "prompts alone",
}
_CLIPPED, _LINES, _SPARED = 280, 6, 60
"""Characters and lines of a text that are seen before it is opened; a rest too small to fold."""
OUTCOMES = {"left": "the left one", "right": "the right one", "both_bad": "both bad"}
STATES = {
    "running": ("is stored", "acc"),
    "waiting": ("cut off, is finished when the app starts next", ""),
    "done": ("shown", "ok"),
    "undone": ("undone", ""),
    "cancelled": ("cancelled", ""),
    "failed": ("failed", "bad"),
}


def preview(name: str, seen: ImportPreview, *, skip_bad: bool) -> str:
    """Returns what a file was read as."""
    votes = f"Votes: {listed(seen.outcomes)}." if seen.outcomes else "No votes."
    parts = [
        f"<h2>{escape(name)}: {escape(FORMATS.get(seen.format, seen.format))}</h2>",
        _p(f"{counted(seen.n_rows, 'row')}, {counted(seen.n_records, 'record')}. {votes}"),
        *(_p(f"How it is read: {sentence}.") for sentence in seen.said),
        f"<p>Columns read: {_names(seen.used)}. <b>Not read:</b> {_names(seen.unused)}.</p>",
        *(_p(sentence) for sentence in seen.hints),
    ]
    if seen.left_out:
        rows = "".join(f"<li>{escape(row)}</li>" for row in seen.left_out_rows)
        parts.append(
            f"<details><summary>Left out: {escape(listed(seen.left_out))}.</summary>"
            f"<ul>{rows}</ul></details>"
        )
    if seen.n_bad:
        what = (
            "They will be left out."
            if skip_bad
            else "Nothing can be imported; correct the file, or tick “Leave out rows that cannot "
            "be read” under “How it is read”."
        )
        rows = "".join(f"<li>{escape(one)}</li>" for one in seen.mistakes)
        parts.append(
            f"<p class='bad'>{counted(seen.n_bad, 'row')} cannot be read. {what}</p>"
            f"<ul class='bad'>{rows}</ul>"
        )
    return f"<div class='understood'>{''.join(parts)}</div>"


def samples(seen: ImportPreview) -> str:
    """Returns the first records as they would be stored; a long text is opened by a press."""
    if not seen.samples:
        return ""
    records = "".join(f"<li><dl>{_record(one)}</dl></li>" for one in seen.samples)
    return (
        "<section class='sample' aria-label='The first records'>"
        f"<h3>The first records as they will be stored</h3><ol>{records}</ol></section>"
    )


def _record(one: Mapping[str, Any]) -> str:
    return "".join(
        f"<div class='{escape(name)}'><dt>{escape(name.capitalize())}</dt>"
        f"<dd dir='auto'>{_clipped(_said(name, text))}</dd></div>"
        for name, text in one.items()
        if text
    )


def _clipped(text: str) -> str:
    """Returns a text, or its beginning with the whole of it folded."""
    start = "\n".join(text[:_CLIPPED].split("\n")[:_LINES])
    if len(text) <= len(start) + _SPARED and text.count("\n") < _LINES:
        return escape(text)
    return (
        f"<details><summary><span class='start'>{escape(start.rstrip())}…</span>"
        f"<b class='more'>Show all</b><b class='less'>Show less</b></summary>{escape(text)}"
        "</details>"
    )


def done(imported: Imported) -> str:
    """Returns what became of a file."""
    added = ", ".join(
        f"{n:,} {'rows shown again' if table == 'shown_again' else table}"
        for table, n in imported.counts.items()
    )
    said = [
        f"<p><b>{imported.n_new:,} new</b> and {imported.n_known:,} already stored records from "
        f"“{escape(imported.name)}”, read as "
        f"{escape(FORMATS.get(imported.format, imported.format))}. "
        f"{f'Added: {escape(added)}.' if added else 'Nothing was added.'}</p>"
    ]
    if imported.unused:
        said.append(_p(f"Columns that were not read: {', '.join(imported.unused)}."))
    if imported.left_out:
        said.append(_p(f"Left out: {listed(imported.left_out)}."))
    if imported.n_skipped:
        rows = "".join(f"<li>{escape(one)}</li>" for one in imported.mistakes)
        skipped = counted(imported.n_skipped, "row was", "rows were")
        said.append(f"<p>{skipped} skipped:</p><ul>{rows}</ul>")
    return f"<div role='status'>{''.join(said)}</div>"


def progress(one: ImportView | None, name: str) -> str:
    """Returns how far an import is."""
    if one is None:
        said = _p(f"Reading every row of {name}…")
        return f"<div role='status'>{said}<progress aria-label='import'></progress></div>"
    share = min(1.0, one.n_stored / max(1, one.n_records))
    records = counted(one.n_records, "record is", "records are")
    said = f"{one.n_stored:,} of {records} stored; none is shown before all are."
    return (
        f"<div role='status'>{_p(said)}"
        f"<progress max='1' value='{share:.3f}' aria-label='import'></progress></div>"
    )


def problem(sentence: str) -> str:
    """Returns a mistake where it arose."""
    return f"<p class='bad' role='alert'>{escape(sentence)}</p>"


def note(sentence: str) -> str:
    return f"<p role='status'>{escape(sentence)}</p>"


def import_rows(imports: Iterable[ImportView]) -> list[list[Any]]:
    """Returns a row of cells for each import."""
    return [
        [
            one.id,
            one.name,
            STATES[one.state][0],
            f"{one.n_new:,} of {one.n_records:,}",
            FORMATS.get(one.format, one.format),
            one.by or "the terminal",
            f"{one.created_at:%d %b %Y %H:%M}",
        ]
        for one in imports
    ]


def whole(row: WholeRow) -> str:
    """Returns one row with all its texts."""
    deleted = " (deleted)" if row.deleted else ""
    texts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in row.texts)
    return f"<h2>{row.kind.capitalize()} {row.id}{deleted}</h2><dl class='whole'>{texts}</dl>"


def listed(counts: Mapping[str, int]) -> str:
    """Returns counts as `3 × left, 1 × tie`."""
    return ", ".join(f"{n:,} × {name.replace('_', ' ')}" for name, n in counts.items())


def _said(name: str, value: Any) -> str:
    return OUTCOMES.get(value, value) if name == "outcome" else (value or "")


def _names(names: Sequence[str]) -> str:
    return escape(", ".join(names)) or "none"


def _p(sentence: str) -> str:
    return f"<p>{escape(sentence)}</p>"
