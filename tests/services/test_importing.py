"""A file of attempts and answers becomes trajectories, once, and a training takes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from db.models import Prompt, Round, Run, RunMode
from db.session import Database
from db.trajectories import count_refined
from ptrapp.core.errors import InputError
from ptrapp.core.thoughts import GENERIC, TINY
from ptrapp.services.importing import Imported, import_attempts
from training.examples import gather_trajectories
from training.payload import Filters

ROWS = [
    {"question": f"Question {n}?", "output1": f"Weak {n}.", "output2": f"Strong {n}."}
    for n in range(3)
]


def bring_in(database: Database, folder: Path, rows: list[Any], **options: bool) -> Imported:
    path = folder / "attempts.json"
    path.write_text(json.dumps(rows))
    with database.write() as session:
        return import_attempts(session, path, **options)


def said(done: Imported) -> tuple[int, int, int]:
    return done.n_new, done.n_known, done.n_skipped


def counts(database: Database) -> tuple[int, int, int]:
    with database.read() as session:
        return tuple(session.query(table).count() for table in (Prompt, Run, Round))  # type: ignore[return-value]


def test_a_row_is_a_prompt_and_a_run_of_two_rounds(database: Database, tmp_path: Path) -> None:
    assert said(bring_in(database, tmp_path, ROWS)) == (3, 0, 0)
    with database.read() as session:
        first, *_ = session.query(Run).all()
        assert first.mode is RunMode.JOB
        assert first.prompt.text == "Question 0?"
        assert [(r.author, r.response, r.thinking) for r in first.rounds] == [
            ("weak:import", "Weak 0.", False),
            ("strong:import", "Strong 0.", False),
        ]
        assert count_refined(session) == 3


def test_importing_twice_adds_nothing_and_a_new_answer_is_new(
    database: Database, tmp_path: Path
) -> None:
    bring_in(database, tmp_path, ROWS)
    before = counts(database)

    assert said(bring_in(database, tmp_path, [*ROWS, ROWS[0]])) == (0, 4, 0)
    assert counts(database) == before

    changed = ROWS[0] | {"output2": "Stronger."}
    assert said(bring_in(database, tmp_path, [changed, changed])) == (1, 1, 0)
    assert counts(database) == (before[0], before[1] + 1, before[2] + 1)  # the same attempt


def test_a_bad_row_keeps_the_whole_file_out_unless_it_may_be_skipped(
    database: Database, tmp_path: Path
) -> None:
    rows = [*ROWS, {"question": " ", "output1": "a", "output2": "b"}]

    with pytest.raises(InputError, match=r"attempts\.json: row 4: 'question' is blank"):
        bring_in(database, tmp_path, rows)
    assert counts(database) == (0, 0, 0)

    done = bring_in(database, tmp_path, rows, skip_bad=True)
    assert said(done) == (3, 0, 1)


@pytest.mark.parametrize(("fmt", "mark"), [(TINY, "<R> "), (GENERIC, "")])
def test_training_reads_the_attempt_and_learns_the_answer_in_the_models_marks(
    database: Database, tmp_path: Path, fmt: Any, mark: str
) -> None:
    bring_in(database, tmp_path, ROWS)
    with database.read() as session:
        gathered = gather_trajectories(
            session, fmt, Filters(), parent_adapter_id=None, replay_share=0.5, seed=0
        )
    assert [e.target.raw for e in gathered.examples] == [f"{mark}Strong {n}." for n in range(3)]
    assert [e.messages[1].content for e in gathered.examples] == [
        f"{mark}Weak {n}." for n in range(3)
    ]
