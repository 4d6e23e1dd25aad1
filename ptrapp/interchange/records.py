"""What every format is brought to: prompts, completions, pairs, and what was said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ptrapp.core.types import Message, Preference

WITHDRAWN = "withdrawn"
"""Outcome of a vote that takes an earlier one back and states no preference."""


@dataclass(frozen=True, slots=True)
class PromptText:
    """What was asked: the last user turn, and what stood before it."""

    text: str
    system: str | None = None
    context: tuple[Message, ...] = ()
    """Earlier turns of the conversation, users' and assistants'."""
    reference_answer: str | None = None
    task: str | None = None
    source: str | None = None
    """Where our own file says it came from; other files leave it to the name of the import."""
    held_out: bool = False
    """Kept for evaluation, never learnt from."""


@dataclass(frozen=True, slots=True)
class CompletionText:
    """One answer, its thought apart, and what our own files know of it besides."""

    raw: str
    thought: str
    response: str
    thinking: bool
    well_formed: bool = True
    finish_reason: str = "stop"
    correct: bool | None = None
    n_thought_tokens: int = 0
    n_response_tokens: int = 0
    author: str = "import"
    """`policy`, a stronger writer, or `import` where the file does not say."""
    version: str | None = None
    """Name of the adapter that wrote it."""
    copy: int = 0
    """Tells completions of one prompt apart that are alike in everything else."""
    history: tuple["CompletionText", ...] = ()
    """The earlier rounds of its chain, oldest first."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """How the history was put before it: settings of its run."""


@dataclass(frozen=True, slots=True)
class StoredVote:
    """What our own files know of a vote besides what was said."""

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
    """Which of the two stood on the left of the screen; None where nothing was shown."""
    created_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """What one rater said of a pair, in terms of its left and right."""

    preference: Preference | None
    """None withdraws the rater's earlier vote; only our own files say that."""
    user: str | None = None
    """Who, as the file names him; None for nobody in particular."""
    rationale: str | None = None
    vote: StoredVote | None = None

    @property
    def outcome(self) -> str:
        """The outcome as it is stored and written."""
        return self.preference.choice.value if self.preference else WITHDRAWN

    @property
    def strength(self) -> int:
        return self.preference.strength if self.preference else 1


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Two completions of one prompt, and every opinion on them that one row holds."""

    prompt: PromptText
    left: CompletionText
    right: CompletionText
    labels: tuple[GivenLabel, ...]
    aspect: str = "response"


@dataclass(frozen=True, slots=True)
class Attempted:
    """A question, a weak attempt and a strong answer: the PTR authors' row."""

    prompt: PromptText
    weak: str
    strong: str


@dataclass(frozen=True, slots=True)
class Rated:
    """One completion that was called good or bad, compared with nothing."""

    prompt: PromptText
    completion: CompletionText
    good: bool


Record = PromptText | JudgedPair | Attempted | Rated
