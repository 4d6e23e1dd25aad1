"""Changes stored data by hand: tags, texts, deletions. Each change is kept with who made it."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from db.content import changes
from db.content.prompts import fingerprint
from db.labelling.browsing import tags_of
from db.labelling.hidden_items import recount
from db.labelling.raters import lock_rater
from db.models import (
    ChangeKind,
    Comparison,
    DataKind,
    Outcome,
    Pin,
    Prompt,
    PromptTag,
    Round,
    Run,
    Vote,
    now,
)
from db.storage.errors import Conflict, Missing

_TABLES = {DataKind.PROMPT: Prompt, DataKind.RUN: Run, DataKind.PAIR: Comparison}


def find_row(session: Session, kind: DataKind, row_id: int) -> Prompt | Run | Comparison | Vote:
    """Returns a row. Raises `Missing`."""
    table: Any = Vote if kind is DataKind.VOTE else _TABLES[kind]
    row: Prompt | Run | Comparison | Vote | None = session.get(table, row_id)
    if row is None:
        raise Missing(f"There is no {kind} {row_id}.")
    return row


def tag(session: Session, prompt_id: int, wanted: Collection[str], by: str) -> None:
    """Replaces the tags of a prompt."""
    find_row(session, DataKind.PROMPT, prompt_id)
    before = tags_of(session, prompt_id)
    after = sorted(set(wanted))
    if before == after:
        return
    for word in session.scalars(select(PromptTag).where(PromptTag.prompt_id == prompt_id)):
        if word.tag not in after:
            session.delete(word)
    session.add_all(PromptTag(prompt_id=prompt_id, tag=one) for one in after if one not in before)
    was, is_ = ", ".join(before), ", ".join(after)
    changes.log(session, DataKind.PROMPT, prompt_id, ChangeKind.TAGS, by=by, before=was, after=is_)


def set_text(session: Session, prompt_id: int, text: str, by: str) -> None:
    """Corrects a prompt that nobody has asked or pinned yet. Raises `Conflict`."""
    prompt = _prompt(session, prompt_id)
    if prompt.text == text:
        return
    # A run is there before its first answer is: what is pinned is going to be asked.
    asked = (select(table.id).where(table.prompt_id == prompt_id) for table in (Run, Pin))
    if any(session.scalar(rows.limit(1)) is not None for rows in asked):
        raise Conflict(
            f"Prompt {prompt_id} has been asked or pinned: its text stays as it is. Ask the "
            "corrected one anew, and delete this one."
        )
    before, prompt.text = prompt.text, text
    _rename(session, prompt)
    changes.log(
        session, DataKind.PROMPT, prompt_id, ChangeKind.TEXT, by=by, before=before, after=text
    )


def set_answer(
    session: Session,
    prompt_id: int,
    answer: str | None,
    by: str,
    is_correct: Callable[[str, str], bool],
) -> int:
    """Corrects a prompt's reference answer and checks its rounds by it. Returns how many differ."""
    prompt = _prompt(session, prompt_id)
    if prompt.reference_answer == answer:
        return 0
    before, prompt.reference_answer = prompt.reference_answer, answer
    _rename(session, prompt)
    n = 0
    for one in session.scalars(select(Round).where(Round.prompt_id == prompt_id)):
        correct = None if answer is None else is_correct(one.response, answer)
        n += correct != one.correct
        one.correct = correct
    changes.log(
        session, DataKind.PROMPT, prompt_id, ChangeKind.ANSWER, by=by, before=before, after=answer
    )
    return n


def delete(session: Session, kind: DataKind, row_id: int, by: str) -> None:
    """Hides a row and what hangs on it; of a vote, adds the row that withdraws it.

    Raises `Conflict` for what is hidden already.
    """
    row = find_row(session, kind, row_id)
    if isinstance(row, Vote):
        _withdraw(session, row)
    elif row.hidden_at is not None:
        raise Conflict(f"This {kind} is deleted already.")
    else:
        time = now()
        for table, which in _hanging(kind, row_id):
            hide = update(table).where(which, table.hidden_at.is_(None)).values(hidden_at=time)
            session.execute(hide)
        recount(session, _hanging(kind, row_id)[-1][1])
    changes.log(session, kind, row_id, ChangeKind.DELETED, by=by)


def restore(session: Session, kind: DataKind, row_id: int, by: str) -> None:
    """Shows a deleted row again, with what was deleted with it. Raises `Conflict`."""
    row = find_row(session, kind, row_id)
    if isinstance(row, Vote):
        raise Conflict("A deleted vote stays withdrawn: have it given again.")
    if row.hidden_at is None:
        raise Conflict(f"This {kind} is not deleted.")
    time = row.hidden_at
    for table, which in _hanging(kind, row_id):
        session.execute(update(table).where(which, table.hidden_at == time).values(hidden_at=None))
    recount(session, _hanging(kind, row_id)[-1][1])
    changes.log(session, kind, row_id, ChangeKind.RESTORED, by=by)


def _hanging(kind: DataKind, row_id: int):  # type: ignore[no-untyped-def]
    """Returns what is hidden with a row: tables and conditions, comparisons last."""
    if kind is DataKind.PAIR:
        return [(Comparison, Comparison.id == row_id)]
    if kind is DataKind.PROMPT:
        return [
            (Prompt, Prompt.id == row_id),
            (Run, Run.prompt_id == row_id),
            (Comparison, Comparison.prompt_id == row_id),
        ]
    own = select(Round.id).where(Round.run_id == row_id)
    of_run = or_(Comparison.left_round_id.in_(own), Comparison.right_round_id.in_(own))
    return [(Run, Run.id == row_id), (Comparison, of_run)]


def _withdraw(session: Session, vote: Vote) -> None:
    current = select(Vote.id).where(Vote.id == vote.id, Vote.is_current())
    lock_rater(session, vote.rater_id)
    if session.scalar(current) is None:
        raise Conflict("This vote does not count any more; there is nothing to delete.")
    session.add(
        Vote(
            key=uuid4().hex,
            comparison_id=vote.comparison_id,
            rater_id=vote.rater_id,
            purpose=vote.purpose,
            outcome=Outcome.WITHDRAWN,
            blind=vote.blind,
            client="deleted on Data",
            supersedes_id=vote.id,
        )
    )
    session.flush()


def _prompt(session: Session, prompt_id: int) -> Prompt:
    prompt = find_row(session, DataKind.PROMPT, prompt_id)
    assert isinstance(prompt, Prompt), "found by its kind"
    return prompt


def _rename(session: Session, prompt: Prompt) -> None:
    """Gives a changed prompt its new hash. Raises `Conflict` where there is such a prompt."""
    asked = (prompt.text, prompt.system, prompt.reference_answer, prompt.context)
    digest = fingerprint(*asked)
    with session.no_autoflush:
        same = session.scalar(select(Prompt.id).where(Prompt.sha256 == digest))
    if same is not None and same != prompt.id:
        raise Conflict(f"Prompt {same} is the same already; delete one of the two instead.")
    prompt.sha256 = digest
    session.flush()
