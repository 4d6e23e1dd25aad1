"""The refinement loop: a prompt, then round after round, each shown the ones before it."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ptrapp.core.dialogue import build_messages
from ptrapp.core.errors import EngineError
from ptrapp.core.types import Completion, History, Turn
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
from ptrapp.refinement.options import RefineOptions

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
    rounds: int,
    options: RefineOptions,
    history: History = (),
) -> Generator[RoundEvent, None, None]:
    """Write `rounds` rounds one after another, the first one after `history`.

    Round numbers go on from the history's. Whoever calls has the policy pinned, and closes the
    generator to stop: what is being written is cancelled, finished rounds have been handed out.
    """
    turns = list(history)
    for index in range(len(turns), len(turns) + rounds):
        yield RoundStarted(index)
        request = _request(engine, prompt, turns, options, round_seed(options.sampling.seed, index))
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
        if options.stop_unchanged and is_unchanged(turns):
            return


def refine_many(
    engine: Engine,
    prompts: Sequence[str],
    rounds: int,
    options: RefineOptions,
    histories: Sequence[History] | None = None,
) -> list[list[Completion | EngineError]]:
    """Refine many prompts, a round of all of them at once; for each prompt what its rounds gave.

    A prompt whose round fails has that error as its last entry and no further rounds. Prompt i
    draws from seed + i. It is a job to the engine: people go first.
    """
    turns = [list(history) for history in histories or [()] * len(prompts)]
    outcomes: list[list[Completion | EngineError]] = [[] for _ in prompts]
    alive = list(range(len(prompts)))
    for _ in range(rounds):
        requests = []
        for n in alive:
            seed = round_seed(options.sampling.seed + n, len(turns[n]))
            requests.append(
                _request(engine, prompts[n], turns[n], options, seed, priority=Priority.JOB)
            )
        for n, outcome in zip(list(alive), complete(engine, requests), strict=True):
            outcomes[n].append(outcome)
            if isinstance(outcome, EngineError):
                alive.remove(n)
                continue
            turns[n].append(as_turn(outcome))
            if options.stop_unchanged and is_unchanged(turns[n]):
                alive.remove(n)
    return outcomes


def sample(
    engine: Engine, prompt: str, k: int, options: RefineOptions, history: History = ()
) -> Generator[Event, None, None]:
    """Draw `k` candidates of the round after `history` at once, with seeds seed, seed + 1, …

    Hands out the engine's events; an event's index is the candidate's.
    """
    requests = [
        _request(engine, prompt, history, options, options.sampling.seed + candidate)
        for candidate in range(k)
    ]
    with closing(engine.stream(requests)) as events:
        yield from events


def _request(
    engine: Engine,
    prompt: str,
    turns: History,
    options: RefineOptions,
    seed: int,
    *,
    priority: Priority = Priority.PERSON,
) -> Request:
    """Ask for the round after `turns`."""
    thinking = options.thinking.at(len(turns))
    messages = build_messages(
        prompt,
        turns,
        engine.thought_format,
        thinking,
        system=options.system,
        shown=options.history,
    )
    drawn = replace(options.sampling, seed=seed)
    return Request(messages, thinking, drawn, options.policy, priority)


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
