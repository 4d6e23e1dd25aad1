"""History as one reader sees it: pages, what is covered, what is put away and comes back."""

from typing import Any

import pytest

from db.storage.errors import Missing
from ptrapp.core.errors import InputError, NotFound
from ptrapp.services import compare, history, play
from ptrapp.services.history import HistoryPage, HistoryQuery, VerdictFilter, VotedFilter


def look(world: Any, rater: str = "Ada", **wanted: Any) -> HistoryPage:
    return history.search(world.context, HistoryQuery(**wanted), rater)


def test_a_run_is_listed_with_what_became_of_it(world: Any) -> None:
    run = world.play("What is 1 + 1?", n=2, reference_answer="2")
    (row,) = look(world).rows
    assert (row.run_id, row.prompt, row.mode, row.n) == (run.id, "What is 1 + 1?", "refine", 2)
    assert row.marks == (False, True)
    assert (row.by, row.mine, row.versions, row.n_votes) == ("Ada", True, ("base",), 0)
    (of_another,) = look(world, "Bob").rows
    assert not of_another.mine
    assert look(world, "Bob", mine=True).n_runs == 0


def test_marks_are_covered_while_the_reader_compares(world: Any) -> None:
    run = world.play(n=2, reference_answer="2")
    key = compare.open_pair(world.context, "Ada", *(row.id for row in run.rounds))
    (row,) = look(world).rows
    assert row.marks == (None, None)
    assert look(world, verdict=VerdictFilter.RIGHT).n_runs == 0
    assert look(world, "Bob", verdict=VerdictFilter.RIGHT).rows[0].marks == (False, True)

    compare.vote(world.context, "Ada", key, "right")
    (row,) = look(world, voted=VotedFilter.YES).rows
    assert row.marks == (False, True)
    assert row.n_votes == 1


def test_no_thought_is_searched_or_listed(world: Any) -> None:
    world.play(n=2)
    assert look(world, text="secret").n_runs == 0
    assert "secret" not in repr(look(world))


def test_versions_under_comparison_are_listed_in_an_order_that_tells_nothing(world: Any) -> None:
    run_id = world.begin(mode=play.Mode.SAMPLE, n=2)
    world.end(run_id)
    assert look(world, version="base").n_runs == 1
    with pytest.raises(NotFound, match="no version nobody"):
        look(world, version="nobody")


def test_a_page_past_the_end_is_the_last_one(world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(history, "PER_PAGE", 2)
    runs = [world.play(f"What is {n} + 1?", n=1).id for n in range(3)]
    first, last = look(world), look(world, page=9)
    assert (first.n_pages, first.n_runs, last.page) == (2, 3, 2)
    assert [row.run_id for page in (first, last) for row in page.rows] == runs[::-1]


def test_a_run_is_starred_and_named_and_its_board_says_so(world: Any) -> None:
    run = world.play(n=1)
    history.describe(world.context, run.id, title="  A \n sum ", starred=True)
    board = world.board(run.id)
    assert (board.title, board.starred, board.is_kept) == ("A sum", True, True)
    assert look(world, starred=True, text="a SUM").rows[0].title == "A sum"
    history.describe(world.context, run.id, title="")
    assert (world.board(run.id).title, world.board(run.id).starred) == ("", True)
    with pytest.raises(InputError, match="at most 120"):
        history.describe(world.context, run.id, title="x" * 121)


def test_a_deleted_run_is_on_no_page_until_it_is_restored(world: Any) -> None:
    run = world.play(n=2)
    history.delete(world.context, run.id)
    assert look(world).n_runs == 0
    assert look(world, deleted=True).rows[0].deleted
    assert play.last_run_id(world.context, "Ada") is None
    with pytest.raises(NotFound, match="was deleted"):
        world.board(run.id)
    history.restore(world.context, run.id)
    assert world.board(run.id).run_id == run.id
    assert play.last_run_id(world.context, "Ada") == run.id


def test_what_is_no_person_s_run_is_not_changed(world: Any) -> None:
    for change in (history.delete, history.restore):
        with pytest.raises(Missing):
            change(world.context, 77)
