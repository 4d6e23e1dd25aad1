"""The settings of a job that makes refinement data, and the checks across them."""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode, HistoryOptions
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.thoughts import Thinking, ThoughtFormat
from ptrapp.core.types import Policy, Sampling
from ptrapp.recipes.mask_sft import Preset
from ptrapp.recipes.reading import STRICT, Words
from ptrapp.refinement.options import RefineOptions
from ptrapp.tasks.families import GENERATED
from ptrapp.tasks.fitting import AUTO
from ptrapp.tasks.instructions import INSTRUCTIONS

SOLVER, BEST_OF_N, STRONG, HUMAN, VERSION = "solver", "best_of_n", "strong", "human", "version:"
SOLVED = (GENERATED, INSTRUCTIONS)
"""Sources of questions for which a program has final answers."""
SAMPLED = (BEST_OF_N, STRONG)
"""Sources of final answers that sample them; a version by its name samples too."""


@dataclass(frozen=True, slots=True, config=STRICT)
class PtrDataConfig:
    """The settings of a job that makes refinement data."""

    queries: Annotated[str, Field(min_length=1)] = AUTO
    """Source of questions: generated (with worked solutions), instructions (requests with
    constraints), auto (generated for the bundled model and those grown from it, instructions for
    others), a file (JSONL, JSON, CSV, TSV, Parquet), or a data set as
    hf:NAME[:CONFIG][:SPLIT], which may be a local folder."""
    n_queries: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Most questions asked, drawn after the cleaning."""
    question_column: str = "question"
    """Column of the question in a file or data set."""
    answer_column: str = "answer"
    """Column of the reference answer, if there is any."""
    exclude: str = ""
    """A file of test questions, in the same columns: none of them is asked."""
    max_query_chars: Annotated[int, Field(ge=10)] = 4_000
    """Longer questions are dropped: about 1,000 tokens of English."""
    max_rare: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A question is dropped when more than this share of its words occur in no other question; on
    1,000 of the authors' own queries 0.5 drops one in a hundred, most of them in other languages.
    1 keeps all."""
    rounds: Annotated[int, Field(ge=2, le=5)] = 3
    """Rounds of a trajectory, the final answer among them."""
    attempts: Annotated[str, Field(min_length=1)] = "own"
    """Generator of the earlier rounds: own (the parent version of this job), base, or the name of a
    version. Attempts by another model harmed strong models (PASR), hence own."""
    final: str = AUTO
    """Source of the final answer: solver (a program's: the worked solution of a generated question,
    or the attempt mended step by step until it keeps an instruction's constraints), best_of_n (the
    parent itself, best of n_samples), strong (the server of --strong-base-url), version:NAME (a
    stronger version), or human (the preferred candidate of each prompt people voted on). auto is
    solver for generated questions and best_of_n for others."""
    progressive: bool = False
    """Draw the rounds from n_samples answers to the bare question, in rising order of the judge's
    score, each better than the one before where there are enough scores: with two constraints an
    answer that keeps none, one, both. It needs best_of_n, and a judge that gives scores."""
    independent: bool = False
    """Generate the final answer without the attempts, as the authors' released code does; the paper
    generates it in their context."""
    thinking: Thinking | None = None
    """Which rounds think first: always, later (from round 2) or never. null is later, in which the
    gain of a round is measured, and never for a model that does not follow its thought format."""
    history_mode: HistoryMode = HistoryMode.FULL
    """Which earlier rounds a later one is shown, here and in training."""
    keep_thoughts: bool = True
    """Whether earlier rounds are shown with their thoughts, here and in training."""
    refine_instruction: Words = REFINE_INSTRUCTION
    """The user turn between two rounds, the same each time, here and in training."""
    system: Words | None = None
    """The system message before each question, here and in training; null is none."""
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.95
    """Temperature of attempts and sampled finals; 0 is greedy. The authors' value."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Nucleus of attempts and sampled finals. The authors' value."""
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] = 256
    """Most tokens of a response; a round that is cut is not learnt from. The authors': 2,048."""
    max_thought_tokens: Annotated[int, Field(ge=1, le=32_768)] = 256
    """Most tokens of the thought before it."""
    n_samples: Annotated[int, Field(ge=2, le=256)] = 8
    """Final answers sampled for each question, where one is chosen (best_of_n) or their consistency
    is asked for."""
    min_chars: Annotated[int, Field(ge=1)] = 5
    """Shorter responses drop their trajectory, as in the authors' code."""
    consistency: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Least mean cosine between the n_samples finals of a question; below it the trajectory is
    dropped. 0 is off: the paper gives no threshold, the authors' code has no such filter, and it
    costs n_samples answers a question."""
    embedding_model: str = ""
    """Folder or hub id of the sentence-embedding model of that cosine; empty takes the policy's own
    last hidden states, mean-pooled, whose cosines are all nearer to 1."""
    learn: bool = False
    """Whether a thought-mask fine-tuning of the same parent is queued when the data are there."""
    learn_preset: Preset = Preset.OFFICIAL
    """Preset of that fine-tuning."""
    learn_epochs: Annotated[int, Field(ge=1, le=100)] = 3
    """Passes over its examples."""
    learn_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Peak of its learning rate; null chooses by the model's size."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the choice of questions and of everything sampled."""
    chunk_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Questions answered at once and stored together: the most that a kill loses."""

    @property
    def learning(self) -> dict[str, float | str]:
        """The settings of that fine-tuning that differ from its own defaults."""
        chosen = {
            "preset": None if self.learn_preset is Preset.OFFICIAL else self.learn_preset.value,
            "epochs": None if self.learn_epochs == 3 else self.learn_epochs,
            "learning_rate": self.learn_rate,
        }
        return {name: value for name, value in chosen.items() if value is not None}

    @property
    def n_attempts(self) -> int:
        """Rounds before the first that is learnt. The solver takes two where there is room."""
        return max(1, self.rounds - 2) if self.final == SOLVER else self.rounds - 1

    @property
    def n_drawn(self) -> int:
        """Final answers sampled for each question, where they are sampled at all."""
        return self.n_samples if self.final == BEST_OF_N or self.consistency else 1

    @property
    def thinks(self) -> Thinking:
        """Which rounds think first, in the end."""
        return self.thinking or Thinking.LATER

    def for_model(self, fmt: ThoughtFormat) -> Self:
        """Returns the settings with which rounds think first decided for the model."""
        return replace(self, thinking=self.thinking or fmt.usual_thinking(self.thinks))

    @property
    def is_sampled(self) -> bool:
        return self.final in SAMPLED or self.final.startswith(VERSION)

    @property
    def sampling(self) -> Sampling:
        return Sampling(
            self.temperature,
            self.top_p,
            self.max_tokens,
            self.seed,
            max_thought_tokens=self.max_thought_tokens,
        )

    @property
    def history(self) -> HistoryOptions:
        """How a later round is shown the earlier ones."""
        return HistoryOptions(self.refine_instruction, self.keep_thoughts, self.history_mode)

    def options(self, policy: Policy) -> RefineOptions:
        """Returns how `policy` is asked for rounds; the seed is that of the job."""
        return RefineOptions(
            self.thinks, self.sampling, policy, system=self.system, history=self.history
        )


def resolved(config: PtrDataConfig) -> PtrDataConfig:
    """Returns the settings with `auto` replaced.

    Raises `ConfigurationError` with one line for each contradiction.
    """
    if config.final == AUTO:
        solved = config.queries == GENERATED and not config.progressive
        config = replace(config, final=SOLVER if solved else BEST_OF_N)
    _check(config)
    return config


def check(config: PtrDataConfig) -> None:
    """Raises `ConfigurationError` for settings that no model could be asked with.

    Which questions `auto` stands for is known when the job has its model: what goes together with
    the one or the other source is left to it.
    """
    if config.queries != AUTO:
        resolved(config)
        return
    try:
        resolved(replace(config, queries=GENERATED))
    except ConfigurationError:
        resolved(replace(config, queries=INSTRUCTIONS))


def _check(config: PtrDataConfig) -> None:
    mistakes = []
    known = config.final in (SOLVER, BEST_OF_N, STRONG, HUMAN)
    if not known and not (config.is_sampled and config.final.removeprefix(VERSION)):
        mistakes.append(
            f"final {config.final!r} is unknown; choose auto, solver, best_of_n, strong, human, or "
            "version:NAME"
        )
    if config.final == SOLVER and config.queries not in SOLVED:
        mistakes.append(
            "final solver knows generated questions and instructions only; set queries to "
            f"{' or '.join(SOLVED)}, or choose another final"
        )
    if config.final == BEST_OF_N and config.temperature == 0:
        mistakes.append("final best_of_n needs different samples; set a temperature above 0")
    if config.progressive and config.final != BEST_OF_N:
        mistakes.append(
            f"progressive takes the final from the answers it draws; set final to best_of_n (it is "
            f"{config.final})"
        )
    if config.progressive and config.consistency:
        mistakes.append("progressive wants different answers; set consistency to 0")
    if config.consistency and not config.is_sampled:
        mistakes.append(
            f"consistency compares sampled finals, and final {config.final} samples none; set it "
            "to 0"
        )
    if config.consistency and config.temperature == 0:
        mistakes.append("consistency of greedy answers says nothing; set a temperature above 0")
    if mistakes:
        raise ConfigurationError("\n".join(["These settings do not go together:", *mistakes]))
