"""Generates attempts and final answers for a chunk of questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from db.content.rounds import NewRound
from ptrapp.core.errors import ContextTooLong, EngineError, MessagesRefused
from ptrapp.core.types import Completion, FinishReason, Sampling
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.refinement.loop import refine_many, round_seed
from ptrapp.services.storing import as_row
from training.ptr.generators import Generators
from training.ptr.queries import Query


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whose attempts are generated."""

    index: int
    """Index among the job's questions."""
    query: Query
    attempts: tuple[Completion, ...]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Attempts, then final answers, as rows without parents, which storing them adds."""

    index: int
    query: Query
    rounds: tuple[NewRound, ...]
    consistency: float | None = None
    """Mean cosine between the sampled finals, where it was asked for."""
    n_attempts: int | None = None
    """Rounds that are only read, where it is another number than the job's."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A question that gave nothing to learn from."""

    index: int
    query: Query
    reason: str
    consistency: float | None = None


Outcome = Trajectory | Dropped
FinalsSource = Callable[[Sequence[Asked]], list[Outcome]]


def generate_chunk(
    generators: Generators,
    config: PtrDataConfig,
    chunk: Sequence[Query],
    start: int,
    finals: FinalsSource,
) -> list[Outcome]:
    """Generates the attempts of all questions, then the finals of those that have them.

    `start` is the index of the first question: what is sampled depends on indices alone, so that a
    resumed job generates what an undisturbed one would have. Raises `EngineError` when the engine
    is down: the job fails and can be resumed, and no question is dropped for it.
    """
    generator = generators.attempts
    chains = refine_many(
        generator.engine,
        [query.prompt for query in chunk],
        config.n_attempts,
        replace(config.options(generator.policy), sampling=drawn_from(config, start)),
    )
    asked: list[Asked] = []
    outcomes: list[Outcome] = []
    for index, (query, chain) in enumerate(zip(chunk, chains, strict=True), start=start):
        written = tuple(round_ for round_ in chain if isinstance(round_, Completion))
        if reason := _unusable(chain, config):
            outcomes.append(Dropped(index, query, reason))
        else:
            asked.append(Asked(index, query, written))
    outcomes += finals(asked) if asked else []
    return sorted(outcomes, key=lambda outcome: outcome.index)


def attempt_rows(generators: Generators, config: PtrDataConfig, asked: Asked) -> list[NewRound]:
    """Returns the attempts as rows, with their author."""
    return [
        replace(
            as_row(
                completion,
                index=index,
                thinking=config.thinks.at(index),
                sampling=config.sampling,
                seed=round_seed(config.seed + asked.index, index),
                reference_answer=asked.query.reference_answer,
            ),
            author=generators.attempts.author,
        )
        for index, completion in enumerate(asked.attempts)
    ]


def drawn_from(config: PtrDataConfig, start: int, n_each: int = 1) -> Sampling:
    """Returns the sampling of a chunk, whose first question draws from the seed plus its index."""
    return replace(config.sampling, seed=config.seed + start * n_each)


def unusable(completion: Completion, config: PtrDataConfig, what: str) -> str | None:
    """Returns why this text is neither shown nor learnt; None when it is fine."""
    if completion.finish_reason is not FinishReason.STOP:
        return f"{what} over the limit of tokens"
    if not completion.split.well_formed:
        return f"{what} malformed"
    if len(completion.split.response) < config.min_chars:
        return f"{what} too short"
    return None


def failed(error: EngineError, what: str) -> str:
    """Returns the reason to drop a question; raises the error of an engine that is down."""
    if isinstance(error, ContextTooLong):
        return f"{what} does not fit the context"
    if isinstance(error, MessagesRefused):
        return f"{what} refused by the chat template"
    raise error


def _unusable(chain: Sequence[Completion | EngineError], config: PtrDataConfig) -> str | None:
    for round_ in chain:
        if isinstance(round_, EngineError):
            return failed(round_, "attempt")
        # A malformed attempt may be shown: a served policy has to refine such attempts as well.
        if len(round_.split.response) < config.min_chars:
            return "attempt too short"
    return None
