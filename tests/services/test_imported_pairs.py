"""A campaign of imported pairs has all of them, whatever was asked here before."""

import json
from pathlib import Path

from stored_votes import context

from db.content import prompts
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
