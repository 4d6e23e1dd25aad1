"""PTR's choices at inference: which earlier rounds are shown, and when the loop may end early."""

import json
from collections.abc import Sequence
from dataclasses import replace

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode, HistoryOptions
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, MessageRole, Sampling, Turn
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.refinement.loop import RoundFinished, is_unchanged, refine, refine_many, sample
from ptrapp.refinement.options import RefineOptions

DIRECT = RefineOptions(Thinking.NEVER, Sampling(), BASE)
LAST_ALONE = replace(DIRECT, history=HistoryOptions(history_mode=HistoryMode.LAST))


def by_question(request: Request) -> str:
    """The question "steady" is answered alike from the second round on, "moving" never."""
    n_rounds = sum(message.role is MessageRole.ASSISTANT for message in request.messages)
    steady = request.messages[0].content == "steady"
    return f"<R> answer {min(n_rounds, 1) if steady else n_rounds}"


def contents(request: Request) -> list[str]:
    return [message.content for message in request.messages]


def responses(engine: ScriptedEngine, prompt: str, options: RefineOptions) -> list[str]:
    events = refine(engine, prompt, 5, options)
    return [event.completion.split.response for event in events if isinstance(event, RoundFinished)]


def turns(*responses: str) -> Sequence[Turn]:
    return [Turn("", response, response) for response in responses]


def test_the_last_answer_alone_is_shown_in_every_way_of_asking() -> None:
    earlier = turns("one", "two")
    engine = ScriptedEngine(["<R> three"])

    list(refine(engine, "q", 1, LAST_ALONE, earlier))
    refine_many(engine, ["q"], 1, LAST_ALONE, [earlier])
    list(sample(engine, "q", 1, LAST_ALONE, earlier))

    assert [contents(request) for request in engine.requests] == [
        ["q", "two", REFINE_INSTRUCTION]
    ] * 3


def test_the_last_answer_alone_keeps_the_context_from_growing() -> None:
    engine = ScriptedEngine(["<R> one", "<R> two", "<R> three", "<R> four"])
    outcomes = refine_many(engine, ["q"], 4, LAST_ALONE)
    assert len(outcomes[0]) == 4
    assert [len(request.messages) for request in engine.requests] == [1, 3, 3, 3]
    assert contents(engine.requests[-1])[1] == "<R> three"


def test_an_unchanged_answer_ends_the_loop_when_asked_to() -> None:
    ending = replace(DIRECT, stop_unchanged=True)
    assert responses(ScriptedEngine(by_question), "steady", ending) == [
        "answer 0", "answer 1", "answer 1",
    ]  # fmt: skip
    assert len(responses(ScriptedEngine(by_question), "moving", ending)) == 5
    assert len(responses(ScriptedEngine(by_question), "steady", DIRECT)) == 5


def test_of_many_prompts_each_ends_by_itself() -> None:
    engine = ScriptedEngine(by_question)
    ending = replace(DIRECT, stop_unchanged=True)
    outcomes = refine_many(engine, ["steady", "moving"], 5, ending)
    assert [len(rounds) for rounds in outcomes] == [3, 5]
    assert all(isinstance(round_, Completion) for rounds in outcomes for round_ in rounds)
    assert len(engine.requests) == 8


def test_white_space_is_no_change_and_nothing_is_no_answer() -> None:
    assert is_unchanged(turns("so  it is\n", "so it is"))
    assert not is_unchanged(turns("so it is", "so it was"))
    assert not is_unchanged(turns("", ""))
    assert not is_unchanged(turns("alone"))


def test_settings_of_a_run_say_again_what_a_later_round_was_shown() -> None:
    options = HistoryOptions("Once more.", keep_thoughts=False, history_mode=HistoryMode.LAST)
    stored = json.loads(json.dumps({"n": 3} | options.as_settings()))
    assert stored == {
        "n": 3, "refine_instruction": "Once more.", "keep_thoughts": False, "history_mode": "last",
    }  # fmt: skip
    assert HistoryOptions.from_settings(stored) == options


def test_an_old_run_without_these_settings_was_shown_everything() -> None:
    assert HistoryOptions.from_settings({"n": 3, "thinking": "later"}) == HistoryOptions(
        REFINE_INSTRUCTION, keep_thoughts=True, history_mode=HistoryMode.FULL
    )


def test_every_run_keeps_when_it_thought_and_how_it_was_drawn() -> None:
    options = RefineOptions(Thinking.LATER, Sampling(0.5, 0.9, 64, 7, ("\n",)), BASE)
    assert json.loads(json.dumps(options.as_settings())) == {
        "thinking": "later",
        "sampling": {
            "temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "seed": 7, "stop": ["\n"],
            "max_thought_tokens": 256,
        },
    }  # fmt: skip
