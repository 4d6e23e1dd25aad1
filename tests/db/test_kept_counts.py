"""Numbers of stored rows equal a fresh count, and what was counted is not counted again."""

import time
from dataclasses import replace

import pytest
from small_world import World, new_round
from sqlalchemy import update

from db.content import prompts, rounds, sources
from db.content.sources import SourceCounts
from db.labelling import comparisons, corrections, log_position
from db.models import Aspect, Import, ImportState, Outcome, Prompt, RunMode
from db.models.imports import DataKind
from db.storage.session import Database, Session
from ptrapp.services.kept_counts import Count, KeptCounts, KeptRefined, StoredData

LONGEST_S = 60.0
"""On PostgreSQL a row is final at a reading after all transactions of the server that had begun
before it, and other tests have databases there."""


@pytest.fixture(autouse=True)
def no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions alone decide what is final: a test does not wait for seconds to pass."""
    monkeypatch.setattr(log_position, "MARGIN_S", 0.0)
    monkeypatch.setattr(log_position, "_MARK_EVERY_S", 0.0)


def read(database: Database, kept: KeptCounts) -> StoredData:
    with database.read() as session:
        return kept.current(session)


def recount(database: Database) -> StoredData:
    return read(database, KeptCounts())


def another_run(world: World, text: str = "Another?", source: str = "play") -> int:
    """Stores two rounds of a prompt and their comparison; returns the prompt's id."""
    with world.database.write() as session:
        prompt = prompts.ensure_prompt(session, text, source=source)
        run = rounds.start_run(session, prompt.id, RunMode.SAMPLE, {})
        left, right = (
            rounds.add_round(session, run.id, new_round(candidate=n)).id for n in range(2)
        )
        comparisons.ensure_comparison(session, left, right, Aspect.RESPONSE)
        return prompt.id


def test_rows_that_come_are_counted(world: World) -> None:
    kept = KeptCounts()
    (before,) = read(world.database, kept).sources
    assert (before.n_prompts, before.n_rounds, before.n_comparisons, before.n_votes) == (1, 3, 1, 0)
    another_run(world)
    another_run(world, "A third?", source="generated")
    world.vote()
    world.vote(Outcome.TIE)
    world.vote(rater_id=world.judge_id)
    found = read(world.database, kept)
    assert found == recount(world.database)
    assert found.n_votes == {"human": 2, "judge": 1}
    assert [tuple(row) for row in found.sources] == [
        ("play", 2, 5, 2, 3),
        ("generated", 1, 2, 1, 0),
    ]


def test_what_was_counted_is_not_counted_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Data page is opened often, and the log is long."""
    asked: list[tuple[str, int]] = []

    def spied(name: str) -> Count:
        count: Count = getattr(sources, name)

        def counted(session: Session, after: int, final: int) -> SourceCounts:
            asked.append((name, after))
            return count(session, after, final)

        return counted

    for name in ("count_rounds", "count_comparisons", "count_votes"):
        monkeypatch.setattr(sources, name, spied(name))
    kept = KeptCounts()
    n_voted, until = 0, time.monotonic() + LONGEST_S
    while not asked or (not all(after for _, after in asked) and time.monotonic() < until):
        world.vote()
        n_voted += 1
        asked.clear()
        read(world.database, kept)
    after = dict(asked)
    assert len(after) == len(asked) == 3
    assert all(after.values()), asked
    with world.database.read() as session:
        for name, row_id in after.items():
            found = getattr(sources, name)(session, row_id, 2**31 - 1)
            n_before = n_voted - 1 if name == "count_votes" else 0
            assert found.final.total() <= n_before, "only what is above is counted"


@pytest.mark.parametrize("kind", [DataKind.PROMPT, DataKind.RUN, DataKind.PAIR])
def test_what_is_deleted_and_restored_is_noticed(world: World, kind: DataKind) -> None:
    kept = KeptCounts()
    world.vote()
    before = read(world.database, kept)
    row_id = {
        DataKind.PROMPT: world.prompt_id,
        DataKind.RUN: world.run_id,
        DataKind.PAIR: world.comparison_id,
    }[kind]
    with world.database.write() as session:
        corrections.delete(session, kind, row_id, "ann")
    assert read(world.database, kept) == recount(world.database)
    assert read(world.database, kept) != before
    with world.database.write() as session:
        corrections.restore(session, kind, row_id, "ann")
    assert read(world.database, kept) == before


def test_a_deleted_prompt_that_is_asked_again_is_counted_again(world: World) -> None:
    kept = KeptCounts()
    world.vote()
    with world.database.write() as session:
        corrections.delete(session, DataKind.PROMPT, world.prompt_id, "ann")
    assert read(world.database, kept).sources == []
    with world.database.write() as session:
        text = session.get_one(Prompt, world.prompt_id).text
        prompts.ensure_prompt(session, text, source="play")
    assert read(world.database, kept) == recount(world.database)
    assert [row.n_prompts for row in read(world.database, kept).sources] == [1]


def test_an_import_that_is_undone_is_noticed(world: World) -> None:
    kept = KeptCounts()
    with world.database.write() as session:
        brought = Import(name="a", file="a.jsonl", format="trl", state=ImportState.RUNNING)
        session.add(brought)
        session.flush()
        import_id = brought.id
    prompt_id = another_run(world, "Brought?", source="import:a")
    with world.database.write() as session:
        own = update(Prompt).where(Prompt.id == prompt_id)
        session.execute(own.values(import_id=import_id))
    for state in (ImportState.RUNNING, ImportState.DONE, ImportState.UNDONE):
        with world.database.write() as session:
            session.get_one(Import, import_id).state = state
        found = read(world.database, kept)
        assert found == recount(world.database)
        assert ("import:a" in [row.source for row in found.sources]) == (state is ImportState.DONE)


@pytest.mark.postgres
def test_a_row_committed_after_a_later_one_is_counted_once(world: World) -> None:
    if "postgresql" not in world.database.url:
        pytest.skip("SQLite has one writer: rows are committed in the order of their ids")
    kept = KeptCounts()
    with world.database.write() as slow:
        run = rounds.start_run(slow, world.prompt_id, RunMode.SAMPLE, {})
        rounds.add_round(slow, run.id, new_round())
        another_run(world)
        for _ in range(3):
            assert read(world.database, kept).sources[0].n_rounds == 5
    for _ in range(3):
        assert read(world.database, kept) == recount(world.database)
    assert read(world.database, kept).sources[0].n_rounds == 6


def refined(database: Database, kept: KeptRefined) -> int:
    with database.read() as session:
        return kept.current(session)


def refined_run(world: World) -> int:
    """Stores a wrong first and a right second answer to the world's prompt; returns the run."""
    with world.database.write() as session:
        run = rounds.start_run(session, world.prompt_id, RunMode.REFINE, {})
        first = rounds.add_round(session, run.id, replace(new_round(), correct=False))
        second = new_round(index=1, parent_id=first.id)
        rounds.add_round(session, run.id, replace(second, correct=True))
        return run.id


def test_rounds_worth_imitating_are_counted_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    after: list[int] = []
    count = sources.count_refined

    def watched(session: Session, since: int, final: int) -> SourceCounts:
        after.append(since)
        return count(session, since, final)

    monkeypatch.setattr(sources, "count_refined", watched)
    kept = KeptRefined()
    before = refined(world.database, kept)
    run_id = refined_run(world)
    assert refined(world.database, kept) == before + 1
    if "postgresql" not in world.database.url:
        assert after[0] == 0 < after[1]
    with world.database.write() as session:
        corrections.delete(session, DataKind.RUN, run_id, "ann")
    assert refined(world.database, kept) == before
    with world.database.write() as session:
        corrections.restore(session, DataKind.RUN, run_id, "ann")
    assert refined(world.database, kept) == before + 1


def test_another_reference_answer_is_noticed_in_what_is_worth_imitating(world: World) -> None:
    kept = KeptRefined()
    refined_run(world)
    refined_run(world)
    assert refined(world.database, kept) == 2

    def is_one(response: str, answer: str) -> bool:
        return response == answer

    for answer, n in (("another", 0), ("Answer 1.0", 3)):  # the world has one, too
        with world.database.write() as session:
            corrections.set_answer(session, world.prompt_id, answer, "ann", is_one)
        assert refined(world.database, kept) == refined(world.database, KeptRefined()) == n
