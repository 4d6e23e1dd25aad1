"""What is to be measured: versions by rounds by tasks by seeds, taken apart into cells."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ptrapp.core.dialogue import HistoryMode, HistoryOptions
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import BASE, Policy, Sampling
from ptrapp.evaluation.tasks import Task, open_task
from ptrapp.refinement.options import RefineOptions

BASE_NAME = BASE.label
_SEED_STEP = 16_777_259
"""Between the draws of two seeds: farther apart than rounds, candidates and second tries."""


class Setting(StrEnum):
    """How a round comes to be; everything but `refine` is a control."""

    REFINE = "refine"
    """Each round is shown the ones before it: of the base model this is prompted refinement."""
    SWAPPED = "swapped"
    """A later round is shown another problem's attempts. What remains of the gain is not owed to
    the attempt."""
    THOUGHT_REMOVED = "thought removed"
    """A later round is shown the earlier responses without their thoughts."""
    MAJORITY = "majority"
    """Row r: the vote of r independent first rounds. The same compute, spent without refining."""


CONTROLS = (Setting.SWAPPED, Setting.THOUGHT_REMOVED, Setting.MAJORITY)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. The base model is always among the versions: a gain is read against it."""

    versions: tuple[str, ...] = (BASE_NAME,)
    """Names of published adapters, and `base`."""
    rounds: int = 3
    tasks: tuple[Task, ...] = field(default_factory=lambda: (open_task("generated"),))
    n: int = 100
    """Problems of a task, for each seed."""
    thinking: Thinking = Thinking.LATER
    history: HistoryMode = HistoryMode.FULL
    """Which earlier rounds a later one is shown; the same for every version."""
    n_samples: int = 0
    """Answers drawn to a problem; 0 is one greedy answer."""
    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 512
    seeds: tuple[int, ...] = (0,)
    """Each draws its own problems and its own answers, the same for every version."""
    controls: bool = False
    resamples: int = 3
    """How often a malformed answer is drawn again; greedy ones never are."""
    chunk: int = 64
    """Answers asked for at once, and between two looks at whether to stop."""

    def __post_init__(self) -> None:
        if BASE_NAME not in self.versions:
            object.__setattr__(self, "versions", (BASE_NAME, *self.versions))

    @property
    def sampling(self) -> Sampling:
        temperature = self.temperature if self.n_samples else 0.0
        return Sampling(temperature, self.top_p, self.max_tokens)

    def options(self, cell: "Cell") -> RefineOptions:
        """How the rounds of a cell are asked for."""
        return RefineOptions(
            self.thinking,
            replace(self.sampling, seed=cell.draw_seed),
            cell.policy,
            history=HistoryOptions(history_mode=self.history),
        )

    @property
    def n_answers(self) -> int:
        """Answers to one problem in one round."""
        return max(1, self.n_samples)

    @property
    def decoding(self) -> str:
        """In words: greedy or sampled, when it thinks, and what a later round is shown."""
        how = f"{self.n_samples} samples at {self.temperature:g}" if self.n_samples else "greedy"
        shown = ", last answer alone" if self.history is HistoryMode.LAST else ""
        return f"{how}, thinking {self.thinking.value}{shown}"

    def cells(self) -> Iterator["Cell"]:
        """In the order of measuring: a control comes after the refinement that it starts from."""
        for seed in self.seeds:
            for task in self.tasks:
                for version in self.versions:
                    for setting in self._settings(version):
                        yield Cell(version, task.name, seed, setting)

    def _settings(self, version: str) -> tuple[Setting, ...]:
        """Controls are of the tuned versions; of the base model when it is alone."""
        if self.controls and (version != BASE_NAME or len(self.versions) == 1):
            return (Setting.REFINE, *(CONTROLS if self.rounds > 1 else ()))
        return (Setting.REFINE,)


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
        """Where its draws begin: alike for all versions, so that they differ by version alone."""
        return self.seed * _SEED_STEP


def n_rounds_asked(setting: Setting, rounds: int) -> int:
    """Rounds that a cell has to write: two of the controls go on from the first one."""
    return rounds - 1 if setting in (Setting.SWAPPED, Setting.THOUGHT_REMOVED) else rounds
