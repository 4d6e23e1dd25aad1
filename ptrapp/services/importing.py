"""Attempts and answers that other programs wrote, brought in as trajectories."""

from dataclasses import dataclass
from pathlib import Path

from db import prompts, rounds
from db.models import RunMode, RunState
from db.rounds import NewRound
from db.session import Session
from db.trajectories import WEAK, is_stored
from ptrapp.core.errors import InputError
from ptrapp.tasks.attempts import Attempt, in_words, read_attempts

ATTEMPT_AUTHOR = f"{WEAK}import"
ANSWER_AUTHOR = "strong:import"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of a file."""

    n_new: int
    n_known: int
    """They were imported before, or stand in the file twice."""
    mistakes: tuple[str, ...]
    """What is wrong with the rows that were skipped, one sentence each."""


def import_attempts(session: Session, path: Path, *, skip_bad: bool = False) -> Imported:
    """Store a file in the PTR authors' format, each row as a prompt and a run of two rounds.

    All rows or none, unless `skip_bad`; importing again adds nothing. Round 1 is only read by a
    training, round 2 is learnt. Raises `InputError` that names file and rows.
    """
    rows, mistakes = read_attempts(path)
    if mistakes and not skip_bad:
        raise InputError(in_words(path, mistakes))
    n_new = sum(_store(session, row, source=f"import:{path.name}"[:64]) for row in rows)
    return Imported(n_new, len(rows) - n_new, tuple(mistakes))


def _store(session: Session, row: Attempt, source: str) -> bool:
    """Whether the row was new."""
    prompt = prompts.ensure_prompt(session, row.question, source=source)
    if is_stored(session, prompt.id, row.weak, row.strong, ANSWER_AUTHOR):
        return False
    run = rounds.start_run(session, prompt.id, RunMode.JOB, {"n": 2, "n_attempts": 1})
    attempt = rounds.add_round(session, run.id, _text(0, None, ATTEMPT_AUTHOR, row.weak))
    rounds.add_round(session, run.id, _text(1, attempt.id, ANSWER_AUTHOR, row.strong))
    rounds.finish_run(session, run.id, RunState.DONE)
    return True


def _text(index: int, parent_id: int | None, author: str, text: str) -> NewRound:
    """A direct answer as it stands in the file: the model that learns it gives it its marks."""
    return NewRound(
        index=index,
        parent_id=parent_id,
        author=author,
        thinking=False,
        thought="",
        response=text,
        raw=text,
        well_formed=True,
        sampling={},
        seed=0,
        n_thought_tokens=0,
        n_response_tokens=0,
        finish_reason="stop",
    )
