"""The refinement loop: rounds of one prompt, each of which is shown the earlier ones."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from ptrapp.core.dialogue import build_messages
from ptrapp.core.errors import EngineError
from ptrapp.core.types import Completion, History, Policy, Turn
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
"""Between the seeds of two rounds; larger than any number of candidates, whose seeds follow."""


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
    *,
    priority: Priority = Priority.PERSON,
) -> Generator[RoundEvent, None, None]:
    """Generates `rounds` rounds one after another, the first one after `history`.

    Round numbers continue those of the history. The caller has pinned the policy; to stop, it
    closes the generator, which cancels the round in progress.
    """
    turns = list(history)
    for index in range(len(turns), len(turns) + rounds):
        yield RoundStarted(index)
        seed = round_seed(options.sampling.seed, index)
        request = _request(engine, prompt, turns, options, seed, priority=priority)
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
    *,
    ended: Callable[[], None] = lambda: None,
) -> list[list[Completion | EngineError]]:
    """Refines many prompts, one round of all prompts at a time. Returns each prompt's outcomes.

    A prompt whose round fails has that error as its last entry and no further rounds. Prompt i
    draws from seed + i. Requests have the priority of a job, so people's go first. `ended` is
    called after each answer.
    """
    turns = [list(history) for history in histories or [()] * len(prompts)]
    outcomes: list[list[Completion | EngineError]] = [[] for _ in prompts]
    active = list(range(len(prompts)))
    for _ in range(rounds):
        requests = []
        for n in active:
            seed = round_seed(options.sampling.seed + n, len(turns[n]))
            requests.append(
                _request(engine, prompts[n], turns[n], options, seed, priority=Priority.JOB)
            )
        for n, outcome in zip(list(active), complete(engine, requests, ended), strict=True):
            outcomes[n].append(outcome)
            if isinstance(outcome, EngineError):
                active.remove(n)
                continue
            turns[n].append(as_turn(outcome))
            if options.stop_unchanged and is_unchanged(turns[n]):
                active.remove(n)
    return outcomes


def sample(
    engine: Engine,
    prompt: str,
    k: int,
    options: RefineOptions,
    history: History = (),
    *,
    policies: Sequence[Policy] = (),
) -> Generator[Event, None, None]:
    """Draws `k` candidates of the round after `history` at once, with seeds seed, seed + 1, …

    Candidate i is the policy's of the options, or that of `policies[i]`. Yields the engine's
    events; an event's index is the candidate's.
    """
    asked = [replace(options, policy=one) for one in policies] or [options] * k
    requests = [
        _request(engine, prompt, history, one, options.sampling.seed + candidate)
        for candidate, one in enumerate(asked)
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
    """Returns the request for the round after `turns`."""
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
    """Returns the seed of round `index`; round 0 draws from the seed itself, like candidate 0."""
    return seed + index * _SEED_STEP


def is_unchanged(turns: History) -> bool:
    """Returns whether the last response repeats the one before it, white space aside.

    An empty response repeats nothing.
    """
    if len(turns) < 2:
        return False
    before, last = (turn.response.split() for turn in turns[-2:])
    return bool(last) and before == last


def as_turn(completion: Completion) -> Turn:
    """Returns a finished round as a turn of the history."""
    return Turn(completion.split.thought, completion.split.response, completion.raw)
