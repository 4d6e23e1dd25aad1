"""The seam every engine fills: requests in, events out, adapters published and retired."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import BASE, Completion, Message, Policy, Sampling, Split


class Priority(StrEnum):
    """Who waits for an answer. An engine that cannot tell them apart answers all alike."""

    PERSON = "person"
    JOB = "job"
    """Nobody reads along: it gets the smaller share of the time while people are waiting, or none
    of it on a server that serves people first."""


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to be drawn."""

    messages: tuple[Message, ...]
    thinking: bool
    sampling: Sampling
    policy: Policy = BASE
    priority: Priority = Priority.PERSON
    logps: bool = False
    """Whether the completion is to carry the log-probability of each of its tokens."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What request `index` has written so far; sent at most every few tokens."""

    index: int
    split: Split
    """The text so far, taken apart; half-written markers and characters are held back."""
    n_tokens: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """Request `index` is complete (or was cut by its token limit)."""

    index: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class Failed:
    """Request `index` cannot be answered; the other requests of the call go on."""

    index: int
    error: EngineError


Event = Delta | Finished | Failed


class Engine(Protocol):
    """A base model that answers, with any number of published adapter versions beside it.

    Every method may be called from any thread.
    """

    model_id: str
    """The base model as adapters name it (`base_model_name_or_path`)."""
    context_length: int
    thought_format: ThoughtFormat
    about: tuple[str, ...]
    """What it is and what it was seen to do, a sentence each, for a page."""

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        """Answer `requests` at once; events of different requests interleave.

        Exactly one `Finished` or `Failed` per request. Closing the generator early cancels what is
        still running. Raises `EngineUnavailable` when the engine is closed.
        """
        ...

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int: ...

    def publish(self, name: str, path: Path) -> None:
        """Load the adapter folder under its name, once and for all, and answer one token with it.

        Raises `AdapterRejected`, or `AdaptersUnsupported` by an engine that would refuse every
        adapter; it then serves on as before.
        """
        ...

    def retire(self, name: str) -> None:
        """Unload the version once nobody has it pinned."""
        ...

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        """Keep the version loaded while the context is open. Raises `PolicyMissing`."""
        ...

    def published(self) -> frozenset[str]:
        """Names of the adapters that can be asked for."""
        ...

    def close(self) -> None: ...


def complete(engine: Engine, requests: Sequence[Request]) -> list[Completion | EngineError]:
    """Answer `requests` without streaming, in their order."""
    outcomes: dict[int, Completion | EngineError] = {}
    for event in engine.stream(requests):
        match event:
            case Finished(index, completion):
                outcomes[index] = completion
            case Failed(index, error):
                outcomes[index] = error
    return [outcomes[index] for index in range(len(requests))]
