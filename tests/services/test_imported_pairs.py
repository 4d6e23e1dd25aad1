"""A campaign of imported pairs has all of them, whatever was asked here before."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select, update
from stored_votes import context, sample

from db.content import prompts, scores
from db.labelling import comparisons, raters
from db.models import Prompt, RaterKind
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.services.files.importing import import_named
from ptrapp.services.labelling import candidates
from ptrapp.services.labelling.candidates import Source, SourceKind

PAIRS = [
    {"prompt": f"Question {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."} for n in range(3)
]


def test_the_same_file_under_another_name_is_told(database: Database, tmp_path: Path) -> None:
    at = context(database, tmp_path / "data")
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    first = import_named(at, str(path))
    assert not any("under another name" in one for one in first.said)
    again = import_named(at, str(path))
    assert (again.n_new, again.warnings) == (0, ())
    copied = import_named(at, str(path), name="pairs (1).jsonl")
    assert copied.counts["votes"] == 3
    assert (
        "If this file was imported before under another name, undo this import." in copied.said[-1]
    )


def test_prompts_stay_held_out(database: Database, tmp_path: Path) -> None:
    at = context(database, tmp_path / "data")
    path = tmp_path / "prompts.jsonl"
    asked = [{"prompt": f"{said}?", "held_out": said} for said in (True, False, "true", "", None)]
    path.write_text("".join(json.dumps(row) + "\n" for row in asked), encoding="utf-8")
    import_named(at, str(path))
    with database.read() as session:
        found = {one.text: one.partition.value for one in session.scalars(select(Prompt))}
    assert [found[f"{said}?"] for said in (True, False, "true")] == ["eval", "train", "eval"]
    for wrong in ("maybe", 0, 1):
        path.write_text(json.dumps({"prompt": "x", "held_out": wrong}), encoding="utf-8")
        with pytest.raises(InputError, match=f"'held_out' is '{wrong}' instead of true or false"):
            import_named(at, str(path))


def test_an_export_of_refinements_is_no_list_of_prompts(database: Database, tmp_path: Path) -> None:
    at = context(database, tmp_path / "data")
    path = tmp_path / "refinements.jsonl"
    turns = [
        {"role": "user", "content": "2 + 2?", "loss": 0},
        {"role": "assistant", "content": "4", "loss": 1},
    ]
    path.write_text(json.dumps({"messages": turns, "correct": True}), encoding="utf-8")
    with pytest.raises(InputError, match="it is for a training, no question"):
        import_named(at, str(path))
    path.write_text(json.dumps({"messages": [turns[0] | {"loss": None}, 5]}), encoding="utf-8")
    with pytest.raises(InputError):
        import_named(at, str(path))
    path.write_text(
        json.dumps({"messages": [{"role": "user", "content": "a"}, 5]}), encoding="utf-8"
    )
    with pytest.raises(InputError):
        import_named(at, str(path))


def test_which_of_two_judgements_counts_is_said(database: Database, tmp_path: Path) -> None:
    at = context(database, tmp_path / "data")
    path = tmp_path / "times.csv"
    path.write_text(
        "prompt,response_a,response_b,winner,annotator,created_at\n"
        "t,x,y,a,ann,2024-02-01\nt,x,y,b,ann,2024-01-01\n",
        encoding="utf-8",
    )
    said = import_named(at, str(path)).said
    assert any("the later row counts; created_at is not read" in one for one in said)


def test_a_pair_on_a_prompt_that_was_there_before_is_among_them(
    database: Database, tmp_path: Path
) -> None:
    at = context(database, tmp_path / "data")
    with database.write() as session:
        prompts.ensure_prompt(session, "Question 1?", source="play")
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    import_named(at, str(path), name="brought")

    def n_pairs(name: str) -> int:
        return candidates.preview(at, Source(SourceKind.IMPORTED, import_name=name), "response")

    assert n_pairs("brought") == 3
    path.write_text(json.dumps(PAIRS[0] | {"chosen": "Better."}) + "\n", encoding="utf-8")
    import_named(at, str(path), name="again")
    assert n_pairs("again") == 1, "all its prompts were there before"
    assert n_pairs("brought") >= 3


def test_pairs_of_the_same_words_are_offered_by_no_source(
    database: Database, tmp_path: Path
) -> None:
    at = context(database, tmp_path / "data")
    with database.write() as session:
        same = sample(session, "Same?", "Two.", " Two.\n")
        sample(session, "Different?", "Two.", "Three.")
        comparisons.ensure_comparison(session, *(one.id for one in same))
        session.execute(update(Prompt).values(source="import:brought"))
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge").id
        scores.record(session, judge, {one.id: float(one.candidate) for one in same})

    def n_pairs(kind: SourceKind) -> int:
        asked = Source(kind, judge="judge", import_name="brought")
        return candidates.preview(at, asked, "response")

    assert n_pairs(SourceKind.SIBLINGS) == n_pairs(SourceKind.RANDOM) == 1
    assert [n_pairs(kind) for kind in (SourceKind.BEST_WORST, SourceKind.IMPORTED)] == [0, 0]
