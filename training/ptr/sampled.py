"""Final answers that a policy samples in the context of the attempts, of which one is chosen."""

from collections.abc import Sequence
from dataclasses import replace

from db.content.rounds import NewRound
from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Completion, Sampling
from ptrapp.judges.base import Judge
from ptrapp.judges.verifier import Verifier
from ptrapp.preferences.scoring import score_candidates
from ptrapp.recipes.ptr_data import BEST_OF_N, PtrDataConfig
from ptrapp.refinement.loop import as_turn, refine_many, round_seed
from ptrapp.services.storing import as_row
from ptrapp.tasks.check import is_correct
from training.ptr.consistency import Embed, mean_cosine
from training.ptr.external_rounds import external_round
from training.ptr.generators import Generators, TextGenerator
from training.ptr.trajectories import (
    Asked,
    Dropped,
    Outcome,
    Trajectory,
    attempt_rows,
    drawn_from,
    failed,
    unusable,
)


def sampled_finals(
    generators: Generators,
    config: PtrDataConfig,
    asked: Sequence[Asked],
    judge: Judge,
    embed: Embed | None,
) -> list[Outcome]:
    """Samples the finals of all questions at once, then chooses and filters one by one."""
    assert generators.finals is not None, "a final that is sampled has a generator"
    sampling = _sampling(config, asked[0].index)
    drawn = _draw(generators.finals, config, asked, sampling)
    groups = [drawn[at : at + config.n_drawn] for at in range(0, len(drawn), config.n_drawn)]
    return [
        _chosen(
            generators, config, each, own, sampling.seed + position * config.n_drawn, judge, embed
        )
        for position, (each, own) in enumerate(zip(asked, groups, strict=True))
    ]


def _chosen(
    generators: Generators,
    config: PtrDataConfig,
    asked: Asked,
    drawn: Sequence[Completion | EngineError],
    seed: int,
    judge: Judge,
    embed: Embed | None,
) -> Outcome:
    """Returns one of the finals of a question, or why there is none; the first drew from `seed`."""
    assert generators.finals is not None, "checked by the caller"
    index, query = asked.index, asked.query
    if errors := [answer for answer in drawn if isinstance(answer, EngineError)]:
        return Dropped(index, query, failed(errors[0], "final"))
    answers = [
        _read(generators.finals, answer) for answer in drawn if isinstance(answer, Completion)
    ]
    agreed = mean_cosine(embed([answer.split.response for answer in answers])) if embed else None
    if agreed is not None and agreed < config.consistency:
        return Dropped(index, query, "final answers disagree", agreed)
    best = _best(config, asked, answers, judge) if config.final == BEST_OF_N else 0
    if isinstance(best, str):
        return Dropped(index, query, best, agreed)
    if reason := unusable(answers[best], config, "final"):
        return Dropped(index, query, reason, agreed)
    final = _row(
        generators, config, asked, answers[best], round_seed(seed + best, config.n_attempts)
    )
    return Trajectory(index, query, (*attempt_rows(generators, config, asked), final), agreed)


def _sampling(config: PtrDataConfig, start: int) -> Sampling:
    """Without the attempts the engine would take the final for round 1 and repeat their seeds."""
    sampling = drawn_from(config, start, config.n_drawn)
    if not config.independent:
        return sampling
    return replace(sampling, seed=round_seed(sampling.seed, config.n_attempts))


def _draw(
    generator: TextGenerator, config: PtrDataConfig, asked: Sequence[Asked], sampling: Sampling
) -> list[Completion | EngineError]:
    """Returns `n_drawn` answers to each question, those of one question side by side."""
    history = config.history
    if generator.foreign:  # the policy's markers mean nothing to another model
        history = replace(history, keep_thoughts=False)
    histories = [
        () if config.independent else [as_turn(attempt) for attempt in each.attempts]
        for each in asked
        for _ in range(config.n_drawn)
    ]
    thinks = config.thinks.at(config.n_attempts)
    options = replace(
        config.options(generator.policy),
        thinking=Thinking.ALWAYS if thinks else Thinking.NEVER,
        sampling=sampling,
        history=history,
    )
    chains = refine_many(
        generator.engine,
        [each.query.prompt for each in asked for _ in range(config.n_drawn)],
        1,
        options,
        histories,
    )
    return [chain[0] for chain in chains]


def _read(generator: TextGenerator, answer: Completion) -> Completion:
    """Takes a stronger model's answer without any marker as a response without a thought."""
    fmt, parts = generator.engine.thought_format, answer.split
    unmarked = fmt.thought_marker and fmt.thought_marker not in answer.raw
    if not (generator.foreign and unmarked and not parts.response):
        return answer
    response = answer.raw.strip()
    return replace(answer, split=replace(parts, thought="", response=response, well_formed=True))


def _best(
    config: PtrDataConfig, asked: Asked, answers: Sequence[Completion], judge: Judge
) -> int | str:
    """Returns the index of the best usable answer, or why none is usable.

    It must be no worse than the last attempt.
    """
    usable = [n for n, answer in enumerate(answers) if not unusable(answer, config, "final")]
    if not usable:
        return "no final is well-formed"
    query, attempt = asked.query, asked.attempts[-1].split.response
    responses = [attempt, *(answers[n].split.response for n in usable)]
    scores = score_candidates(judge, query.prompt, query.reference_answer, responses)
    attempt_score, *values = scores.values
    known = [(value, n) for value, n in zip(values, usable, strict=True) if value is not None]
    if not known:
        return "unscored by the judge"
    value, best = max(known, key=lambda pair: (pair[0], -pair[1]))
    if isinstance(judge, Verifier) and not value:
        return "no final is right"
    if attempt_score is not None and value < attempt_score:
        return "no final is as good as the attempt"
    return best


def _row(
    generators: Generators, config: PtrDataConfig, asked: Asked, answer: Completion, seed: int
) -> NewRound:
    """Returns the final as the policy's round; another model's text gets the policy's markers."""
    assert generators.finals is not None, "checked by the caller"
    index, reference = config.n_attempts, asked.query.reference_answer
    row = as_row(
        answer,
        index=index,
        thinking=config.thinks.at(index),
        sampling=config.sampling,
        seed=seed,
        reference_answer=reference,
    )
    if not generators.finals.foreign:
        return replace(row, author=generators.finals.author)
    thought, response = answer.split.thought, answer.split.response
    correct = is_correct(response, reference) if reference else None
    ours = external_round(
        generators.fmt, index, generators.finals.author, thought, response, correct=correct
    )
    return replace(
        ours,
        sampling=row.sampling,
        seed=row.seed,
        n_thought_tokens=row.n_thought_tokens,
        n_response_tokens=row.n_response_tokens,
        duration_s=row.duration_s,
    )
