"""Shows how a file would be imported, before anything is written."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ptrapp.core.counts import counted
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format, Options
from ptrapp.interchange.hub_rows import HubRows
from ptrapp.interchange.limits import TERMINAL, Limits
from ptrapp.interchange.reading import Checked, Reading, RowSource
from ptrapp.interchange.records import (
    Attempted,
    CompletionText,
    JudgedPair,
    PromptText,
    Rated,
    Record,
)
from ptrapp.tasks.hub import PREFIX

_REFERENCES = frozenset(
    {"answer", "answers", "solution", "final_answer", "ground_truth", "target", "label", "gold"}
)
"""Columns of prompts that often hold the right answer."""
MAX_CHARS = 20_000
"""Characters of a text that a page shows, clipped until it is opened."""
_PRINTED = 600
"""Characters of a text that a terminal and the API show."""


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What a file was understood to be."""

    format: str
    n_rows: int
    n_records: int
    outcomes: Mapping[str, int]
    """Votes by outcome; labels of single completions as good or bad."""
    used: tuple[str, ...]
    unused: tuple[str, ...]
    """Columns that are not read."""
    said: tuple[str, ...]
    """How the file is read, in sentences."""
    left_out: Mapping[str, int]
    """What is left out of good rows, by reason."""
    left_out_rows: tuple[str, ...]
    """The first rows of which something is left out, each with its reason."""
    mistakes: tuple[str, ...]
    """What is wrong with the first bad rows; with one of them nothing is imported."""
    n_bad: int
    samples: tuple[dict[str, Any], ...]
    """The first records as they would be stored."""
    hints: tuple[str, ...] = ()
    """What a person could do so that more is read, in sentences."""

    def as_json(self) -> dict[str, Any]:
        """Returns what a terminal prints, with the beginnings of the texts."""
        begun = [{name: _cut(text, _PRINTED) for name, text in one.items()} for one in self.samples]
        return {**asdict(self), "samples": tuple(begun)}


def preview_named(
    given: str,
    options: Options | None = None,
    *,
    limits: Limits = TERMINAL,
    called: str | None = None,
) -> ImportPreview:
    """Reads a file, or `hf:NAME[:CONFIG][:SPLIT]`, as an import does, and stores nothing.

    Raises `InputError` for what is in no known format or not clear.
    """
    if given.startswith(PREFIX):
        return _preview(HubRows(given, limits), options)
    with RowFile(Path(given), limits, name=called) as rows:
        return _preview(rows, options)


def _preview(rows: RowSource, options: Options | None) -> ImportPreview:
    known = reading.understand(rows, options)
    checked = reading.check(rows, known.plan)
    return ImportPreview(
        format=known.fmt.value,
        n_rows=checked.n_rows,
        n_records=checked.n_records,
        outcomes=dict(checked.outcomes),
        used=tuple(known.used),
        unused=tuple(known.unused),
        said=known.plan.said,
        left_out=dict(checked.left_out),
        left_out_rows=tuple(checked.left_out_rows),
        mistakes=tuple(checked.mistakes.named),
        n_bad=checked.mistakes.n,
        samples=tuple(_sample(record) for record in checked.samples),
        hints=(*_hints(known), *_again(checked)),
    )


def _again(checked: Checked) -> Iterator[str]:
    """Yields what becomes of several judgements of one thing that nobody's name is on."""
    if n := checked.disputes.n_judgements:
        rows = counted(n, "judgement is", "judgements are")
        yield (
            f"{rows} of what another row judges otherwise, and no column that is read names who "
            "gave them: each counts as somebody else's"
        )


def _hints(known: Reading) -> Iterator[str]:
    """Yields how columns that are not read could be, and why the others are not."""
    references = [name for name in known.unused if name.lower() in _REFERENCES]
    if known.fmt is Format.PROMPTS and references:
        first = references[0]
        yield (
            f"“{first}” is not read, since it may be any answer. Where it is the right one, by "
            "which answers are to be checked, call the column reference_answer; where it is a "
            "response to be learnt, give it beside a worse one as chosen and rejected."
        )
    elif known.unused:
        yield "What is not read has no meaning in this format; it is not stored either."


def _sample(record: Record) -> dict[str, Any]:
    """Returns a record as texts by name, each cut to what is shown."""
    match record:
        case PromptText():
            return _prompt(record)
        case Attempted():
            texts = {"weak": _cut(record.weak), "strong": _cut(record.strong)}
            return _prompt(record.prompt) | texts
        case Rated():
            said = "good" if record.good else "bad"
            return _prompt(record.prompt) | {
                "completion": _text(record.completion),
                "outcome": said,
            }
        case JudgedPair():
            outcomes = ", ".join(label.outcome for label in record.labels) or "no vote"
            return _prompt(record.prompt) | {
                "left": _text(record.left), "right": _text(record.right), "outcome": outcomes,
            }  # fmt: skip


def _prompt(prompt: PromptText) -> dict[str, Any]:
    turns = [f"{turn.role.value}: {turn.content}" for turn in prompt.context]
    return {
        "system": _cut(prompt.system or ""),
        "earlier": _cut("\n".join(turns)),
        "prompt": _cut(prompt.text),
    }


def _text(completion: CompletionText) -> str:
    thought = f"[thought: {completion.thought}] " if completion.thought else ""
    return _cut(thought + completion.response)


def _cut(text: str, most: int = MAX_CHARS) -> str:
    return text if len(text) <= most else text[:most] + "…"
