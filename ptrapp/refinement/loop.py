"""The refinement loop: a prompt, then round after round, each shown the ones before it."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode, build_messages
from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Completion, History, Policy, Sampling, Turn
from ptrapp.engines.base import (
    Delta,
    Engine,
    Event,
    Failed,
    Finished,
    Priority,
    Request,
    complete,
)

_SEED_STEP = 1_000_003
"""Between the seeds of two rounds: farther apart than the seeds of any number of candidates."""


@dataclass(frozen=True, slots=True)
class RoundStarted:
    index: int


@dataclass(frozen=True, slots=True)
class RoundDelta:
    index: int
    delta: Delta


@dataclass(frozen=True, slots=True)
class RoundFinished:
    index: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class RoundFailed:
    """The loop ends here; the rounds before it stay."""

    index: int
    error: EngineError


RoundEvent = RoundStarted | RoundDelta | RoundFinished | RoundFailed


def refine(
    engine: Engine,
    prompt: str,
    *,
    rounds: int,
    thinking: Thinking,
    sampling: Sampling,
    policy: Policy,
    system: str | None = None,
    refine_instruction: str = REFINE_INSTRUCTION,
    keep_thoughts: bool = True,
    history_mode: HistoryMode = HistoryMode.FULL,
    stop_unchanged: bool = False,
    history: History = (),
) -> Generator[RoundEvent, None, None]:
    """Write `rounds` rounds one after another, the first one after `history`.

    Round numbers go on from the history's. With `stop_unchanged` the loop ends early with the round
    whose response is the one before it again: nothing is left to refine. Whoever calls has the
    policy pinned, and closes the generator to stop: what is being written is cancelled, finished
    rounds have been handed out.
    """
    turns = list(history)
    for index in range(len(turns), len(turns) + rounds):
        messages = build_messages(
            prompt,
            turns,
            engine.thought_format,
            thinking.at(index),
            system=system,
            refine_instruction=refine_instruction,
            keep_thoughts=keep_thoughts,
            history_mode=history_mode,
        )
        drawn = replace(sampling, seed=round_seed(sampling.seed, index))
        yield RoundStarted(index)
        request = Request(messages, thinking.at(index), drawn, policy)
        with closing(engine.stream([request])) as events:
            for event in events:
                match event:
                    case Delta():
                        yield RoundDelta(index, event)
                    case Finished(_, completion):
                        turns.append(as_turn(completion))
                        yield RoundFinished(index, completion)
                    case Failed(_, error):
                        yield RoundFailed(index, error)
                        return
        if stop_unchanged and is_unchanged(turns):
            return


def refine_many(
    engine: Engine,
    prompts: Sequence[str],
    *,
    rounds: int,
    thinking: Thinking,
    sampling: Sampling,
    policy: Policy,
    system: str | None = None,
    refine_instruction: str = REFINE_INSTRUCTION,
    keep_thoughts: bool = True,
    history_mode: HistoryMode = HistoryMode.FULL,
    stop_unchanged: bool = False,
    histories: Sequence[History] | None = None,
) -> list[list[Completion | EngineError]]:
    """Refine many prompts, a round of all of them at once; for each prompt what its rounds gave.

    A prompt whose round fails has that error as its last entry and no further rounds; with
    `stop_unchanged` one whose response is the one before it again has no further rounds either.
    Prompt i draws from seed + i. It is a job to the engine: people go first.
    """
    turns = [list(history) for history in histories or [()] * len(prompts)]
    outcomes: list[list[Completion | EngineError]] = [[] for _ in prompts]
    alive = list(range(len(prompts)))
    for _ in range(rounds):
        requests = []
        for place in alive:
            index = len(turns[place])
            messages = build_messages(
                prompts[place],
                turns[place],
                engine.thought_format,
                thinking.at(index),
                system=system,
                refine_instruction=refine_instruction,
                keep_thoughts=keep_thoughts,
                history_mode=history_mode,
            )
            drawn = replace(sampling, seed=round_seed(sampling.seed + place, index))
            requests.append(
                Request(messages, thinking.at(index), drawn, policy, priority=Priority.JOB)
            )
        for place, outcome in zip(list(alive), complete(engine, requests), strict=True):
            outcomes[place].append(outcome)
            if isinstance(outcome, EngineError):
                alive.remove(place)
                continue
            turns[place].append(as_turn(outcome))
            if stop_unchanged and is_unchanged(turns[place]):
                alive.remove(place)
    return outcomes


def sample(
    engine: Engine,
    prompt: str,
    k: int,
    *,
    thinking: bool,
    sampling: Sampling,
    policy: Policy,
    system: str | None = None,
    refine_instruction: str = REFINE_INSTRUCTION,
    keep_thoughts: bool = True,
    history_mode: HistoryMode = HistoryMode.FULL,
    history: History = (),
) -> Generator[Event, None, None]:
    """Draw `k` candidates of the same prompt at once, with seeds seed, seed + 1, …

    Hands out the engine's events; an event's index is the candidate's.
    """
    messages = build_messages(
        prompt,
        history,
        engine.thought_format,
        thinking,
        system=system,
        refine_instruction=refine_instruction,
        keep_thoughts=keep_thoughts,
        history_mode=history_mode,
    )
    requests = [
        Request(messages, thinking, replace(sampling, seed=sampling.seed + candidate), policy)
        for candidate in range(k)
    ]
    with closing(engine.stream(requests)) as events:
        yield from events


def round_seed(seed: int, index: int) -> int:
    """The seed of round `index`; round 0 draws from the seed itself, like candidate 0."""
    return seed + index * _SEED_STEP


def is_unchanged(turns: History) -> bool:
    """Whether the last response is the one before it again, white space aside; an empty is not."""
    if len(turns) < 2:
        return False
    before, last = (turn.response.split() for turn in turns[-2:])
    return bool(last) and before == last


def as_turn(completion: Completion) -> Turn:
    """A finished round as a later one is shown it."""
    return Turn(completion.split.thought, completion.split.response, completion.raw)
