"""The settings of an evaluation."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.core.dialogue import REFINE_INSTRUCTION, HistoryMode
from ptrapp.core.thoughts import Thinking
from ptrapp.recipes.reading import STRICT, Words
from ptrapp.tasks.fitting import AUTO


@dataclass(frozen=True, slots=True, config=STRICT)
class EvaluateConfig:
    """The settings of an evaluation."""

    versions: tuple[str, ...] | None = None
    """Names of the versions; null is the base model and the version the job was queued for. The
    base model is always among them. A control that was trained otherwise is one more name."""
    tasks: Annotated[tuple[str, ...], Field(min_length=1)] = (AUTO,)
    """Problems: auto (generated for the bundled model and those grown from it, instructions for
    others), generated (families used in training), held_out (families never used),
    instructions, instructions_held_out (unseen topics), instructions_new_kinds (unseen kinds of
    constraint), ifeval:FILE (IFEval's own file), a file (JSONL, JSON, CSV, TSV, Parquet), or a data
    set as hf:NAME:CONFIG:SPLIT."""
    question_column: str = "question"
    """Column of the question in files and data sets."""
    answer_column: str = "answer"
    """Column of the answer, or of the solution that ends with it."""
    choices_column: str = "choices"
    """Column of the choices, if there are any."""
    n: Annotated[int, Field(ge=2, le=100_000)] = 200
    """Problems of each task, for each seed; 200 tell differences of 10 points from chance."""
    rounds: Annotated[int, Field(ge=1, le=10)] = 3
    """Rounds of each chain; the gain saturates at the second or third."""
    thinking: Thinking | None = None
    """Rounds with a thought: always, later (from round 2), or never. null is later, and never for a
    model that does not follow its thought format."""
    history_mode: HistoryMode = HistoryMode.FULL
    """Which earlier rounds a later one is shown: full, or the last one alone."""
    refine_instruction: Words = REFINE_INSTRUCTION
    """The user turn between two rounds, the same each time."""
    system: Words | None = None
    """The system message before each problem; null is none."""
    n_samples: Annotated[int, Field(ge=0, le=1000)] = 0
    """Answers sampled to each problem; 0 is one greedy answer."""
    temperature: Annotated[float, Field(gt=0, le=10)] = 0.8
    """Temperature of the samples, those of the majority vote included."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Samples come from the likeliest tokens of this total probability."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    """Most tokens of a response; one that is cut is mostly wrong."""
    max_thought_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    """Most tokens of the thought before it."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """Each seed has its own problems and answers; several give a standard deviation."""
    controls: bool = True
    """Also measure tuned versions with another problem's attempts, without earlier thoughts, and by
    the majority of independent answers. A gain means little without; it is three times the work."""
    resamples: Annotated[int, Field(ge=0, le=4)] = 3
    """How often a malformed sample is repeated; greedy answers never are."""
    chunk: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Answers asked for at once; a server on a GPU takes several hundred."""
    judge: str | None = None
    """Judge that compares the versions' responses, named as in --judge; null compares none."""
    most_minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    """Minutes for the answers: problems beyond them are left out, the same for all versions; at
    least one chunk is answered. null takes all."""
    known_answers: bool = False
    """Take what an earlier evaluation has to the same problems, asked in the same way."""
