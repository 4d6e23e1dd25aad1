"""Defines the records to which every format is converted: prompts, completions, labelled pairs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ptrapp.core.types import Message, Preference

WITHDRAWN = "withdrawn"
"""Outcome of a vote that withdraws an earlier one and states no preference."""


@dataclass(frozen=True, slots=True)
class PromptText:
    """A question: the last user turn, and what comes before it."""

    text: str
    system: str | None = None
    context: tuple[Message, ...] = ()
    """Earlier turns of the conversation, users' and assistants'."""
    reference_answer: str | None = None
    task: str | None = None
    source: str | None = None
    """Its origin in a native file; for other files it is the name of the import."""
    held_out: bool = False
    """Reserved for evaluation, never trained on."""


@dataclass(frozen=True, slots=True)
class CompletionText:
    """One answer with its thought apart, and what native files hold besides."""

    raw: str
    thought: str
    response: str
    thinking: bool
    well_formed: bool = True
    finish_reason: str = "stop"
    correct: bool | None = None
    n_thought_tokens: int = 0
    n_response_tokens: int = 0
    thought_end: str | None = None
    """Who ended the thought, where it is known."""
    asked_again: bool = False
    """The model had to go on after an answer that ended before it began."""
    author: str = "import"
    """`policy`, another model, or `import` where the file does not say."""
    version: str | None = None
    """Name of the adapter that wrote it."""
    copy: int = 0
    """Distinguishes completions of one prompt that are equal in everything else."""
    history: tuple["CompletionText", ...] = ()
    """The earlier rounds of its chain, oldest first."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """How the history was shown to the model: settings of its run."""


@dataclass(frozen=True, slots=True)
class StoredVote:
    """What native files hold of a vote besides the preference."""

    key: str
    rater_kind: str
    rater: str
    purpose: str
    blind: bool
    agreed: bool | None
    decided_ms: int | None
    client: str
    supersedes: str | None
    """Key of the vote that it replaces."""
    on_left: str | None
    """Which of the two was shown on the left; None where nothing was shown."""
    created_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """One rater's label of a pair, in terms of its left and right."""

    preference: Preference | None
    """None withdraws the rater's earlier vote, in native files only."""
    user: str | None = None
    """The rater's name in the file, None where it has none."""
    rationale: str | None = None
    vote: StoredVote | None = None
    nth: int = 1
    """Which of the labels of this pair by nobody who is named, where they contradict each other."""

    @property
    def outcome(self) -> str:
        """The outcome as it is stored and written."""
        return self.preference.choice.value if self.preference else WITHDRAWN

    @property
    def strength(self) -> int:
        return self.preference.strength if self.preference else 1


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Two completions of one prompt, and all labels of them in one row."""

    prompt: PromptText
    left: CompletionText
    right: CompletionText
    labels: tuple[GivenLabel, ...]
    aspect: str = "response"


@dataclass(frozen=True, slots=True)
class Attempted:
    """A question, a weak attempt and a strong answer, as in the PTR authors' data."""

    prompt: PromptText
    weak: str
    strong: str


@dataclass(frozen=True, slots=True)
class Rated:
    """One completion labelled good or bad without a comparison."""

    prompt: PromptText
    completion: CompletionText
    good: bool
    nth: int = 1
    """Which of the labels of this completion, where they contradict each other."""


Record = PromptText | JudgedPair | Attempted | Rated


class Found(NamedTuple):
    """The records of one row, and what of it was left out, one reason for each."""

    records: Sequence[Record]
    left_out: Sequence[str] = ()


class ReadPlan(NamedTuple):
    """How every row of a file is read, decided once for the whole file."""

    read: Callable[[Mapping[str, Any]], Found]
    """Raises `BadRow`."""
    used: tuple[str, ...] = ()
    """Columns that are read."""
    said: tuple[str, ...] = ()
    """Sentences about the reading that a person should check."""
    about: tuple[str, ...] = ()
    """Columns that a program writes about its rows; they are not listed as unused."""
    inner: tuple[str, ...] = ()
    """Fields and controls inside of nested rows that are read."""
    inner_unused: tuple[str, ...] = ()
