"""Plans an evaluation: versions, tasks, seeds and settings, split into cells."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode, HistoryOptions
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Policy, Sampling
from ptrapp.evaluation.tasks import Task, open_task
from ptrapp.refinement.options import RefineOptions

BASE_NAME = BASE.label
_SEED_STEP = 16_777_259
"""Difference between two seeds' draws: greater than rounds, candidates and resamples need."""


class Setting(StrEnum):
    """How a round is generated; everything but `refine` is a control."""

    REFINE = "refine"
    """Each round is shown the ones before it; for the base model this is prompted refinement."""
    SWAPPED = "swapped"
    """A later round is shown another problem's attempts. The gain that remains is not due to the
    attempt."""
    THOUGHT_REMOVED = "thought removed"
    """A later round is shown the earlier responses without their thoughts."""
    MAJORITY = "majority"
    """Row r is the majority of r independent first rounds: the same compute without refining."""


CONTROLS = (Setting.SWAPPED, Setting.THOUGHT_REMOVED, Setting.MAJORITY)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. The base model is always among the versions, as the baseline of gains."""

    versions: tuple[str, ...] = (BASE_NAME,)
    """Names of published adapters, and `base`."""
    rounds: int = 3
    tasks: tuple[Task, ...] = field(default_factory=lambda: (open_task("generated"),))
    n: int = 100
    """Problems of a task, for each seed."""
    thinking: Thinking = Thinking.LATER
    history: HistoryMode = HistoryMode.FULL
    """Which earlier rounds a later one is shown; the same for every version."""
    refine_instruction: str = REFINE_INSTRUCTION
    """The user turn between two rounds."""
    system: str | None = None
    """The system message before each problem."""
    n_samples: int = 0
    """Answers drawn for a problem; 0 is one greedy answer."""
    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 256
    max_thought_tokens: int = 256
    seeds: tuple[int, ...] = (0,)
    """Each seed draws its own problems and answers, the same for every version."""
    controls: bool = False
    resamples: int = 3
    """How often a malformed answer is drawn again; greedy ones never are."""
    chunk: int = 64
    """Answers requested at once, and between two checks whether to stop."""
    limit_s: float | None = None
    """Seconds for the answers: problems that cannot be answered by then are left out, the same for
    all versions. The first `chunk` of them are always answered. None takes all."""

    def __post_init__(self) -> None:
        if BASE_NAME not in self.versions:
            object.__setattr__(self, "versions", (BASE_NAME, *self.versions))

    @property
    def sampling(self) -> Sampling:
        temperature = self.temperature if self.n_samples else 0.0
        return Sampling(
            temperature,
            self.top_p,
            self.max_tokens,
            max_thought_tokens=self.max_thought_tokens,
        )

    def options(self, cell: "Cell") -> RefineOptions:
        """Returns the options of a cell's rounds."""
        return RefineOptions(
            self.thinking,
            replace(self.sampling, seed=cell.draw_seed),
            cell.policy,
            system=self.system,
            history=HistoryOptions(self.refine_instruction, history_mode=self.history),
        )

    @property
    def n_answers(self) -> int:
        """Number of answers to one problem in one round."""
        return max(1, self.n_samples)

    @property
    def decoding(self) -> str:
        """The decoding in words: greedy or sampled, when it thinks, what a later round is shown."""
        how = f"{self.n_samples} samples at {self.temperature:g}" if self.n_samples else "greedy"
        shown = ", last answer alone" if self.history is HistoryMode.LAST else ""
        shown += ", own instruction" if self.refine_instruction != REFINE_INSTRUCTION else ""
        shown += ", system message" if self.system else ""
        return f"{how}, thinking {self.thinking.value}{shown}"

    def blocks(self) -> list[slice]:
        """Returns the problems in the parts that all cells are measured on one after the other."""
        size = self.n if self.limit_s is None else self.chunk
        return [slice(start, start + size) for start in range(0, self.n, size)]

    def cells(self) -> Iterator["Cell"]:
        """Yields cells in the order of measuring: a control after the refinement it starts from."""
        for seed in self.seeds:
            for task in self.tasks:
                for version in self.versions:
                    for setting in self._settings(version, task):
                        yield Cell(version, task.name, seed, setting)

    def _settings(self, version: str, task: Task) -> tuple[Setting, ...]:
        """Returns a version's settings: controls are of tuned versions, or of the base alone.

        There is no majority of texts, only of answers.
        """
        if not self.controls or (version == BASE_NAME and len(self.versions) > 1):
            return (Setting.REFINE,)
        controls = CONTROLS if self.rounds > 1 else ()
        return (
            Setting.REFINE,
            *(one for one in controls if one is not Setting.MAJORITY or task.has_answers),
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One version on one task's problems of one seed, in one setting."""

    version: str
    task: str
    seed: int
    setting: Setting

    @property
    def policy(self) -> Policy:
        return BASE if self.version == BASE_NAME else Policy(self.version)

    @property
    def draw_seed(self) -> int:
        """The seed of its first draw, the same for all versions."""
        return self.seed * _SEED_STEP


def n_rounds_asked(setting: Setting, rounds: int) -> int:
    """Returns the rounds that a cell has to draw: two of the controls reuse the first one."""
    return rounds - 1 if setting in (Setting.SWAPPED, Setting.THOUGHT_REMOVED) else rounds
