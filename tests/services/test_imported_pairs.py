"""A campaign of imported pairs has all of them, whatever was asked here before."""

import json
from pathlib import Path

from sqlalchemy import update
from stored_votes import context, sample

from db.content import prompts, scores
from db.labelling import comparisons, raters
from db.models import Prompt, RaterKind
from db.storage.session import Database
from ptrapp.services.files.importing import import_named
from ptrapp.services.labelling import candidates
from ptrapp.services.labelling.candidates import Source, SourceKind

PAIRS = [
    {"prompt": f"Question {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."} for n in range(3)
]


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
