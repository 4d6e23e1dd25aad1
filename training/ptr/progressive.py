"""Trajectories in which each round is better than the one before, out of independent answers.

PTR (arXiv 2410.13413) calls its data progressive: every attempt comes nearer to the final answer.
A weak policy that is asked again mends little, so its answers to the bare prompt are put in rising
order of the judge's score instead: with two constraints, one that keeps none, one, both.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from db.content.rounds import NewRound
from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Completion
from ptrapp.judges.base import Judge
from ptrapp.preferences.scoring import score_candidates
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.refinement.loop import refine_many, round_seed
from ptrapp.services.storing import as_row
from training.ptr.generators import Generators
from training.ptr.queries import Query
from training.ptr.trajectories import Dropped, Outcome, Trajectory, drawn_from, failed, unusable


class Rated(NamedTuple):
    """An answer to the bare prompt, and what the judge gave it."""

    completion: Completion
    thinking: bool
    seed: int
    score: float


class Chain(NamedTuple):
    """Answers in the order of rounds."""

    rounds: tuple[Rated, ...]
    n_attempts: int
    """Rounds before the first that is better than the one before it, and so worth learning."""


def progressive_chunk(
    generators: Generators,
    config: PtrDataConfig,
    chunk: Sequence[Query],
    start: int,
    judge: Judge,
) -> list[Outcome]:
    """Draws `n_samples` answers of each question and puts those of different score in order.

    Where round 1 is direct and later rounds think, so many of both are drawn. `start` is the index
    of the first question, on which alone the seeds depend. Raises `EngineError` when the engine is
    down.
    """
    flags = sorted({config.thinks.at(index) for index in range(config.rounds)})
    drawn = {flag: _drawn(generators, config, chunk, start, flag) for flag in flags}
    outcomes: list[Outcome] = []
    for position, query in enumerate(chunk):
        own = [one for flag in flags for one in drawn[flag][position]]
        outcomes.append(_outcome(generators, config, start + position, query, own, judge))
    return outcomes


def chain_of(rated: Sequence[Rated], config: PtrDataConfig) -> Chain | None:
    """Returns answers of rising score, the worst first and the best last; None where none rises.

    The scores between are spread evenly where there are more than rounds. Where there are fewer,
    other answers as bad as the first come after it, or the chain is shorter.
    """
    first_ones = [one for one in rated if one.thinking == config.thinks.at(0)]
    later = [one for one in rated if one.thinking == config.thinks.at(config.rounds - 1)]
    if not first_ones or not later:
        return None
    first = min(first_ones, key=lambda one: one.score)
    final = max(later, key=lambda one: one.score)
    if final.score <= first.score:
        return None
    n_between = config.rounds - 2
    levels = sorted({one.score for one in later if first.score < one.score < final.score})
    step = len(levels) / n_between if n_between and len(levels) > n_between else 1.0
    wanted = [levels[int(at * step)] for at in range(min(n_between, len(levels)))]
    rising = [next(one for one in later if one.score == level) for level in wanted]
    taken = {first.completion.split.response}
    equal: list[Rated] = []
    for one in later:
        if len(equal) == n_between - len(rising):
            break
        response = one.completion.split.response
        if one.score == first.score and response not in taken:
            taken.add(response)
            equal.append(one)
    return Chain((first, *equal, *rising, final), 1 + len(equal))


def _drawn(
    generators: Generators,
    config: PtrDataConfig,
    chunk: Sequence[Query],
    start: int,
    thinking: bool,
) -> list[list[tuple[Completion | EngineError, bool, int]]]:
    """Returns the answers of each question, each with whether it thinks and its seed."""
    generator, n = generators.attempts, config.n_samples
    seed = round_seed(drawn_from(config, start, n).seed, int(thinking))
    options = replace(
        config.options(generator.policy),
        thinking=Thinking.ALWAYS if thinking else Thinking.NEVER,
        sampling=replace(config.sampling, seed=seed),
    )
    prompts = [query.prompt for query in chunk for _ in range(n)]
    answers = [
        (chain[0], thinking, seed + at)
        for at, chain in enumerate(refine_many(generator.engine, prompts, 1, options))
    ]
    return [answers[at : at + n] for at in range(0, len(answers), n)]


def _outcome(
    generators: Generators,
    config: PtrDataConfig,
    index: int,
    query: Query,
    drawn: Sequence[tuple[Completion | EngineError, bool, int]],
    judge: Judge,
) -> Outcome:
    usable = []
    for answer, thinking, seed in drawn:
        if isinstance(answer, EngineError):
            return Dropped(index, query, failed(answer, "attempt"))
        if unusable(answer, config, "attempt") is None:
            usable.append((answer, thinking, seed))
    responses = [answer.split.response for answer, _, _ in usable]
    scores = score_candidates(judge, query.prompt, query.reference_answer, responses).values
    rated = [
        Rated(*one, score) for one, score in zip(usable, scores, strict=True) if score is not None
    ]
    if not rated:
        return Dropped(index, query, "unscored by the judge" if usable else "no usable answer")
    chain = chain_of(rated, config)
    if chain is None:
        return Dropped(index, query, "no answer is better than another")
    return Trajectory(
        index, query, _rows(generators, config, query, chain), n_attempts=chain.n_attempts
    )


def _rows(
    generators: Generators, config: PtrDataConfig, query: Query, chain: Chain
) -> tuple[NewRound, ...]:
    """Returns the chain as rounds; those that are better than the one before are `best-of-n`."""
    assert generators.finals is not None, "the final of a progressive trajectory is sampled"
    authors = (generators.attempts.author, generators.finals.author)
    return tuple(
        replace(
            as_row(
                one.completion,
                index=at,
                thinking=one.thinking,
                sampling=config.sampling,
                seed=one.seed,
                reference_answer=query.reference_answer,
            ),
            author=authors[at >= chain.n_attempts],
        )
        for at, one in enumerate(chain.rounds)
    )
