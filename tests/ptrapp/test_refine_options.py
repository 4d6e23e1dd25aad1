"""PTR's choices at inference: which earlier rounds are shown, and when the loop may end early."""

from collections.abc import Sequence

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Completion, MessageRole, Sampling, Turn
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.refinement.loop import RoundFinished, is_unchanged, refine, refine_many, sample


def by_question(request: Request) -> str:
    """The question "steady" is answered alike from the second round on, "moving" never."""
    n_rounds = sum(message.role is MessageRole.ASSISTANT for message in request.messages)
    steady = request.messages[0].content == "steady"
    return f"<R> answer {min(n_rounds, 1) if steady else n_rounds}"


def contents(request: Request) -> list[str]:
    return [message.content for message in request.messages]


def responses(engine: ScriptedEngine, prompt: str, **options: bool) -> list[str]:
    events = refine(
        engine,
        prompt,
        rounds=5,
        thinking=Thinking.NEVER,
        sampling=Sampling(),
        policy=BASE,
        **options,
    )
    return [event.completion.split.response for event in events if isinstance(event, RoundFinished)]


def turns(*responses: str) -> Sequence[Turn]:
    return [Turn("", response, response) for response in responses]


def test_the_last_answer_alone_is_shown_in_every_way_of_asking() -> None:
    earlier = turns("one", "two")
    options = {"sampling": Sampling(), "policy": BASE, "history_mode": HistoryMode.LAST}
    engine = ScriptedEngine(["<R> three"])

    list(refine(engine, "q", rounds=1, thinking=Thinking.NEVER, history=earlier, **options))
    refine_many(engine, ["q"], rounds=1, thinking=Thinking.NEVER, histories=[earlier], **options)
    list(sample(engine, "q", 1, thinking=False, history=earlier, **options))

    assert [contents(request) for request in engine.requests] == [
        ["q", "two", REFINE_INSTRUCTION]
    ] * 3


def test_the_last_answer_alone_keeps_the_context_from_growing() -> None:
    engine = ScriptedEngine(["<R> one", "<R> two", "<R> three", "<R> four"])
    outcomes = refine_many(
        engine,
        ["q"],
        rounds=4,
        thinking=Thinking.NEVER,
        sampling=Sampling(),
        policy=BASE,
        history_mode=HistoryMode.LAST,
    )
    assert len(outcomes[0]) == 4
    assert [len(request.messages) for request in engine.requests] == [1, 3, 3, 3]
    assert contents(engine.requests[-1])[1] == "<R> three"


def test_an_unchanged_answer_ends_the_loop_when_asked_to() -> None:
    assert responses(ScriptedEngine(by_question), "steady", stop_unchanged=True) == [
        "answer 0", "answer 1", "answer 1",
    ]  # fmt: skip
    assert len(responses(ScriptedEngine(by_question), "moving", stop_unchanged=True)) == 5
    assert len(responses(ScriptedEngine(by_question), "steady")) == 5


def test_of_many_prompts_each_ends_by_itself() -> None:
    engine = ScriptedEngine(by_question)
    outcomes = refine_many(
        engine,
        ["steady", "moving"],
        rounds=5,
        thinking=Thinking.NEVER,
        sampling=Sampling(),
        policy=BASE,
        stop_unchanged=True,
    )
    assert [len(rounds) for rounds in outcomes] == [3, 5]
    assert all(isinstance(round_, Completion) for rounds in outcomes for round_ in rounds)
    assert len(engine.requests) == 8


def test_white_space_is_no_change_and_nothing_is_no_answer() -> None:
    assert is_unchanged(turns("so  it is\n", "so it is"))
    assert not is_unchanged(turns("so it is", "so it was"))
    assert not is_unchanged(turns("", ""))
    assert not is_unchanged(turns("alone"))
