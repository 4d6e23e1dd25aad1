"""What a cell found: every answer of every chain, and back from the JSON it is kept in."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ptrapp.core.errors import ContextTooLong, EngineError
from ptrapp.core.types import Completion, Turn
from ptrapp.evaluation.plan import Cell, Setting
from ptrapp.tasks.check import is_correct
from ptrapp.tasks.datasets import Question


@dataclass(frozen=True, slots=True)
class Answer:
    """One round of one problem, scored by the verifier."""

    thought: str
    response: str
    raw: str
    correct: bool
    well_formed: bool
    n_thought_tokens: int
    n_response_tokens: int
    n_drawn: int = 1
    """Draws it took to get a well-formed one, or those there were."""
    failed: bool = False
    """Prompt and history left no room: nothing was written, which is not a right answer."""

    def as_turn(self) -> Turn:
        """As a later round is shown it."""
        return Turn(self.thought, self.response, self.raw)

    def drawn_again(self, later: "Answer") -> "Answer":
        return replace(later, n_drawn=self.n_drawn + later.n_drawn)


FAILED = Answer("", "", "", False, False, 0, 0, n_drawn=0, failed=True)


def scored(outcome: Completion | EngineError, question: Question) -> Answer:
    """Score what an engine gave. Raises the error, unless it is about this prompt's length."""
    if isinstance(outcome, ContextTooLong):
        return FAILED
    if isinstance(outcome, EngineError):
        raise outcome
    response = outcome.split.response
    return Answer(
        outcome.split.thought,
        response,
        outcome.raw,
        is_correct(response, question.reference_answer or ""),
        outcome.split.well_formed,
        outcome.n_thought_tokens,
        outcome.n_response_tokens,
    )


Chain = tuple[Answer, ...]
"""The rounds of one answer to one problem."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished cell."""

    cell: Cell
    prompts: tuple[str, ...]
    """The problems, in the order they were drawn."""
    first_round: int
    """Index of the first round in each chain: a control may begin with the second."""
    chains: tuple[Chain, ...]
    """Those of the first problem, then those of the second, …, equally many of each."""

    @property
    def n_rounds(self) -> int:
        """Rounds from the first of all, whether or not they were written here."""
        return self.first_round + (len(self.chains[0]) if self.chains else 0)

    def at(self, index: int) -> list[Answer]:
        """The answers of round `index`, from 0."""
        return [chain[index - self.first_round] for chain in self.chains]

    def prompt_of(self, place: int) -> str:
        """The problem that chain `place` answers."""
        return self.prompts[place * len(self.prompts) // len(self.chains)]

    def as_json(self) -> dict[str, Any]:
        return {
            "cell": asdict(self.cell),
            "prompts": list(self.prompts),
            "first_round": self.first_round,
            "chains": [[asdict(answer) for answer in chain] for chain in self.chains],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Measured":
        cell = kept["cell"]
        chains: Sequence[Sequence[Mapping[str, Any]]] = kept["chains"]
        return cls(
            Cell(cell["version"], cell["task"], cell["seed"], Setting(cell["setting"])),
            tuple(kept["prompts"]),
            kept["first_round"],
            tuple(tuple(Answer(**answer) for answer in chain) for chain in chains),
        )
