"""Opens the tasks of an evaluation: generated problems, a file, or a data set on the hub."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from ptrapp.core.errors import InputError
from ptrapp.interchange.task_files import read_ifeval, read_questions
from ptrapp.tasks import ifeval
from ptrapp.tasks.check import has_constraints
from ptrapp.tasks.datasets import GSM8K, Columns, Question
from ptrapp.tasks.families import FAMILIES, GENERATED, HELD_OUT, problems
from ptrapp.tasks.hub import PREFIX, read_hub
from ptrapp.tasks.instructions import SETS, instructions

HELD_OUT_TASK = "held_out"
"""Problems of the families that no method trains on."""


_EVALUATED = 10_000_019
"""Added to the seeds of instructions, so that no job that learns draws what an evaluation asks."""


class Task(Protocol):
    """A source of questions whose answers can be verified."""

    @property
    def name(self) -> str: ...

    @property
    def has_answers(self) -> bool:
        """Whether responses state an answer, which several of them can agree on."""
        ...

    def draw(self, n: int, seed: int) -> list[Question]:
        """Draws at most `n` questions; the same arguments always give the same list."""
        ...


@dataclass(frozen=True, slots=True)
class Generated:
    """Problems of the evaluation split, different ones for every seed."""

    name: str
    families: tuple[str, ...]
    has_answers: bool = True

    def draw(self, n: int, seed: int) -> list[Question]:
        drawn = problems(n, split="eval", seed=seed, families=self.families)
        return [Question(one.text, one.answer, one.family) for one in drawn]


@dataclass(frozen=True, slots=True)
class Instructions:
    """Requests with constraints of one set, different ones for every seed."""

    name: str
    has_answers: bool = False

    def draw(self, n: int, seed: int) -> list[Question]:
        drawn = instructions(n, name=self.name, seed=seed + _EVALUATED)
        return [Question(one.prompt, one.reference, "+".join(one.kinds)) for one in drawn]


@dataclass(frozen=True, slots=True)
class Listed:
    """A fixed list of questions, of which each seed draws its own sample."""

    name: str
    questions: tuple[Question, ...]
    left_out: str = ""
    """Which rows are no question of it, in words; empty where it holds all."""

    @property
    def has_answers(self) -> bool:
        return not any(has_constraints(one.reference_answer or "") for one in self.questions)

    def draw(self, n: int, seed: int) -> list[Question]:
        if n >= len(self.questions):
            return list(self.questions)
        drawn = Random(f"{self.name}/{seed}").sample(range(len(self.questions)), n)
        return [self.questions[number] for number in drawn]


def open_task(name: str, columns: Columns = GSM8K) -> Task:
    """Opens the task of a name: generated ones, `hf:NAME[:CONFIG][:SPLIT]` or a file.

    Generated are `generated` and `held_out` (problems), `instructions`, `instructions_held_out`
    and `instructions_new_kinds` (requests with constraints). `ifeval:FILE` is IFEval's own file.

    The default split of a data set is `test`. A file is JSONL, JSON, CSV, TSV or Parquet. Both
    have the columns of GSM8K or of a multiple choice unless `columns` names others. Raises
    `InputError` for what cannot be read or has no answers to verify.
    """
    match name:
        case name if name == GENERATED:
            return Generated(name, tuple(sorted(set(FAMILIES) - HELD_OUT)))
        case "held_out":
            return Generated(name, tuple(sorted(HELD_OUT)))
        case name if name in SETS:
            return Instructions(name)
    if name.startswith(ifeval.PREFIX):
        return _ifeval(name)
    if name.startswith(PREFIX):
        return _verifiable(name, _from_hub(name, columns))
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(
            f"There is no task {name!r}. Name {GENERATED}, {HELD_OUT_TASK}, {', '.join(SETS)}, "
            "ifeval:FILE, a JSONL, JSON, CSV, TSV or Parquet file, or a data set as "
            "hf:NAME[:CONFIG][:SPLIT]."
        )
    return _verifiable(path.stem, read_questions(path, columns))


def _ifeval(name: str) -> Listed:
    path = Path(name.removeprefix(ifeval.PREFIX)).expanduser()
    found = read_ifeval(path)
    n_out = found.left_out.total()
    reasons = ", ".join(f"{n} × {reason}" for reason, n in found.left_out.most_common())
    if len(found.prompts) < 2:
        raise InputError(
            f"{path} holds {len(found.prompts)} rows that can be judged; at least 2 are needed. "
            f"Left out: {reasons or 'none'}."
        )
    questions = tuple(
        Question(one.prompt, one.reference, "+".join(one.instructions)) for one in found.prompts
    )
    left_out = (
        f"{n_out} of {n_out + len(questions)} rows of {path.name} are left out: {reasons}."
        if n_out
        else ""
    )
    return Listed(f"{ifeval.PREFIX}{path.stem}", questions, left_out)


def _verifiable(name: str, found: list[Question]) -> Listed:
    """Keeps the questions that have a reference answer, each question once."""
    by_prompt = {one.prompt: one for one in found if one.reference_answer}
    if len(by_prompt) < 2:
        raise InputError(
            f"{name} holds {len(by_prompt)} different questions with an answer to verify by; at "
            "least 2 are needed. Name the column of the answers."
        )
    return Listed(name, tuple(by_prompt.values()))


def _from_hub(name: str, columns: Columns) -> list[Question]:
    """Reads a data set, by default its split `test`."""
    return read_hub(name if ":" in name.removeprefix(PREFIX) else f"{name}:test", columns)
