"""Exports of prompts, which can be imported again, and of scores, each with its response."""

import json
from pathlib import Path
from typing import Any

import pytest
from fresh_database import fresh_database
from stored_votes import RowContext, context, fill

from db.content import scores
from db.labelling import raters
from db.models import Prompt, PromptTag, RaterKind, Round, now
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.interchange.card import card
from ptrapp.services.files import exporting, importing
from ptrapp.services.files.export_rows import Completions
from ptrapp.services.files.exporting import ExportRequest, What

PROMPTS, SCORES = ExportRequest(What.PROMPTS), ExportRequest(What.SCORES)


@pytest.fixture
def full(database: Database, tmp_path: Path) -> RowContext:
    fill(database)
    return context(database, tmp_path / "data")


def rows_of(at: RowContext, ask: ExportRequest, folder: Path) -> list[dict[str, Any]]:
    exporting.write(at, ask, folder / "rows.jsonl")
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_prompts_are_conversations_with_what_is_known_of_each(
    full: RowContext, tmp_path: Path
) -> None:
    with full.database.write() as session:
        session.add_all(PromptTag(tag=tag, prompt_id=1) for tag in ("sums", "easy"))
    sum_, brief, held = rows_of(full, PROMPTS, tmp_path)
    assert sum_ == {
        "prompt": [{"role": "user", "content": "What is 1 + 1?"}],
        "reference_answer": "2", "task": None, "source": "play", "held_out": False,
        "tags": ["easy", "sums"],
    }  # fmt: skip
    assert [turn["role"] for turn in brief["prompt"]] == ["system", "user", "assistant", "user"]
    assert (held["prompt"][0]["content"], held["held_out"]) == ("Held out?", True)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_exported_prompts_are_imported_as_the_same_prompts(
    full: RowContext, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"prompts.{kind}"
    exporting.write(full, PROMPTS, file)
    (tmp_path / "other").mkdir()
    other = context(fresh_database(tmp_path / "other"), tmp_path / "other")
    importing.import_named(other, str(file), name="prompts")
    rows = rows_of(other, PROMPTS, tmp_path)
    known = ("prompt", "reference_answer", "task")
    before = rows_of(full, PROMPTS, tmp_path)
    assert [[row[name] for name in known] for row in rows] == [
        [row[name] for name in known] for row in before
    ]
    other.database.dispose()


def test_hidden_prompts_and_scores_of_them_are_left_out(full: RowContext, tmp_path: Path) -> None:
    assert len(rows_of(full, SCORES, tmp_path)) == 2
    with full.database.write() as session:
        session.get_one(Prompt, 1).hidden_at = now()
    assert len(rows_of(full, PROMPTS, tmp_path)) == 2
    (left,) = rows_of(full, SCORES, tmp_path)
    assert left["score"] == 0.75


def test_a_score_stands_beside_the_response_it_was_given_for(
    full: RowContext, tmp_path: Path
) -> None:
    third, sampled = rows_of(full, SCORES, tmp_path)
    assert (third["score"], third["judge"], third["correct"]) == (-1.0, "llm:m", True)
    assert third["prompt"][-1]["content"] == "Again.", "it was shown the rounds before"
    assert third["completion"][0]["content"] == "<T> Thought of right<R> right"
    assert (sampled["score"], sampled["version"]) == (0.75, "dpo-000001")
    alone = ExportRequest(What.SCORES, completions=Completions.RESPONSE)
    assert "Thought of" not in json.dumps(rows_of(full, alone, tmp_path))
    by_people = ExportRequest(What.SCORES, kinds=frozenset({RaterKind.HUMAN}))
    assert rows_of(full, by_people, tmp_path) == []
    assert exporting.look(full, by_people).n == 0


def test_pages_join_without_a_gap(
    full: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full.database.write() as session:
        other = raters.ensure_rater(session, RaterKind.JUDGE, "reward")
        every = [row.id for row in session.query(Round).order_by(Round.id)]
        scores.record(session, other.id, {one: float(one) for one in every})
    whole = {ask.what: rows_of(full, ask, tmp_path) for ask in (PROMPTS, SCORES)}
    assert len(whole[What.SCORES]) == len(every) + 2
    for size in (1, 2):
        monkeypatch.setattr("db.content.exported._AT_ONCE", size)
        assert {ask.what: rows_of(full, ask, tmp_path) for ask in (PROMPTS, SCORES)} == whole


def test_what_cannot_be_is_refused_in_words(full: RowContext, tmp_path: Path) -> None:
    for ask, path, said in (
        (ExportRequest(What.PROMPTS, campaign="c"), "a.jsonl", "Prompts belong to no campaign"),
        (ExportRequest(What.SCORES, campaign="c"), "a.jsonl", "Scores belong to no campaign"),
        (ExportRequest(What.PROMPTS, up_to=99), "a.jsonl", "no prompt 99 yet; the newest is 3"),
        (ExportRequest(What.SCORES, up_to=99), "a.jsonl", "no round 99 yet"),
        (PROMPTS, "a.csv", "CSV"),
    ):
        with pytest.raises(InputError, match=said):
            exporting.write(full, ask, tmp_path / path)


def test_their_cards_say_what_they_are(full: RowContext, tmp_path: Path) -> None:
    told = {
        ask.what: card(exporting.write(full, ask, tmp_path / "a.jsonl").as_json(), "T")
        for ask in (PROMPTS, SCORES)
    }
    assert "**Completions:** none" in told[What.PROMPTS]
    assert "1 judges (models) with 2 scores" in told[What.SCORES]
