"""Attempts and final answers of a chunk of questions: what is to be stored, or why nothing is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from db.content.rounds import NewRound
from ptrapp.core.errors import ContextTooLong, EngineError
from ptrapp.core.types import Completion, FinishReason, Sampling
from ptrapp.refinement.loop import refine_many, round_seed
from ptrapp.services.storing import as_row
from training.ptr.config import PtrDataConfig
from training.ptr.generators import Generators
from training.ptr.queries import Query


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whose attempts are written."""

    place: int
    """Among the job's questions."""
    query: Query
    attempts: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Attempts, then final answers, as rows without parents: who stores them chains them."""

    place: int
    query: Query
    rounds: tuple[NewRound, ...]
    consistency: float | None = None
    """Mean cosine between the finals that were drawn, where it was asked for."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A question that gave nothing to learn from."""

    place: int
    query: Query
    reason: str
    consistency: float | None = None


Outcome = Trajectory | Dropped
WriteFinals = Callable[[Sequence[Asked]], list[Outcome]]


def write_chunk(
    generators: Generators,
    config: PtrDataConfig,
    chunk: Sequence[Query],
    start: int,
    finals: WriteFinals,
) -> list[Outcome]:
    """Write the attempts of all, then the finals of those that have them.

    `start` is the place of the first question: what is drawn depends on places alone, so that a
    resumed job writes what an undisturbed one would have. Raises `EngineError` when the engine is
    down: the job fails and can go on later, the questions are not to blame.
    """
    writer = generators.attempts
    chains = refine_many(
        writer.engine,
        [query.prompt for query in chunk],
        config.n_attempts,
        replace(config.options(writer.policy), sampling=drawn_from(config, start)),
    )
    asked: list[Asked] = []
    outcomes: list[Outcome] = []
    for place, (query, chain) in enumerate(zip(chunk, chains, strict=True), start=start):
        written = tuple(round_ for round_ in chain if isinstance(round_, Completion))
        if reason := _unusable(chain, config):
            outcomes.append(Dropped(place, query, reason))
        else:
            asked.append(Asked(place, query, written))
    outcomes += finals(asked) if asked else []
    return sorted(outcomes, key=lambda outcome: outcome.place)


def attempt_rows(generators: Generators, config: PtrDataConfig, asked: Asked) -> list[NewRound]:
    """The attempts as rows, signed by who wrote them."""
    return [
        replace(
            as_row(
                completion,
                index=index,
                thinking=config.thinking.at(index),
                sampling=config.sampling,
                seed=round_seed(config.seed + asked.place, index),
                reference_answer=asked.query.reference_answer,
            ),
            author=generators.attempts.author,
        )
        for index, completion in enumerate(asked.attempts)
    ]


def drawn_from(config: PtrDataConfig, start: int, n_each: int = 1) -> Sampling:
    """The sampling of a chunk: its first question draws from the seed plus its place."""
    return replace(config.sampling, seed=config.seed + start * n_each)


def unusable(completion: Completion, config: PtrDataConfig, what: str) -> str | None:
    """Why this text is neither to be shown nor learnt; None when it is fine."""
    if completion.finish_reason is not FinishReason.STOP:
        return f"{what} over the limit of tokens"
    if not completion.split.well_formed:
        return f"{what} malformed"
    if len(completion.split.response) < config.min_chars:
        return f"{what} too short"
    return None


def failed(error: EngineError, what: str) -> str:
    """The reason for one question; an engine that is down is raised: it is no question's fault."""
    if isinstance(error, ContextTooLong):
        return f"{what} does not fit the context"
    raise error


def _unusable(chain: Sequence[Completion | EngineError], config: PtrDataConfig) -> str | None:
    for round_ in chain:
        if isinstance(round_, EngineError):
            return failed(round_, "attempt")
        # A malformed attempt may be shown: that is what the policy gets to refine in earnest.
        if len(round_.split.response) < config.min_chars:
            return "attempt too short"
    return None
