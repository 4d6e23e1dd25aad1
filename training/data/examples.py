"""The examples a policy learns from: completions with the messages they answer.

How a later round was shown the earlier ones is stored with its run, and is repeated here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from db.models import Round
from ptrapp.core.dialogue import HistoryOptions, build_messages, stored_messages
from ptrapp.core.thoughts import ThoughtFormat, split
from ptrapp.core.types import FinishReason, Message, Turn
from training.jobs.payload import Filters


@dataclass(frozen=True, slots=True)
class Target:
    """A completion to learn from: thought and response, as the policy wrote it."""

    raw: str
    completion_ids: tuple[int, ...] | None
    """Ids as generated, end of turn included; None for text not generated in this form."""
    finished: bool = True
    """False when the token limit cut the completion: no end of turn is added then."""


@dataclass(frozen=True, slots=True)
class PairExample:
    """Two completions of the same messages, and which one is better."""

    messages: tuple[Message, ...]
    thinking: bool
    chosen: Target
    rejected: Target
    vote_ids: tuple[int, ...]
    outcomes: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """Shares of the votes: for chosen, for a tie, for rejected."""
    strength: float = 1.0
    """How much better the chosen one is, 1 to 3."""
    n_context: int = 0
    """Messages of the conversation before the question, a system message not counted."""


class TrajectoryKind(StrEnum):
    REFINED = "refined"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class TrajectoryExample:
    """A completion to imitate after its history; the history is read, not learnt."""

    messages: tuple[Message, ...]
    thinking: bool
    target: Target
    kind: TrajectoryKind
    n_context: int = 0
    """Messages of the conversation before the question, a system message not counted."""


E = TypeVar("E")


class Gathered(NamedTuple, Generic[E]):
    """The examples that the stored rows gave, and the rows that gave none, by reason."""

    examples: tuple[E, ...]
    dropped: Counter[str]
    highest_vote_id: int


def in_words(dropped: Counter[str]) -> str:
    """Returns a sentence on what was left out, the most frequent reason first.

    >>> in_words(Counter({"tie": 2, "empty response": 1}))
    'Left out: 2 × tie, 1 × empty response.'
    """
    if not dropped.total():
        return "There is nothing new since the last training."
    reasons = (f"{n} × {reason}" for reason, n in dropped.most_common())
    return f"Left out: {', '.join(reasons)}."


def in_filters(round_: Round, filters: Filters) -> bool:
    """Returns whether a round is of a run that was asked for."""
    return filters.runs is None or round_.run_id in filters.runs


def messages_of(fmt: ThoughtFormat, round_: Round, history: Sequence[Round]) -> tuple[Message, ...]:
    """Returns the messages that a round was generated from."""
    turns = [Turn(earlier.thought, earlier.response, _raw(fmt, earlier)) for earlier in history]
    prompt = round_.prompt
    return build_messages(
        prompt.text,
        turns,
        fmt,
        round_.thinking,
        system=prompt.system,
        context=stored_messages(prompt.context),
        shown=HistoryOptions.from_settings(round_.run.settings),
    )


def _raw(fmt: ThoughtFormat, round_: Round) -> str:
    """Returns the text as the policy writes it: text that it did not write is put in its format."""
    if round_.completion_ids:
        return round_.raw
    opening = fmt.prefill(round_.thinking).strip() or (fmt.thought_marker * round_.thinking)
    parts = split(round_.raw, fmt, round_.thinking)
    as_stored = (parts.thought, parts.response) == (round_.thought, round_.response)
    if as_stored and round_.raw.lstrip().startswith(opening):
        return round_.raw
    return fmt.write(round_.thought, round_.response)


def target_of(fmt: ThoughtFormat, round_: Round, thinking: bool) -> Target:
    """Returns the round's completion, rewritten into the other mode where `thinking` differs."""
    finished = round_.finish_reason != FinishReason.LENGTH
    if round_.thinking == thinking:
        ids = tuple(round_.completion_ids) if round_.completion_ids else None
        return Target(_raw(fmt, round_), ids, finished)
    write = fmt.write_unthought if thinking else partial(fmt.write, "")
    return Target(write(round_.response), None, finished)
