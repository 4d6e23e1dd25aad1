"""How rounds or candidates are asked for: one value that every way of asking takes."""

from dataclasses import asdict, dataclass
from typing import Any

from ptrapp.core.dialogue import FULL_HISTORY, HistoryOptions
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Policy, Sampling


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """Everything but the engine, the prompt, its history, and how many rounds or candidates."""

    thinking: Thinking
    """Which rounds think first."""
    sampling: Sampling
    """Its seed is where all draws begin: every round and candidate has one of its own after it."""
    policy: Policy
    """Pinned by whoever asks, for the whole trajectory."""
    system: str | None = None
    """The system message before the prompt."""
    history: HistoryOptions = FULL_HISTORY
    """How a later round is shown the earlier ones."""
    stop_unchanged: bool = False
    """End a chain early with the round whose response is the one before it again: nothing is left
    to refine."""

    def as_settings(self) -> dict[str, Any]:
        """What every run keeps of them; one that may show its rounds in another way than the
        default keeps `history.as_settings()` too. The policy is a column of the run's."""
        return {"thinking": self.thinking.value, "sampling": asdict(self.sampling)}
