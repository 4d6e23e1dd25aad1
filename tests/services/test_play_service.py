"""What is written is stored, round by round, and stays whatever happens to the run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from db.content import rounds
from db.models import Prompt, RunState
from db.storage.errors import DiskFull
from ptrapp.core.errors import ContextTooLong, EngineUnavailable, InputError, NotFound, TooMuch
from ptrapp.core.thoughts import GENERIC, Thinking
from ptrapp.core.types import Sampling
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import compare, play, run_executor, shares
from ptrapp.services.play import Mode


def long_answer(request: Request) -> str:
    """More than a few pages of the database file hold."""
    return f"<T> secret.<R> round {len(request.messages) // 2 + 1} " + f"{'w' * 400} " * 100


def test_refine_stores_a_chain(world: Any) -> None:
    run = world.play(n=3, reference_answer="3")
    assert run.state is RunState.DONE
    assert [row.index for row in run.rounds] == [0, 1, 2]
    assert [row.parent_id for row in run.rounds] == [None, run.rounds[0].id, run.rounds[1].id]
    assert [row.response for row in run.rounds] == [f"The answer is {n}." for n in (1, 2, 3)]
    assert [row.correct for row in run.rounds] == [False, False, True]
    assert len({row.seed for row in run.rounds}) == 3
    assert not world.context.live


def test_sample_stores_siblings(world: Any) -> None:
    run = world.play(mode=Mode.SAMPLE, n=4, sampling=Sampling(seed=7))
    assert [row.candidate for row in run.rounds] == [0, 1, 2, 3]
    assert [row.seed for row in run.rounds] == [7, 8, 9, 10]
    assert {row.parent_id for row in run.rounds} == {None}


def test_rounds_are_stored_one_by_one(world: Any, gate: Any) -> None:
    world.open(gate)
    run_id = world.begin(n=2)
    assert gate.reached.wait(5)
    assert [row.response for row in world.stored(run_id).rounds] == ["The answer is 1."]
    gate.open.set()
    assert len(world.end(run_id).rounds) == 2


def test_stop_keeps_the_finished_rounds(world: Any, gate: Any) -> None:
    world.open(gate)
    run_id = world.begin(n=3)
    assert gate.reached.wait(5)
    play.stop(world.context, run_id)
    gate.open.set()
    run = world.end(run_id)
    assert run.state is RunState.STOPPED
    assert run.message == "Stopped; what was finished is kept."
    assert [row.index for row in run.rounds] == [0]
    assert [cell.response for cell in world.board(run_id).cells] == ["The answer is 1."]
    play.stop(world.context, run_id)


def test_a_failing_round_leaves_the_one_before(world: Any) -> None:
    failure = EngineUnavailable("The model is gone. Start the app again.")
    world.open(engine=ScriptedEngine(["<T> a<R> The answer is 1."], failures={1: failure}))
    run = world.play(n=3)
    assert run.state is RunState.FAILED
    assert run.message == str(failure)
    assert len(run.rounds) == 1
    board = world.board(run.id)
    assert board.message == str(failure)
    assert [cell.response for cell in board.cells] == ["The answer is 1."]


def test_a_later_round_that_outgrows_the_context_ends_the_run_in_words(world: Any) -> None:
    script = ["<T> " + "word " * 30 + "<R> The answer is 1."]
    world.open(engine=ScriptedEngine(script, context_length=40))
    run = world.play(n=3)
    assert run.state is RunState.FAILED
    assert "tokens long" in run.message
    assert len(run.rounds) == 1


def test_one_failing_candidate_leaves_the_others(world: Any) -> None:
    failure = EngineUnavailable("No answer. Try again.")
    world.open(engine=ScriptedEngine(["<R> 4", "<R> 5", "<R> 6"], failures={1: failure}))
    run = world.play(mode=Mode.SAMPLE, n=3, thinking=Thinking.NEVER)
    assert [row.candidate for row in run.rounds] == [0, 2]
    assert (run.state, run.message) == (RunState.FAILED, str(failure))


def test_a_full_disk_mid_run_keeps_the_text_on_the_board(world: Any) -> None:
    def script(request: Request) -> str:
        if len(request.messages) == 3:
            world.fill_disk()
        return long_answer(request)

    world.open(script)
    run = world.play(n=2, thinking=Thinking.NEVER)
    assert [row.index for row in run.rounds] == [0]
    board = world.board(run.id)
    assert board.state == "failed"
    assert "could not be stored" in board.message
    assert "make room" in board.message
    assert [cell.state for cell in board.cells] == ["stored", "stopped"]
    assert board.cells[1].response.startswith("round 2 www")
    with pytest.raises(DiskFull, match="nothing of this change was stored"):
        world.begin("w" * 15_000)
    world.make_room()
    assert world.play(n=1).state is RunState.DONE


def test_the_end_of_a_run_is_stored_once_the_database_answers_again(
    world: Any, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_executor, "AGAIN_S", 0.05)
    world.open(gate)
    of_person = world.context.settings.runs_per_person
    run_ids = [world.begin(n=2) for _ in range(of_person)]
    fails = True
    write = world.database.write

    @contextmanager
    def failing(*given: Any, **named: Any) -> Iterator[Any]:
        if fails and named.get("background"):
            raise DiskFull("The disk is full.")
        with write(*given, **named) as session:
            yield session

    monkeypatch.setattr(world.database, "write", failing)
    gate.open.set()
    for run_id in run_ids:
        assert world.context.live[run_id].ended.wait(5)
    assert world.board(run_ids[0]).state == "stopped", "what is not stored is on the page"
    assert world.begin(n=1) not in run_ids, "who waits for nothing has a place"
    fails = False
    until = time.monotonic() + 10
    while any(world.stored(run_id).state is RunState.RUNNING for run_id in run_ids):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert "could not be stored" in world.stored(run_ids[0]).message


def test_a_new_start_ends_what_a_dead_process_left_running(world: Any, gate: Any) -> None:
    world.open(gate)
    run_id = world.begin(n=2)
    assert gate.reached.wait(5)
    before = world.context
    world.open()
    with world.database.write() as session:
        assert rounds.abandon_runs(session) == 1
    board = world.board(run_id)
    assert (board.state, len(board.cells)) == ("stopped", 1)
    assert "finished before are kept" in board.message
    gate.open.set()
    before.live[run_id].ended.wait(5)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"prompt": ""}, "The prompt is empty"),
        ({"prompt": " \n\t"}, "The prompt is empty"),
        ({"prompt": "x" * 20_001}, "20,001 characters; the limit is 20,000"),
        ({"prompt": "a\x00b"}, "cannot be stored"),
        ({"prompt": "a\ud800b"}, "cannot be stored"),
        ({"prompt": "a", "reference_answer": "\x00"}, "reference answer"),
        ({"prompt": "a", "n": 0}, "choose 1 to 5"),
        ({"prompt": "a", "n": 6}, "choose 1 to 5"),
        ({"prompt": "a", "n": 1, "mode": Mode.SAMPLE}, "choose 2 to 8"),
        ({"prompt": "a", "n": 9, "mode": Mode.SAMPLE}, "choose 2 to 8"),
        ({"prompt": "a", "sampling": Sampling(temperature=-0.1)}, "temperature"),
        ({"prompt": "a", "sampling": Sampling(temperature=float("nan"))}, "temperature"),
        ({"prompt": "a", "sampling": Sampling(top_p=0)}, "top-p"),
        ({"prompt": "a", "sampling": Sampling(max_tokens=0)}, "max tokens"),
        ({"prompt": "a", "sampling": Sampling(seed=-1)}, "seed"),
        ({"prompt": "a", "sampling": Sampling(seed=2**63)}, "seed"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(
    world: Any, asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        world.begin(**asked)
    assert world.count("runs") == world.count("prompts") == 0


def test_a_prompt_longer_than_the_context_is_refused(world: Any) -> None:
    with pytest.raises(ContextTooLong, match="Shorten it"):
        world.begin("word " * 2_000)
    assert world.count("runs") == 0


def test_more_runs_than_can_be_written_are_refused(
    world: Any, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MAX_LIVE_RUNS", 1)
    world.open(gate)
    run_id = world.begin(n=2)
    with pytest.raises(TooMuch, match="try again in a moment"):
        world.begin()
    gate.open.set()
    world.end(run_id)
    assert world.play(n=1).state is RunState.DONE


def test_an_unknown_run_is_not_found(world: Any) -> None:
    for act in (play.stop, play.load):
        with pytest.raises(NotFound, match="no run 7"):
            act(world.context, 7)
    with pytest.raises(NotFound, match="no run 7"):
        compare.watch_thought(world.context, "Ada", 7, 0, 0)


def test_the_same_question_is_one_prompt(world: Any) -> None:
    world.play("  What is 2 + 2? ", n=1)
    world.play("What is 2 + 2?", n=1)
    with world.database.read() as session:
        assert [row.text for row in session.scalars(select(Prompt))] == ["What is 2 + 2?"]
    assert play.last_run_id(world.context, "Ada") == 2
    assert play.last_run_id(world.context, "Bob") is None


def test_a_system_message_and_an_instruction_reach_the_model_and_stay_with_the_run(
    world: Any,
) -> None:
    run = world.play(n=2, system=" Be brief. ", refine_instruction="Mend it.")
    first, second = world.engine.requests
    assert [one.content for one in first.messages] == ["Be brief.", "What is 1 + 1?"]
    assert second.messages[0].content == "Be brief."
    assert second.messages[-1].content == "Mend it."
    assert run.prompt.system == "Be brief."
    assert run.settings["refine_instruction"] == "Mend it."


@pytest.mark.parametrize(
    ("asked", "mistake"),
    [
        ({"refine_instruction": " "}, "refine instruction is empty"),
        ({"system": "x" * 100_000}, "system message has 100,000 characters"),
        ({"sampling": Sampling(max_thought_tokens=0)}, "max thought tokens is 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(world: Any, asked: dict[str, Any], mistake: str) -> None:
    with pytest.raises(InputError, match=mistake):
        world.begin(**asked)


@pytest.mark.parametrize(
    ("followed", "thinking"),
    [(True, Thinking.ALWAYS), (False, Thinking.NEVER), (None, Thinking.ALWAYS)],
)
def test_a_model_that_does_not_follow_the_format_refines_without_thoughts(
    world: Any, followed: bool | None, thinking: Thinking
) -> None:
    fmt = replace(GENERIC, followed=followed)
    context = world.open(engine=ScriptedEngine(["It is 2."], thought_format=fmt))
    assert play.default_thinking(context) is thinking
