"""Defines the values passed between packages: messages, sampling, policies, completions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class MessageRole(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat, as a chat template takes it."""

    role: MessageRole
    content: str

    def as_dict(self) -> dict[str, str]:
        return {"role": self.role.value, "content": self.content}

    @classmethod
    def from_dict(cls, row: Mapping[str, str]) -> "Message":
        return cls(MessageRole(row["role"]), row["content"])


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is sampled; `temperature == 0` is greedy and ignores top-p and seed."""

    temperature: float = 0.8
    top_p: float = 0.95
    max_tokens: int = 256
    """Most tokens of the response; a thought before it has a budget of its own."""
    seed: int = 0
    """Seed of this one completion: the same seed gives the same text alone and in any batch."""
    stop: tuple[str, ...] = ()
    """The completion ends before the first of these that the model writes; none is empty. Text of a
    template or a prefill does not count."""
    max_thought_tokens: int = 256
    """Most tokens of the thought, its opening included and its end not."""

    @property
    def greedy(self) -> bool:
        return self.temperature == 0


@dataclass(frozen=True, slots=True)
class Policy:
    """A base model with at most one adapter version; pinned for a whole trajectory."""

    adapter: str | None = None
    """Name of the published version, `None` for the base model."""

    @property
    def label(self) -> str:
        return self.adapter or "base"


BASE = Policy()


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


CUT_OFF = "(cut off at the token limit)"
"""What is said of a response that ended by `LENGTH`."""


class ThoughtEnd(StrEnum):
    """Who ended a thought."""

    MODEL = "model"
    """The model wrote the response marker itself."""
    TURN = "turn"
    """It ended its turn without the marker."""
    BUDGET = "budget"
    """It used its thought budget, or all the room there was, without the marker."""


class Choice(StrEnum):
    """Which of two responses a rater prefers. A tie is a choice, not an absence.

    The values are those of a stored vote's outcome, which may be withdrawn besides.
    """

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"

    def mirrored(self) -> "Choice":
        """Returns the choice with left and right swapped."""
        match self:
            case Choice.LEFT:
                return Choice.RIGHT
            case Choice.RIGHT:
                return Choice.LEFT
            case _:
                return self


@dataclass(frozen=True, slots=True)
class Preference:
    """What a rater decided about two responses, and how much better the preferred one is."""

    choice: Choice
    strength: int = 1
    """1 to 3; has no meaning for a tie or both bad."""

    def mirrored(self) -> "Preference":
        """Returns the preference with left and right swapped.

        >>> Preference(Choice.LEFT, 3).mirrored()
        Preference(choice=<Choice.RIGHT: 'right'>, strength=3)
        """
        return Preference(self.choice.mirrored(), self.strength)


@dataclass(frozen=True, slots=True)
class Split:
    """A raw completion in two parts: the thought is hidden, the response is shown and judged."""

    thought: str
    response: str
    well_formed: bool
    """True when the markers are there in order and the response is not empty."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One raw output of a policy and how it was generated."""

    raw: str
    """Everything from the first generated (or prefilled) marker to the end, markers included."""
    split: Split
    token_ids: tuple[int, ...]
    """Ids as generated, with the end-of-turn token and without prefilled ids. Empty where a server
    does not return them, and where a stop string cut the text: the last ids then spell what is not
    in `raw` and must not be learnt. Training then tokenises `raw` and adds the end of turn."""
    n_thought_tokens: int
    n_response_tokens: int
    finish_reason: FinishReason
    logprob_sum: float | None
    """Sum over `token_ids` under the policy, untempered, in nats; None where a server returns none,
    and where there are no ids."""
    thought_s: float
    """Seconds from the first token to the response marker."""
    duration_s: float
    """Seconds from the request to the last token, queueing included."""
    logps: tuple[float, ...] = ()
    """Of each of `token_ids`, where the request asked for them; their sum is `logprob_sum`."""
    thought_end: ThoughtEnd | None = None
    """Who ended the thought; None for a direct answer. Unless it was the model, an enforced thought
    was ended for it, and the ids that did so are among `token_ids`."""
    asked_again: bool = False
    """Whether the model ended its turn before any response, and had to go on once."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier round as a later one sees it."""

    thought: str
    response: str
    raw: str


History = Sequence[Turn]
