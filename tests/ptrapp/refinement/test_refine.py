from dataclasses import replace

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryOptions
from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, MessageRole, Sampling, Turn
from ptrapp.engines.base import Finished, Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.refinement.loop import (
    RoundDelta,
    RoundFailed,
    RoundFinished,
    RoundStarted,
    refine,
    refine_many,
    sample,
)
from ptrapp.refinement.options import RefineOptions

ALWAYS = RefineOptions(Thinking.ALWAYS, Sampling(), BASE)


def counting(request: Request) -> str:
    n_rounds = sum(message.role is MessageRole.ASSISTANT for message in request.messages)
    return f"<T> thought {n_rounds}<R> answer {n_rounds}"


def test_rounds_come_in_order_and_each_one_sees_those_before() -> None:
    engine = ScriptedEngine(counting)
    events = list(refine(engine, "q", 3, ALWAYS))
    marks = [(type(event), event.index) for event in events if not isinstance(event, RoundDelta)]
    assert marks == [(kind, index) for index in range(3) for kind in (RoundStarted, RoundFinished)]
    contents = [message.content for message in engine.requests[-1].messages]
    assert contents == [
        "q", "<T> thought 0<R> answer 0", REFINE_INSTRUCTION,
        "<T> thought 1<R> answer 1", REFINE_INSTRUCTION,
    ]  # fmt: skip


def test_every_round_has_its_own_seed_and_the_same_one_next_time() -> None:
    engine = ScriptedEngine(counting)
    for _ in range(2):
        list(refine(engine, "q", 3, RefineOptions(Thinking.NEVER, Sampling(seed=5), BASE)))
    seeds = [request.sampling.seed for request in engine.requests]
    assert seeds[:3] == seeds[3:]
    assert seeds[0] == 5
    assert len(set(seeds)) == 3


def test_thinking_later_asks_for_a_direct_first_round() -> None:
    engine = ScriptedEngine(counting)
    list(refine(engine, "q", 3, replace(ALWAYS, thinking=Thinking.LATER)))
    assert [request.thinking for request in engine.requests] == [False, True, True]


def test_a_failed_round_ends_the_loop_and_earlier_rounds_stay() -> None:
    engine = ScriptedEngine(counting, failures={1: EngineUnavailable("gone")})
    events = list(refine(engine, "q", 3, ALWAYS))
    assert [event.index for event in events if isinstance(event, RoundFinished)] == [0]
    assert isinstance(events[-1], RoundFailed)
    assert events[-1].index == 1
    assert len(engine.requests) == 2


def test_stopping_in_mid_round_keeps_the_finished_ones() -> None:
    engine = ScriptedEngine(counting, word_s=0.001)
    events = refine(engine, "q", 3, ALWAYS)
    finished = []
    for event in events:
        if isinstance(event, RoundFinished):
            finished.append(event.completion.split.response)
        if isinstance(event, RoundDelta) and event.index == 1:
            events.close()
    assert finished == ["answer 0"]
    assert len(engine.requests) == 2


def test_a_history_is_continued() -> None:
    engine = ScriptedEngine(counting)
    earlier = [Turn("t", "r", "<T> t<R> r")]
    blind = replace(ALWAYS, history=HistoryOptions(keep_thoughts=False))
    events = list(refine(engine, "q", 1, blind, earlier))
    assert events[-1].index == 1
    assert engine.requests[0].messages[1].content == "<R> r"


def test_many_prompts_are_refined_a_round_at_a_time_and_fail_alone() -> None:
    engine = ScriptedEngine(counting, failures={1: EngineUnavailable("gone")})
    outcomes = refine_many(engine, ["a", "b", "c"], 2, ALWAYS)
    assert [[type(one) for one in row] for row in outcomes] == [
        [Completion, Completion], [EngineUnavailable], [Completion, Completion],
    ]  # fmt: skip
    assert [request.messages[0].content for request in engine.requests] == ["a", "b", "c", "a", "c"]


def test_candidates_draw_from_neighbouring_seeds() -> None:
    engine = ScriptedEngine(counting)
    events = list(sample(engine, "q", 4, replace(ALWAYS, sampling=Sampling(seed=10))))
    assert [request.sampling.seed for request in engine.requests] == [10, 11, 12, 13]
    assert sorted(event.index for event in events if isinstance(event, Finished)) == [0, 1, 2, 3]
