"""Chooses the questions of a job once, so that a resumed job continues with the same ones."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from db.content.trajectories import prompt_texts
from db.models import Partition
from db.storage.session import Session
from ptrapp.core.errors import NothingToLearn
from ptrapp.interchange.task_files import read_questions
from ptrapp.recipes.ptr_data import HUMAN, PtrDataConfig
from ptrapp.tasks.cleaning import Rules, clean, normalised
from ptrapp.tasks.datasets import Columns, Question
from ptrapp.tasks.families import FAMILIES, GENERATED, HELD_OUT, problems
from ptrapp.tasks.hub import PREFIX, read_hub
from ptrapp.tasks.instructions import INSTRUCTIONS, instructions
from ptrapp.tasks.problem import Problem
from training.jobs import atomic_write
from training.jobs.claim import Claim
from training.ptr.preferred import preferred_candidates

_FILE = "queries.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """One question, with what is known about its answer."""

    prompt: str
    reference_answer: str | None
    source: str
    task: str | None = None
    problem: Problem | None = None
    """The generated problem, with its worked solution."""
    preferred_id: int | None = None
    """The round that people preferred, where it is the final answer."""


class Chosen(NamedTuple):
    """The questions in order, the number before cleaning, and the dropped ones by reason."""

    queries: list[Query]
    n_read: int
    dropped: dict[str, int]


def choose_once(claim: Claim, config: PtrDataConfig) -> Chosen:
    """Returns the job's questions: those stored in its folder, or chosen now and stored there.

    Raises `InputError` for a file that cannot be read, `NothingToLearn` when no question is left.
    """
    path = claim.folder / _FILE
    if not path.is_file():
        with claim.database.read() as session:
            chosen = _choose(session, config)
        if not chosen.n_read and config.final != HUMAN:
            raise NothingToLearn(f"There is no question in {config.queries}; name others.")
        if not chosen.queries:
            raise NothingToLearn(
                f"None of {chosen.n_read} questions is left after the cleaning "
                f"({_counts(chosen.dropped)}). Name other queries."
            )
        rows = {**chosen._asdict(), "queries": [asdict(query) for query in chosen.queries]}
        atomic_write.write(path, json.dumps(rows).encode())
    return _read(path)


def in_words(chosen: Chosen) -> str:
    """Returns a sentence on how many questions are asked, of how many, and why others are not."""
    n = len(chosen.queries)
    return f"{n} of {chosen.n_read} questions are asked. {_counts(chosen.dropped)}"


def _choose(session: Session, config: PtrDataConfig) -> Chosen:
    if config.final == HUMAN:
        return _of_people(session, config)
    if config.queries in (GENERATED, INSTRUCTIONS):
        return _generated(prompt_texts(session), config)
    held_out = {normalised(text) for text in prompt_texts(session, Partition.EVAL)}
    given = _load(config.queries, config)
    excluded = _load(config.exclude, config) if config.exclude else []
    kept, dropped = clean(
        given,
        Rules(max_chars=config.max_query_chars, max_rare=config.max_rare),
        excluded={normalised(question.prompt) for question in excluded},
        held_out=held_out,
    )
    drawn = _at_most(config.n_queries, kept, config.seed, dropped)
    queries = [Query(q.prompt, q.reference_answer, q.source[:64]) for q in drawn]
    return Chosen(queries, len(given), dict(dropped))


def _generated(stored: Sequence[str], config: PtrDataConfig) -> Chosen:
    """Returns new problems or instructions, none held out and none that was ever stored."""
    draw = _problems if config.queries == GENERATED else _instructions
    seen = {normalised(text) for text in stored}
    n_drawn = n_asked = config.n_queries
    while True:
        drawn = draw(n_drawn, config.seed)
        wanted = [each for each in drawn if normalised(each.prompt) not in seen][:n_asked]
        if len(wanted) == n_asked or len(drawn) < n_drawn:
            break
        n_drawn += n_asked
    n_read = drawn.index(wanted[-1]) + 1 if wanted else len(drawn)
    n_known = n_read - len(wanted)
    return Chosen(wanted, n_read, {"asked before": n_known} if n_known else {})


def _problems(n: int, seed: int) -> list[Query]:
    known = sorted(family for family in FAMILIES if family not in HELD_OUT)
    drawn = problems(n, split="train", seed=seed, families=known)
    return [Query(p.text, p.answer, "generator", p.family, p) for p in drawn]


def _instructions(n: int, seed: int) -> list[Query]:
    drawn = instructions(n, name=INSTRUCTIONS, seed=seed)
    return [Query(each.prompt, each.reference, "generator", INSTRUCTIONS) for each in drawn]


def _of_people(session: Session, config: PtrDataConfig) -> Chosen:
    """Returns the prompts people compared answers of, with the answer they preferred."""
    preferred, dropped = preferred_candidates(session, config.system)
    n_read = len(preferred) + dropped.total()
    queries = [
        Query(
            round_.prompt.text,
            round_.prompt.reference_answer,
            round_.prompt.source,
            round_.prompt.task,
            preferred_id=round_.id,
        )
        for round_ in preferred
    ]
    drawn = _at_most(config.n_queries, queries, config.seed, dropped)
    return Chosen(drawn, n_read, dict(dropped))


def _load(name: str, config: PtrDataConfig) -> list[Question]:
    columns = Columns(config.question_column, config.answer_column)
    if name.startswith(PREFIX):
        return read_hub(name, columns)
    return read_questions(Path(name).expanduser(), columns)


def _at_most(n: int, given: list[T], seed: int, dropped: Counter[str]) -> list[T]:
    """Returns at most n of them, drawn by the seed, in their order."""
    if len(given) <= n:
        return given
    dropped["over n_queries"] += len(given) - n
    indices = sorted(Random(seed).sample(range(len(given)), n))
    return [given[index] for index in indices]


def _counts(dropped: dict[str, int]) -> str:
    if not dropped:
        return "None was left out."
    ordered = sorted(dropped.items(), key=lambda item: -item[1])
    return "Left out: " + ", ".join(f"{n} × {reason}" for reason, n in ordered) + "."


def _read(path: Path) -> Chosen:
    rows = json.loads(path.read_bytes())
    return Chosen([_query(row) for row in rows["queries"]], rows["n_read"], rows["dropped"])


def _query(row: dict[str, object]) -> Query:
    problem = row.pop("problem")
    if isinstance(problem, dict):
        problem = Problem(**problem | {"steps": tuple(problem["steps"])})
    return Query(**row, problem=problem)  # type: ignore[arg-type]
