"""A board holds a thought only when this rater opened it and may see it now."""

import json
import threading
import time
from typing import Any

import pytest
from pydantic import TypeAdapter
from statements import executed

from db.labelling import corrections
from db.models import Import, ImportState, Outcome, Round, Run
from db.storage.errors import Conflict
from ptrapp.core.errors import NotFound
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import compare, history, outlook, play, run_looks
from ptrapp.services.board import Board, BoardCell
from ptrapp.services.context import AppContext


def text_of(board: Board) -> str:
    return json.dumps(board.as_json())


def thoughts_of(board: Board) -> list[str | None]:
    return [cell.thought for cell in board.cells]


def first_words(world: Any, run_id: int) -> BoardCell:
    """The first cell, as soon as a word is written in it after the marker."""
    deadline = time.monotonic() + 5
    while (cell := world.board(run_id).cells[0]).n_tokens < 2:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return cell


def test_a_thought_that_was_not_opened_is_not_on_the_board(world: Any) -> None:
    run = world.play(n=3)
    board = world.board(run.id)
    assert "secret" not in text_of(board)
    assert all(cell.thinking and cell.n_thought_tokens for cell in board.cells)


def test_a_stored_response_with_markdown_is_drawn(world: Any) -> None:
    run = world.play(n=2)
    with world.database.write() as session:
        first, second = (session.get_one(Round, row.id) for row in run.rounds)
        first.response, second.response = "**No** <script>", "Yes."
    drawn, plain = (cell.html for cell in world.board(run.id).cells)
    assert drawn == "<p><strong>No</strong> &lt;script&gt;</p>\n"
    assert plain == "", "the response itself is all there is to draw"


def test_an_opened_thought_is_on_the_board_of_who_opened_it(world: Any) -> None:
    run = world.play(n=2)
    opened = compare.open_thought(world.context, "Ada", run.rounds[1].id)
    assert opened.text.startswith("secret of round 2")
    assert thoughts_of(world.board(run.id)) == [None, opened.text]
    assert "secret" not in text_of(world.board(run.id, "Bob"))


def test_thoughts_under_comparison_are_hidden_until_the_vote(world: Any) -> None:
    run = world.play(n=3)
    first, second, third = (row.id for row in run.rounds)
    compare.open_thought(world.context, "Ada", first)
    key = compare.open_pair(world.context, "Ada", first, second)
    assert "secret" not in text_of(world.board(run.id))
    compare.open_thought(world.context, "Ada", third)
    shown = thoughts_of(world.board(run.id))
    assert shown[:2] == [None, None]
    assert shown[2]

    compare.vote(world.context, "Ada", key, "left")
    board = world.board(run.id)
    assert all(thoughts_of(board))
    assert [(offered.outcome, offered.blind) for offered in board.comparisons] == [("left", False)]


def test_a_vote_does_not_open_a_round_that_is_in_another_open_pair(world: Any) -> None:
    run = world.play(mode=play.Mode.SAMPLE, n=3)
    first, second, third = (row.id for row in run.rounds)
    key = compare.open_pair(world.context, "Ada", first, second)
    other = compare.open_pair(world.context, "Ada", second, third)
    opened, _ = compare.vote(world.context, "Ada", key, "tie")
    assert [thought.round_id for thought in opened] == [first]
    assert [bool(thought) for thought in thoughts_of(world.board(run.id))] == [True, False, False]
    compare.vote(world.context, "Ada", other, "tie")
    board = world.board(run.id)
    assert all(thoughts_of(board))
    assert [offered.blind for offered in board.comparisons] == [True, True]


def test_a_dismissed_pair_hides_nothing(world: Any) -> None:
    run = world.play(n=2)
    first, second = (row.id for row in run.rounds)
    compare.open_thought(world.context, "Ada", first)
    key = compare.open_pair(world.context, "Ada", first, second)
    compare.dismiss(world.context, "Ada", key)
    board = world.board(run.id)
    assert [bool(thought) for thought in thoughts_of(board)] == [True, False]
    assert not board.comparisons


def test_the_sides_are_those_of_the_screen(world: Any) -> None:
    run = world.play(n=2)
    first, second = (row.id for row in run.rounds)
    key = compare.open_pair(world.context, "Ada", second, first)
    compare.vote(world.context, "Ada", key, "left")
    (offered,) = world.board(run.id).comparisons
    assert (offered.left, offered.right, offered.outcome) == (second, first, "left")
    with world.database.read() as session:
        stored = session.connection().exec_driver_sql("SELECT outcome FROM votes").scalar_one()
    assert stored == Outcome.RIGHT


def test_a_thought_being_written_is_shown_to_who_watches_only(world: Any) -> None:
    long_thought = "<T> " + "secret " * 400 + "<R> The answer is 1."
    world.open(engine=ScriptedEngine([long_thought], word_s=0.01))
    run_id = world.begin(n=1)
    cell = first_words(world, run_id)
    assert (cell.state, cell.thought, cell.response) == ("writing", None, "")
    compare.watch_thought(world.context, "Ada", run_id, 0, 0)
    assert "secret" in (world.board(run_id).cells[0].thought or "")
    assert "secret" not in text_of(world.board(run_id, "Bob"))
    play.stop(world.context, run_id)
    world.end(run_id)


def test_a_look_at_a_run_that_nobody_compared_is_a_handful_of_statements(world: Any) -> None:
    run = world.play(n=3)
    world.board(run.id)
    with executed() as said:
        world.board(run.id)
    assert len(said) <= 4, said


def test_a_run_in_progress_is_not_read_again_until_something_of_it_changes(
    world: Any, gate: Any
) -> None:
    """Every page that shows a run looks at it several times a second while it is written."""
    world.open(gate)
    run_id = world.begin(n=2)
    assert gate.reached.wait(5)
    world.board(run_id)
    with executed() as said:
        board = world.board(run_id)
    assert len(said) == 2, "one look, and what was revealed to this rater"
    assert not any("rounds.response" in one for one in said), said
    assert board == world.board(run_id)
    gate.open.set()
    world.end(run_id)


def test_a_run_in_progress_is_read_again_when_anything_of_it_changes(world: Any, gate: Any) -> None:
    world.open(gate)
    run_id = world.begin(n=2, reference_answer="1")
    assert gate.reached.wait(5)
    assert world.board(run_id).cells[0].correct is True
    history.describe(world.context, run_id, title="A name", starred=True)
    assert (world.board(run_id).title, world.board(run_id).starred) == ("A name", True)
    with world.database.write() as session:
        prompt = session.get_one(Run, run_id).prompt
        corrections.set_answer(session, prompt.id, "7", "ann", lambda *_: False)
    board = world.board(run_id)
    assert (board.reference_answer, board.cells[0].correct) == ("7", False)
    history.delete(world.context, run_id)
    with pytest.raises(NotFound, match="deleted"):
        world.board(run_id)
    history.restore(world.context, run_id)
    gate.open.set()
    world.end(run_id)
    board = world.board(run_id)
    assert ([cell.state for cell in board.cells], board.state) == (["stored"] * 2, "done")


@pytest.mark.filterwarnings("error")
def test_the_json_of_a_board_says_what_its_values_say(world: Any) -> None:
    run = world.play(n=3, reference_answer="2")
    first, second, third = (row.id for row in run.rounds)
    compare.open_thought(world.context, "Ada", third)
    key = compare.open_pair(world.context, "Ada", first, second)
    compare.vote(world.context, "Ada", key, "left")
    board = world.board(run.id)
    assert any(cell.diff for cell in board.cells)
    assert json.loads(TypeAdapter(Board).dump_json(board)) == json.loads(text_of(board))


def test_a_watched_thought_is_remembered_and_makes_the_vote_not_blind(
    world: Any, gate: Any
) -> None:
    world.open(gate)
    run_id = world.begin(n=2)
    assert gate.reached.wait(5)
    compare.watch_thought(world.context, "Ada", run_id, 1, 0)
    compare.watch_thought(world.context, "Ada", run_id, 0, 0)  # too late: it is stored
    for index, candidate in ((2, 0), (1, 1), (-1, 0), (10**30, 0)):
        with pytest.raises(Conflict, match="writes no round"):
            compare.watch_thought(world.context, "Ada", run_id, index, candidate)
    gate.open.set()
    run = world.end(run_id)
    assert [bool(thought) for thought in thoughts_of(world.board(run_id))] == [False, True]
    key = compare.open_pair(world.context, "Ada", *(row.id for row in run.rounds))
    compare.vote(world.context, "Ada", key, "right")
    assert [offered.blind for offered in world.board(run_id).comparisons] == [False]


def test_changes_of_correctness_and_the_diff_are_against_the_round_before(world: Any) -> None:
    def script(request: Request) -> str:
        return f"<T> secret<R> The answer is {len(request.messages) // 2 + 1}."

    world.open(script)
    board = world.board(world.play(n=3, reference_answer="2").id)
    assert [cell.flip for cell in board.cells] == [None, "fixed", "broken"]
    assert not board.cells[0].diff
    assert "secret" not in str(board.cells[1].diff)


def test_a_board_read_while_its_run_ends_is_not_the_last_one(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def held(request: Request) -> str:
        gate.wait(5)
        return "<T> secret.<R> The answer is 2."

    world.open(held)
    run_id = world.begin(n=1)
    live = world.context.live[run_id]

    def read_just_before_the_end(context: AppContext, run_id: int) -> Run:
        row = play.load(context, run_id)
        gate.set()
        assert live.ended.wait(5)
        return row

    with monkeypatch.context() as patched:
        patched.setattr(run_looks, "load", read_just_before_the_end)
        assert world.board(run_id).running
    last = world.board(run_id)
    assert (last.state, len(last.cells)) == ("done", 1)


def test_a_card_says_who_ended_the_thought(world: Any) -> None:
    world.open(["<T> a thought and no more", "<T> so<R> It is 2."])
    unfinished, whole = (world.board(world.play(n=1).id).cells[0] for _ in range(2))
    assert (unfinished.thought_end, unfinished.response) == ("turn", "")
    assert (whole.thought_end, whole.asked_again) == ("model", False)


def test_constraints_are_shown_in_words(world: Any) -> None:
    reference = 'constraints:{"keep":[{"kind":"bullets","n":3}]}'
    board = world.board(world.play(n=1, reference_answer=reference).id)
    assert board.reference_answer == reference
    assert board.reference_in_words == "has exactly 3 bullet points"
    assert (board.cells[0].correct, board.cells[0].missed) == (
        False,
        ("has exactly 3 bullet points",),
    )
    run = world.play(n=2, reference_answer=reference)
    compare.open_pair(world.context, "Ada", *(row.id for row in run.rounds))
    assert [cell.missed for cell in world.board(run.id).cells] == [(), ()], "as the marks are"


def test_marks_are_not_on_a_board_while_a_pair_of_its_run_is_open(world: Any) -> None:
    run = world.play(n=3, reference_answer="2")
    marked = [(cell.correct, cell.flip, cell.diff) for cell in world.board(run.id).cells]
    assert all(correct is not None for correct, _, _ in marked)
    assert any(diff for _, _, diff in marked)
    first, _, third = (row.id for row in run.rounds)
    key = compare.open_pair(world.context, "Ada", first, third)
    cells = world.board(run.id).cells
    assert {(cell.correct, cell.flip, len(cell.diff)) for cell in cells} == {(None, None, 0)}
    assert world.board(run.id, "Bob").cells[0].correct is not None
    compare.vote(world.context, "Ada", key, "right")
    again = [(cell.correct, cell.flip, cell.diff) for cell in world.board(run.id).cells]
    assert again == marked


def test_a_vote_counts_towards_what_the_serving_version_has_not_learnt(world: Any) -> None:
    run = world.play(n=3)
    first, second, third = (row.id for row in run.rounds)
    assert outlook.count_votes(world.context).n_new == 0
    for left, right, outcome in ((first, second, "left"), (first, third, "tie")):
        key = compare.open_pair(world.context, "Ada", left, right)
        compare.vote(world.context, "Ada", key, outcome)
    counted = outlook.count_votes(world.context)
    assert (counted.version, counted.n_new) == ("base", 1)
    assert counted.n_enough == world.context.settings.gate_min_examples


def test_a_run_of_a_file_is_nobodys_and_shows_what_was_said_before(world: Any) -> None:
    run = world.play(n=2)
    with world.database.write() as session:
        brought = Import(name="a", file="a.jsonl", format="trl", state=ImportState.DONE)
        session.add(brought)
        session.flush()
        stored = session.get_one(Run, run.id)
        stored.import_id = brought.id
        stored.prompt.context = [{"role": "user", "content": "Hello."}]
        for row in stored.rounds:
            row.author = "import"
    board = world.board(run.id)
    assert board.version == "import"
    assert [cell.version for cell in board.cells] == ["", ""], "who wrote it is told after a vote"
    assert board.context == [{"role": "user", "content": "Hello."}]
