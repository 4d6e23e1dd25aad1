"""What the Data page shows of stored data, and what people change of it by hand."""

from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import Any

from db.labelling import browsing, corrections
from db.labelling.browsing import COLUMNS, DataFilter
from db.models import Comparison, DataKind, Outcome, Prompt, Run, Vote
from ptrapp.core.counts import counted
from ptrapp.core.errors import InputError
from ptrapp.core.people import Person
from ptrapp.services.context import DataContext
from ptrapp.tasks import check

AT_ONCE = 25
"""Rows of a page."""
_CELL = 70
"""Characters of a text in the table: all columns are seen beside each other."""
MAX_TEXT = 20_000
MAX_TAGS, MAX_TAG = 20, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuery:
    """What is looked for, as a page says it; what is left out restricts nothing."""

    kind: str = "prompt"
    """`prompt`, `run`, `pair` or `vote`."""
    text: str = ""
    source: str = ""
    tag: str = ""
    rater: str = ""
    outcome: str = ""
    deleted: bool = False

    @property
    def filter(self) -> DataFilter:
        return DataFilter(
            kind=_kind(self.kind),
            text=self.text,
            source=self.source,
            tag=self.tag,
            rater=self.rater,
            outcome=Outcome(self.outcome) if self.outcome in set(Outcome) else None,
            deleted=self.deleted,
        )


@dataclass(frozen=True, slots=True)
class DataRows:
    """A page of stored data."""

    headers: tuple[str, ...]
    rows: list[list[Any]]
    page: int
    n_pages: int
    said: str
    """How many there are, in words."""


@dataclass(frozen=True, slots=True)
class WholeRow:
    """One row with everything that may be shown of it: no thought, which a vote might see."""

    kind: str
    id: int
    texts: list[tuple[str, str]]
    """Names and texts, in order."""
    prompt_id: int
    text: str
    answer: str
    tags: str
    deleted: bool


def find(context: DataContext, query: DataQuery, page: int = 1) -> DataRows:
    """Returns a page of what is looked for, the newest first."""
    page, wanted = max(1, page), query.filter
    with context.database.read() as session:
        found = browsing.find_rows(session, wanted, start=(page - 1) * AT_ONCE, n=AT_ONCE)
    n_pages = max(1, -(-found.n // AT_ONCE))
    more = "more than " if found.more else ""
    said = f"{more}{counted(found.n, wanted.kind.value)}, page {page:,} of {n_pages:,}"
    rows = [[_cell(value) for value in row] for row in found.rows]
    return DataRows(("Number", *COLUMNS[wanted.kind]), rows, page, n_pages, said)


def choices(context: DataContext) -> tuple[list[str], list[str]]:
    """Returns the sources of prompts, and their tags."""
    with context.database.read() as session:
        return browsing.sources(session), browsing.tags(session)


def whole(context: DataContext, name: str, row_id: int) -> WholeRow:
    """Returns one row of this kind as a whole. Raises `Missing`."""
    kind = _kind(name)
    with context.database.read() as session:
        row = corrections.find_row(session, kind, row_id)
        prompt = _prompt_of(row)
        texts = [("Prompt", prompt.text)]
        if prompt.system:
            texts.append(("System message", prompt.system))
        if prompt.context:
            turns = (f"{turn['role']}: {turn['content']}" for turn in prompt.context)
            texts.append(("Earlier turns", "\n".join(turns)))
        if prompt.reference_answer:
            texts.append(("Reference answer", check.in_words(prompt.reference_answer)))
        texts += _texts(row)
        texts += [
            (f"Changed {one.created_at:%d %b %Y %H:%M} by {one.by}", _change(one))
            for one in browsing.changes(session, kind, row_id)
        ]
        tags = ", ".join(browsing.tags_of(session, prompt.id))
        deleted = not isinstance(row, Vote) and row.hidden_at is not None
        answer = prompt.reference_answer or ""
        return WholeRow(kind.value, row_id, texts, prompt.id, prompt.text, answer, tags, deleted)


def correct(
    context: DataContext, person: Person, prompt_id: int, *, text: str, answer: str, tags: str
) -> str:
    """Keeps a prompt's text, reference answer and tags. Returns what changed, in words.

    Raises `Conflict` for the text of a prompt that was answered, `InputError` for one that is none.
    """
    text, words = text.strip(), _tags(tags)
    if not text or len(text) > MAX_TEXT or len(answer) > MAX_TEXT:
        raise InputError(f"A prompt has 1 to {MAX_TEXT:,} characters, and an answer no more.")
    with context.database.write() as session:
        corrections.set_text(session, prompt_id, text, person.name)
        n = corrections.set_answer(
            session, prompt_id, answer.strip() or None, person.name, check.is_correct
        )
        corrections.tag(session, prompt_id, words, person.name)
    checked = f" {n} of its rounds are right or wrong otherwise now." if n else ""
    return f"Prompt {prompt_id} is kept.{checked}"


def delete(context: DataContext, person: Person, name: str, row_id: int) -> str:
    """Hides a row of this kind with what hangs on it. Returns what stays, in words."""
    kind = _kind(name)
    with context.database.write() as session:
        corrections.delete(session, kind, row_id, person.name)
    if kind is DataKind.VOTE:
        return f"Vote {row_id} is withdrawn, in a row of the log that says so."
    return (
        f"The {kind} {row_id} is deleted with what hangs on it: neither offered, learnt, exported "
        "nor counted. Votes on it stay in the log. Restore it under “deleted”."
    )


def restore(context: DataContext, person: Person, name: str, row_id: int) -> str:
    """Shows a deleted row again."""
    kind = _kind(name)
    with context.database.write() as session:
        corrections.restore(session, kind, row_id, person.name)
    return f"The {kind} {row_id} is there again."


def _kind(name: str) -> DataKind:
    if name not in set(DataKind):
        raise InputError(f"{name!r} is not stored: prompts, runs, pairs and votes are.")
    return DataKind(name)


def _prompt_of(row: Prompt | Run | Comparison | Vote) -> Prompt:
    if isinstance(row, Prompt):
        return row
    return row.comparison.prompt if isinstance(row, Vote) else row.prompt


def _texts(row: Prompt | Run | Comparison | Vote) -> list[tuple[str, str]]:
    match row:
        case Run():
            said = f"{row.mode}, {row.state}, by {row.written_by}, {_cell(row.created_at)}"
            marks = {True: ", right", False: ", wrong", None: ""}
            return [
                ("Run", said),
                *(
                    (
                        f"Round {one.index + 1}, {one.candidate + 1}{marks[one.correct]}",
                        one.response,
                    )
                    for one in row.rounds
                ),
            ]
        case Comparison():
            return [("One response", row.left.response), ("The other", row.right.response)]
        case Vote():
            outcome = _OUTCOMES.get(row.outcome, row.outcome)
            said = f"{outcome}, strength {row.strength}, by {row.rater.name}"
            reason = [("Reason", row.rationale)] if row.rationale else []
            return [*_texts(row.comparison), ("Vote", f"{said}, {_cell(row.created_at)}"), *reason]
        case _:
            return [("From", f"{row.source}, {row.partition}, {_cell(row.created_at)}")]


def _change(one: Any) -> str:
    if one.before is None and one.after is None:
        return str(one.kind)
    return f"{one.kind}: {one.before or 'nothing'} → {one.after or 'nothing'}"


def _tags(given: str) -> list[str]:
    words = [" ".join(word.split()) for word in given.split(",")]
    words = [word for word in words if word]
    if len(words) > MAX_TAGS or any(len(word) > MAX_TAG for word in words):
        raise InputError(f"A prompt has at most {MAX_TAGS} tags of at most {MAX_TAG} characters.")
    return words


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%d %b %Y %H:%M}"
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    if check.has_constraints(value):
        return "constraints: open it to read them"
    return shorten(_OUTCOMES.get(value, value), _CELL, placeholder="…")


_OUTCOMES = {
    "left": "the one",
    "right": "the other",
    "both_bad": "both bad",
    "train": "for training",
    "eval": "held out",
}
