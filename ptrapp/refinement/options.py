"""The options of refinement as one value, which refining and sampling alike take."""

from dataclasses import asdict, dataclass
from typing import Any

from ptrapp.core.dialogue import FULL_HISTORY, HistoryOptions
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Policy, Sampling


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """How rounds or candidates of a prompt are generated; their number is a separate argument."""

    thinking: Thinking
    """Which rounds think first."""
    sampling: Sampling
    """Its seed is that of round 0; later rounds and candidates derive theirs from it."""
    policy: Policy
    """Pinned by the caller for the whole trajectory."""
    system: str | None = None
    """The system message before the prompt."""
    history: HistoryOptions = FULL_HISTORY
    """How a later round is shown the earlier ones."""
    stop_unchanged: bool = False
    """Whether a chain ends early, after a round that repeats the response before it."""

    def as_settings(self) -> dict[str, Any]:
        """Returns the settings that every run stores.

        A run whose history options can be chosen stores `history.as_settings()` beside them. The
        policy is a column of the run.
        """
        return {"thinking": self.thinking.value, "sampling": asdict(self.sampling)}
