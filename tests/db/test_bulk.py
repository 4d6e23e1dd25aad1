"""Bulk inserts on both databases: ids nobody else gets, values as the models would store them."""

from datetime import UTC, datetime
from typing import Any

from db.content.prompts import ensure_prompt
from db.labelling import comparisons, raters, votes
from db.models import Prompt, Rater, RaterKind, Vote
from db.storage import bulk
from db.storage.session import Database
from ptrapp.core.types import Choice, Message, MessageRole, Preference
from ptrapp.interchange.records import CompletionText, GivenLabel, JudgedPair, PromptText
from ptrapp.services.files.importing import import_records

COLUMNS = ("sha256", "id", "text", "source", "partition", "context", "created_at")


def test_rows_under_reserved_ids_are_read_as_any_other(database: Database) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    turns = [{"role": "user", "content": "früher"}]
    with database.write() as session:
        first = ensure_prompt(session, "First?", source="play")
        ids = bulk.reserve_ids(session, Prompt, 3)
        assert ids[0] > first.id
        rows = [
            (f"{n:064}", prompt_id, f"Q{n}?", "import:x", first.partition, turns, now)
            for n, prompt_id in enumerate(ids)
        ]
        bulk.insert_rows(session, Prompt, COLUMNS, rows)
        last = ensure_prompt(session, "Last?", source="play")
        assert last.id > max(ids)
    with database.read() as session:
        row = session.get_one(Prompt, ids[1])
        assert (row.text, row.system, row.context, row.created_at) == ("Q1?", None, turns, now)
        assert bulk.prompts_by_hash(session, [f"{2:064}", "none"]) == {f"{2:064}": ids[2]}


def pairs(n: int) -> list[JudgedPair]:
    context = (Message(MessageRole.USER, "Hi"), Message(MessageRole.ASSISTANT, "Hello"))
    sides = (CompletionText(text, "", text, thinking=False) for text in ("better", "worse"))
    left, right = sides
    labels = (
        GivenLabel(Preference(Choice.LEFT, 2)),
        GivenLabel(Preference(Choice.TIE), user="ann", rationale="Both."),
    )
    return [
        JudgedPair(PromptText(f"Q{i % 7}?", context=context), left, right, labels) for i in range(n)
    ]


def test_an_import_is_the_same_on_both_databases_and_adds_nothing_twice(
    database: Database,
) -> None:
    with database.write() as session:
        done = import_records(session, pairs(10), "x")
        assert (done.n_new, done.n_known) == (7, 3)
        assert done.counts == {"prompts": 7, "runs": 7, "rounds": 14, "comparisons": 7, "votes": 14}
    with database.write() as session:
        assert import_records(session, pairs(10), "x").counts == {}
        # Rows written as always find their ids behind those of the import.
        ann = raters.ensure_rater(session, RaterKind.HUMAN, "someone")
        one = session.query(Vote).first()
        assert one is not None
        key = comparisons.offer(session, ann.id, one.comparison_id, flipped=False).key
        vote = votes.cast_vote(session, key, one.outcome)
        assert vote.id > 14
        assert session.query(Rater).count() == 3


def test_what_fails_halfway_leaves_nothing(database: Database) -> None:
    def broken() -> Any:
        yield from pairs(3)
        raise RuntimeError("the file ends here")

    try:
        with database.write() as session:
            import_records(session, broken(), "x")
    except RuntimeError:
        pass
    with database.read() as session:
        assert session.query(Prompt).count() == 0


def test_the_cache_is_as_large_as_before_behind_an_import(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        before = session.connection().exec_driver_sql("PRAGMA cache_size").scalar()
        with bulk.large_cache(session):
            during = session.connection().exec_driver_sql("PRAGMA cache_size").scalar()
        after = session.connection().exec_driver_sql("PRAGMA cache_size").scalar()
    assert during != before == after
