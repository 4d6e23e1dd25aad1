"""The settings of a TPO iteration, and the checks across them."""

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.core.errors import ConfigurationError
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Sampling
from ptrapp.preferences.pairing import MAX_MALFORMED, MAX_RHO
from ptrapp.preferences.scoring import Pairwise
from ptrapp.recipes import preferences
from ptrapp.recipes.preferences import PreferenceConfig
from ptrapp.recipes.reading import STRICT, Words
from ptrapp.recipes.training import Tune
from ptrapp.tasks.fitting import AUTO


class Malformed(StrEnum):
    """What becomes of a completion that does not keep to the thought format."""

    ENFORCE = "enforce"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, config=STRICT)
class TpoConfig(PreferenceConfig):
    """The settings of a TPO job; those of DPO say how its pairs are learnt."""

    prompts: Annotated[str, Field(min_length=1)] = AUTO
    """Source of fresh prompts: generated (problems with a known answer) or instructions (requests
    with constraints), both of which the verifier can judge, auto (generated for the bundled model
    and those grown from it, instructions for others), stored (prompts of the database that
    may be learnt from), hf:NAME[:CONFIG][:SPLIT], or a file (JSONL, JSON, CSV, TSV, Parquet)."""
    n_prompts: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Prompts to sample, which no TPO job has sampled before. The paper takes 5,000."""
    k: Annotated[int, Field(ge=2, le=64)] = 8
    """Completions of each prompt; the paper's number."""
    temperature: Annotated[float, Field(gt=0, le=5)] = 0.8
    """Temperature of the samples; the paper's."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Nucleus of the samples; the paper's."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    """Most tokens of a response."""
    max_thought_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    """Most tokens of the thought before it."""
    system: Words | None = None
    """The system message before each prompt that has none of its own, here and in training; null
    is none."""
    thinking: bool = True
    """Whether the model thinks before it responds; false is the direct baseline."""
    malformed: Malformed | None = None
    """What becomes of a completion that does not keep to the thought format: enforce (the thought
    is opened and ended for the model) or reject (taken as it comes, at best to be rejected: the
    paper's). null enforces it unless the model follows the format by itself."""
    pairwise: Pairwise = Pairwise.ALL
    """Pairs that a judge which only compares is asked about: all, or all with the candidate of
    median length (pivot), a quarter of the work at k 8."""
    human_weight: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Weight of a person's vote on the same candidates, in verdicts of the judge."""
    with_human_pairs: bool = False
    """Also learn from people's votes that no version has learnt yet."""
    rho: Annotated[float, Field(ge=-MAX_RHO, le=MAX_RHO)] | None = None
    """Length control; null raises it from 0 until chosen responses are no longer than rejected, or
    lowers it until they are not shorter by more than a twentieth."""
    most_malformed: Annotated[float, Field(ge=0, lt=1)] = MAX_MALFORMED
    """Largest share of pairs whose rejected side is malformed: more would teach form alone."""
    n_selection: Annotated[int, Field(ge=0, le=100_000)] = 50
    """Held-out prompts on which the judge selects the checkpoint: the parent and every checkpoint
    answer them all. 0 selects by held-out loss. The paper takes 1,500."""
    iterations: Annotated[int, Field(ge=1, le=100)] = 1
    """Iterations left, this one included; the next continues from this one's version."""

    @property
    def sampling(self) -> Sampling:
        """The sampling of candidate 0 of the first prompt."""
        return replace(self.greedy, temperature=self.temperature, top_p=self.top_p, seed=self.seed)

    @property
    def greedy(self) -> Sampling:
        """The sampling of checkpoints on held-out prompts."""
        return Sampling(
            temperature=0.0,
            max_tokens=self.max_tokens,
            max_thought_tokens=self.max_thought_tokens,
        )

    def treatment(self, fmt: ThoughtFormat) -> Malformed:
        """Returns what becomes of malformed completions of a model with this format."""
        return self.malformed or (Malformed.REJECT if fmt.followed else Malformed.ENFORCE)


def check(config: TpoConfig) -> None:
    """Raises `ConfigurationError` for settings that are valid alone and contradict each other."""
    preferences.check(config)
    if config.tune is Tune.FULL and (config.n_selection or config.iterations > 1):
        raise ConfigurationError(
            "tune full makes a model of its own, which cannot be served beside the others: set "
            f"n_selection to 0 (it is {config.n_selection}) and iterations to 1 (it is "
            f"{config.iterations}), or choose tune lora."
        )
