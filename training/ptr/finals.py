"""Final answers from the source that a job names: solver, people, stronger model, or best of N."""

from collections.abc import Sequence
from random import Random

from db.content.rounds import NewRound
from db.storage.session import Database
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.judges.base import Judge
from ptrapp.recipes.ptr_data import HUMAN, SOLVER, PtrDataConfig
from ptrapp.tasks.instructions import INSTRUCTIONS
from training.bundled.styles import Style, write
from training.ptr.consistency import Embed
from training.ptr.external_rounds import external_round
from training.ptr.generators import Generators
from training.ptr.mended import mended
from training.ptr.preferred import load_round
from training.ptr.sampled import sampled_finals
from training.ptr.trajectories import (
    Asked,
    Dropped,
    FinalsSource,
    Outcome,
    Trajectory,
    attempt_rows,
)


def finals_source(
    generators: Generators,
    config: PtrDataConfig,
    database: Database,
    judge: Judge,
    embed: Embed | None,
) -> FinalsSource:
    """Returns the function that makes the final answers of this job."""

    def make_finals(asked: Sequence[Asked]) -> list[Outcome]:
        if config.is_sampled:
            return sampled_finals(generators, config, asked, judge, embed)
        return [_outcome(generators, config, database, each) for each in asked]

    assert config.is_sampled or config.final in (SOLVER, HUMAN), "checked with the settings"
    return make_finals


def _outcome(
    generators: Generators, config: PtrDataConfig, database: Database, asked: Asked
) -> Outcome:
    """Returns the attempts and finals of a question whose finals nobody samples."""
    if config.final == HUMAN:
        finals: list[NewRound] | str = preferred(database, config, asked)
    elif config.queries == INSTRUCTIONS:
        finals = mended(generators.fmt, config, asked)
    else:
        finals = solved(generators.fmt, config, asked)
    if isinstance(finals, str):
        return Dropped(asked.index, asked.query, finals)
    rounds = (*attempt_rows(generators, config, asked), *finals)
    return Trajectory(asked.index, asked.query, rounds)


def solved(fmt: ThoughtFormat, config: PtrDataConfig, asked: Asked) -> list[NewRound]:
    """Returns the worked solution: in one round, or its first half and then the rest in two.

    The halves teach to continue from earlier work, which the last round of three is for.
    """
    problem = asked.query.problem
    assert problem is not None, "the solver is only asked about generated problems"
    draw = Random(f"solver/{config.seed}/{asked.index}")
    alone = config.rounds - config.n_attempts == 1
    styles: tuple[Style, ...] = ("full",) if alone else ("first", "onward")
    works = [write(problem, style, draw).text for style in styles]
    answer = f"The answer is {problem.answer}."
    rows = []
    for index, work in enumerate(works, start=config.n_attempts):
        thinking = config.thinks.at(index)
        thought, response = (work, answer) if thinking else ("", f"{work} {answer}")
        rows.append(external_round(fmt, index, SOLVER, thought, response, correct=True))
    return rows


def preferred(database: Database, config: PtrDataConfig, asked: Asked) -> list[NewRound]:
    """Returns the candidate that people preferred, as it was generated."""
    assert asked.query.preferred_id is not None, "these questions are chosen by their votes"
    with database.read() as session:
        chosen = load_round(session, asked.query.preferred_id)
        return [
            NewRound(
                index=config.n_attempts,
                parent_id=None,
                author=HUMAN,
                thinking=chosen.thinking,
                thought=chosen.thought,
                response=chosen.response,
                raw=chosen.raw,
                completion_ids=chosen.completion_ids,
                well_formed=chosen.well_formed,
                sampling=chosen.sampling,
                seed=chosen.seed,
                n_thought_tokens=chosen.n_thought_tokens,
                n_response_tokens=chosen.n_response_tokens,
                finish_reason=chosen.finish_reason,
                thought_end=chosen.thought_end,
                asked_again=chosen.asked_again,
                correct=chosen.correct,
            )
        ]
