"""Defines the result of a cell, every answer of every chain, and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ptrapp.analysis.rounds import RoundChanges, changes
from ptrapp.core.errors import ContextTooLong, EngineError, MessagesRefused
from ptrapp.core.types import Completion, Turn
from ptrapp.evaluation.plan import Cell, Setting
from ptrapp.tasks.check import check
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
    """Draws until a well-formed answer, or until none were left."""
    failed: bool = False
    """There was no answer, which counts as wrong: no room for one, or a conversation that the
    chat template refuses."""
    n_asked: int = 1
    """Things the prompt asks for: its answer, or each of its constraints."""
    n_kept: int = 0
    n_kept_loose: int | None = None
    """Those kept by IFEval's loose reading; None for other tasks."""
    thought_end: str | None = None
    """Who ended the thought, a `ThoughtEnd`; None without a thought, and where it is not known."""

    def as_turn(self) -> Turn:
        """Returns the answer as it is shown to a later round."""
        return Turn(self.thought, self.response, self.raw)

    def drawn_again(self, later: "Answer") -> "Answer":
        return replace(later, n_drawn=self.n_drawn + later.n_drawn)


FAILED = Answer("", "", "", False, False, 0, 0, n_drawn=0, failed=True)


def scored(outcome: Completion | EngineError, question: Question) -> Answer:
    """Scores an engine's outcome. Raises its error, unless this conversation alone fails."""
    if isinstance(outcome, ContextTooLong | MessagesRefused):
        nothing = check("", question.reference_answer or "")
        return replace(FAILED, n_asked=nothing.n_asked, n_kept_loose=nothing.n_kept_loose)
    if isinstance(outcome, EngineError):
        raise outcome
    response = outcome.split.response
    found = check(response, question.reference_answer or "")
    return Answer(
        outcome.split.thought,
        response,
        outcome.raw,
        found.n_kept == found.n_asked,
        outcome.split.well_formed,
        outcome.n_thought_tokens,
        outcome.n_response_tokens,
        n_asked=found.n_asked,
        n_kept=found.n_kept,
        n_kept_loose=found.n_kept_loose,
        thought_end=outcome.thought_end,
    )


Chain = tuple[Answer, ...]
"""The rounds of one answer to one problem."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """The answers of a finished cell."""

    cell: Cell
    prompts: tuple[str, ...]
    """The problems, in the order they were drawn."""
    first_round: int
    """Index of the first round in each chain: a control may begin with the second."""
    chains: tuple[Chain, ...]
    """Equally many of each problem, in the order of the problems."""

    def on(self, prompts: tuple[str, ...]) -> "CellResult | None":
        """Returns the answers to these problems; None unless it has just them, in this order."""
        first = self.prompts.index(prompts[0]) if prompts and prompts[0] in self.prompts else 0
        end = first + len(prompts)
        if self.prompts[first:end] != prompts:
            return None
        each = len(self.chains) // len(self.prompts) if self.prompts else 0
        return replace(self, prompts=prompts, chains=self.chains[first * each : end * each])

    def __add__(self, other: "CellResult") -> "CellResult":
        """Returns the answers to the problems of both parts of a cell."""
        return replace(
            self, prompts=self.prompts + other.prompts, chains=self.chains + other.chains
        )

    @property
    def n_rounds(self) -> int:
        """Number of rounds, those before `first_round` included."""
        return self.first_round + (len(self.chains[0]) if self.chains else 0)

    def at(self, index: int) -> list[Answer]:
        """Returns the answers of round `index`, from 0."""
        return [chain[index - self.first_round] for chain in self.chains]

    def changes_at(self, index: int) -> RoundChanges | None:
        """Returns what round `index` fixed and broke; None where the cell has none before it."""
        if index == self.first_round:
            return None
        before, after = ([one.correct for one in self.at(at)] for at in (index - 1, index))
        return changes(before, after)

    def prompt_of(self, chain: int) -> str:
        """Returns the problem that a chain, named by its index, answers."""
        return self.prompts[chain * len(self.prompts) // len(self.chains)]

    def as_json(self) -> dict[str, Any]:
        return {
            "cell": asdict(self.cell),
            "prompts": list(self.prompts),
            "first_round": self.first_round,
            "chains": [[asdict(answer) for answer in chain] for chain in self.chains],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "CellResult":
        cell = stored["cell"]
        chains: Sequence[Sequence[Mapping[str, Any]]] = stored["chains"]
        return cls(
            Cell(cell["version"], cell["task"], cell["seed"], Setting(cell["setting"])),
            tuple(stored["prompts"]),
            stored["first_round"],
            tuple(tuple(Answer(**answer) for answer in chain) for chain in chains),
        )
