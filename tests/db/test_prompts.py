"""Prompts: one question is one row."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from db.content.prompts import ensure_prompt
from db.labelling import browsing, corrections, imports, log_position
from db.models import ChangeKind, DataKind, Partition, Prompt
from db.storage.session import Database, open_database


def test_the_same_question_is_the_same_row(database: Database) -> None:
    with database.write() as session:
        first = ensure_prompt(session, "2 + 2", source="play", reference_answer="4")
    with database.write() as session:
        again = ensure_prompt(session, "2 + 2", source="file", reference_answer="4")
    assert again.id == first.id
    assert again.source == "play"


def test_system_and_reference_answer_make_it_another_question(database: Database) -> None:
    with database.write() as session:
        ids = {
            ensure_prompt(session, "2 + 2", source="play").id,
            ensure_prompt(session, "2 + 2", source="play", system="Be brief.").id,
            ensure_prompt(session, "2 + 2", source="play", reference_answer="4").id,
            ensure_prompt(session, "2 + 2 ", source="play").id,
        }
    assert len(ids) == 4


def test_an_evaluation_prompt_asked_again_stays_one(database: Database) -> None:
    with database.write() as session:
        ensure_prompt(session, "2 + 2", source="gen", task="add", partition=Partition.EVAL)
        again = ensure_prompt(session, "2 + 2", source="play")
    assert (again.partition, again.task) == (Partition.EVAL, "add")


@pytest.mark.parametrize("hidden_by", ["an import", "a person"])
def test_a_hidden_prompt_that_is_asked_again_is_shown_and_the_changes_say_by_whom(
    database: Database, hidden_by: str
) -> None:
    with database.write() as session:
        first = ensure_prompt(session, "2 + 2", source="play", by="Ada")
        assert not browsing.changes(session, DataKind.PROMPT, first.id)
        if hidden_by == "a person":
            corrections.delete(session, DataKind.PROMPT, first.id, "Ada")
        else:
            brought = imports.begin(session, "a", "a.jsonl", "trl", n_records=1)
            first.import_id = brought.id
    with database.read() as session:
        before = log_position.other_changes(session)
    for _ in range(2):
        with database.write() as session:
            ensure_prompt(session, "2 + 2", source="play", by="Bea")
    with database.read() as session:
        assert session.scalar(select(Prompt.id).where(Prompt.is_shown())) == first.id
        assert log_position.other_changes(session) != before, "those who keep counts notice it"
        newest, *earlier = browsing.changes(session, DataKind.PROMPT, first.id)
    assert (newest.kind, newest.by) == (ChangeKind.RESTORED, "Bea")
    assert [one.kind for one in earlier] == [ChangeKind.DELETED] * (hidden_by == "a person")


def test_many_who_ask_at_once_share_one_row(database: Database) -> None:
    other = open_database(database.url)

    def ask(number: int) -> int:
        with (database if number % 2 else other).write() as session:
            return ensure_prompt(session, "2 + 2", source="play").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(16)))) == 1
    with database.read() as session:
        assert session.scalar(select(func.count(Prompt.id))) == 1
    other.dispose()
