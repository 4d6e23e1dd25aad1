"""An undone import counts for nothing and loses nothing; importing it again shows it again."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from stored_votes import RowContext, context, refine

from db.content import samples, trajectories
from db.labelling import answers, assignments, campaigns, candidates, preferences, raters
from db.labelling.campaigns import NewItem
from db.labelling.hidden_items import Hiding, all_hidden
from db.models import (
    Aspect,
    Campaign,
    CampaignState,
    Import,
    ImportState,
    Outcome,
    Prompt,
    RaterKind,
    Round,
    Vote,
)
from db.storage.errors import Conflict
from db.storage.session import Database
from ptrapp.core.errors import InputError
from ptrapp.services.files import exporting, importing, imports, pieces
from ptrapp.services.files.exporting import ExportRequest, What
from ptrapp.services.files.import_rows import RowImport
from ptrapp.services.files.importing import finish_imports, import_named
from ptrapp.services.kept_counts import KeptCounts

PAIRS = [
    {"prompt": f"Question {n}?", "chosen": f"Good {n}.", "rejected": f"Bad {n}."} for n in range(6)
]


@pytest.fixture
def at(database: Database, tmp_path: Path) -> RowContext:
    return context(database, tmp_path / "data")


def bring(at: RowContext, tmp_path: Path, rows: Any = PAIRS, **options: Any) -> importing.Imported:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return import_named(at, str(path), name="brought", **options)


def seen(at: RowContext) -> dict[str, int]:
    """What offers, trainings, exports and counts see."""
    with at.database.read() as session:
        found, n_votes = KeptCounts().current(session)
        seen = {
            "prompts": sum(row.n_prompts for row in found),
            "rounds": sum(row.n_rounds for row in found),
            "comparisons": sum(row.n_comparisons for row in found),
            "votes": sum(row.n_votes for row in found),
            "learnt": len(preferences.current_votes(session)),
            "counted": preferences.count_preferences(session),
            "logged": sum(n_votes.values()),
            "asked": len(samples.train_prompts(session)),
            "trained": len(trajectories.training_rounds(session)),
            "pairs": len(candidates.any_two(session, Aspect.RESPONSE)),
            "imported": len(candidates.imported(session, Aspect.RESPONSE, "import:brought")),
            "sources": len(candidates.import_sources(session)),
        }
    for what in (What.PREFERENCES, What.VOTES, What.UNPAIRED):
        path, manifest = exporting.write_temporary(at, ExportRequest(what), "jsonl")
        path.unlink()
        seen[f"exported {what}"] = manifest.n_rows
    return seen


def n_votes(at: RowContext) -> int:
    with at.database.read() as session:
        return session.scalar(select(func.count(Vote.id))) or 0


def test_an_undo_hides_everything_and_importing_again_shows_it(
    at: RowContext, tmp_path: Path
) -> None:
    before = seen(at)
    first = bring(at, tmp_path)
    there = seen(at)
    assert there["learnt"] == there["exported preferences"] == 6
    assert first.import_id is not None
    undone = imports.undo(at, first.import_id, "ada")
    assert (undone.n_prompts, undone.n_pairs, undone.n_votes, undone.n_kept_votes) == (6, 6, 6, 0)
    assert "importing the file again" in undone.said
    assert seen(at) == before
    assert n_votes(at) == 6, "the log keeps them"
    with pytest.raises(Conflict, match="undone"):
        imports.undo(at, first.import_id, "ada")

    again = bring(at, tmp_path)
    assert (again.n_new, again.n_known) == (6, 0)
    assert seen(at) == there
    known = bring(at, tmp_path)
    assert (known.n_new, known.n_known, known.import_id) == (0, 6, None)
    assert again.import_id is not None
    imports.undo(at, again.import_id, "ada")
    assert seen(at) == before
    assert bring(at, tmp_path).n_new == 6
    assert seen(at) == there


def test_attempts_and_what_they_became_are_pairs_of_their_import(
    at: RowContext, tmp_path: Path
) -> None:
    rows = [
        {"question": f"Question {n}?", "output1": f"Bad {n}.", "output2": f"Good {n}."}
        for n in range(5)
    ]
    done = bring(at, tmp_path, rows)
    assert seen(at)["imported"] == 5
    with at.database.read() as session:
        rounds = {row.id: row.response for row in session.scalars(select(Round))}
        pairs = candidates.imported(session, Aspect.RESPONSE, "import:brought")
    assert sorted((rounds[one], rounds[other]) for one, other in pairs) == [
        (f"Bad {n}.", f"Good {n}.") for n in range(5)
    ]
    assert done.import_id is not None
    imports.undo(at, done.import_id, "ada")
    assert seen(at)["imported"] == 0


def test_what_people_did_meanwhile_stays_in_the_log(at: RowContext, tmp_path: Path) -> None:
    done = bring(at, tmp_path)
    with at.database.write() as session:
        pairs = candidates.imported(session, Aspect.RESPONSE, "import:brought")
        campaign = campaigns.create(session, "on it")
        items = [NewItem(*pair) for pair in pairs]
        campaigns.add_items(session, campaign.id, items, draw=random.Random(0))
        campaigns.set_state(session, campaign.id, CampaignState.OPEN)
        campaign_id, eve = campaign.id, raters.ensure_rater(session, RaterKind.HUMAN, "eve").id

    def next_keys(n: int) -> list[str]:
        with at.database.write() as session:
            reserved = assignments.reserve(session, campaign_id, eve, n, draw=random.Random(1))
            return reserved.keys

    (voted, waiting) = next_keys(2)
    with at.database.write() as session:
        answers.vote(session, voted, Outcome.LEFT, rater_id=eve)
    assert done.import_id is not None
    told = imports.preview_undo(at, done.import_id)
    assert told.n_kept_votes == 1
    assert "1 vote that people and judges gave" in told.said
    imports.undo(at, done.import_id, "ada")
    assert next_keys(5) in ([], [waiting])
    with at.database.read() as session:
        assert all_hidden(session, [campaign_id]) == {campaign_id: Hiding.UNDONE}
    with at.database.read() as session:
        campaign = campaigns.find(session, campaign_id)
        assert (campaign.n_slots, campaign.n_done) == (2, 1), "no more is wanted than is given out"
        assert preferences.current_votes(session) == []
    assert n_votes(at) == 7
    bring(at, tmp_path)
    with at.database.read() as session:
        assert all_hidden(session, [campaign_id]) == {}
        campaign = session.get_one(Campaign, campaign_id)
        assert campaign.n_slots == 6
        assert len(preferences.current_votes(session)) == 7
    assert len(next_keys(9)) == 5


def test_a_prompt_that_somebody_asked_stays(at: RowContext, tmp_path: Path) -> None:
    done = bring(at, tmp_path)
    with at.database.write() as session:
        refine(session, "Question 3?", "wrong", "right")
    assert done.import_id is not None
    assert imports.undo(at, done.import_id, "ada").n_kept_prompts == 1
    with at.database.read() as session:
        shown = session.scalars(select(Prompt.text).where(Prompt.is_shown())).all()
        assert shown == ["Question 3?"]


def test_a_large_import_is_seen_whole_or_not_at_all(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 5)
    monkeypatch.setattr(pieces, "LEAST", 2)
    before, add, met = seen(at), RowImport.add, []

    def watched(self: RowImport, records: Any) -> int:
        with at.database.read() as session:
            met.append(len(preferences.current_votes(session)))
        return add(self, records)

    monkeypatch.setattr(RowImport, "add", watched)
    ids: list[int] = []
    bring(at, tmp_path, begun=ids.append)
    assert len(met) > 1
    assert set(met) == {0}
    assert seen(at)["learnt"] == 6
    one = imports.view(at, ids[0])
    assert (one.state, one.n_stored, one.n_records, one.n_new) == ("done", 6, 6, 6)
    imports.undo(at, ids[0], "ada")
    assert seen(at) == before


@pytest.mark.parametrize("why", ["cancelled", "contradicted"])
def test_one_that_stops_on_the_way_is_never_seen(
    at: RowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(importing, "BATCH", 5)
    monkeypatch.setattr(pieces, "LEAST", 2)
    before, add, ids = seen(at), RowImport.add, []
    n_pieces = [0]

    def stopped(self: RowImport, records: Any) -> int:
        n_pieces[0] += 1
        if n_pieces[0] == 2 and why == "contradicted":
            raise InputError("This withdraws nothing.")
        return add(self, records)

    def pause(_: float) -> None:
        if why == "cancelled":
            imports.cancel(at, ids[0])

    with monkeypatch.context() as patched:
        patched.setattr(RowImport, "add", stopped)
        patched.setattr(pieces.time, "sleep", pause)
        with pytest.raises(InputError, match=r"cancelled|withdraws nothing"):
            bring(at, tmp_path, begun=ids.append)
    assert seen(at) == before
    assert not list((at.settings.data_dir / pieces.STAGING).glob("*"))
    state = {"cancelled": ImportState.CANCELLED, "contradicted": ImportState.FAILED}[why]
    with at.database.read() as session:
        assert session.get_one(Import, ids[0]).state is state
    finish_imports(at)
    assert seen(at) == before
    assert bring(at, tmp_path).n_new == 6


def test_our_own_votes_and_a_data_set_are_stored_in_pieces_too(
    at: RowContext, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = bring(at, tmp_path)
    file = tmp_path / "votes.jsonl"
    exporting.write(at, ExportRequest(What.VOTES, names=True), file)
    assert done.import_id is not None
    imports.undo(at, done.import_id, "ada")
    monkeypatch.setattr(importing, "BATCH", 5)
    monkeypatch.setattr(pieces, "LEAST", 2)
    ids: list[int] = []
    brought = import_named(at, str(file), begun=ids.append)
    assert (brought.format, brought.n_new, brought.import_id) == ("votes", 6, ids[0])
    assert seen(at)["learnt"] == 6
    hub = tmp_path / "set.jsonl"
    hub.write_text("".join(json.dumps(row) + "\n" for row in PAIRS), encoding="utf-8")
    imports.undo(at, ids[0], "ada")
    again = import_named(at, f"hf:{hub}", begun=ids.append)
    assert again.import_id == ids[1]
    assert seen(at)["learnt"] == 6
