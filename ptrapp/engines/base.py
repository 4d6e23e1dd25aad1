"""Defines the protocol of engines: requests in, events out, adapters published and retired."""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import BASE, Completion, Message, Policy, Sampling, Split


class Priority(StrEnum):
    """Who waits for an answer. An engine without priorities treats all requests alike."""

    PERSON = "person"
    JOB = "job"
    """Gets the smaller share of the time while people wait, or none of it on a server that serves
    people first."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for one completion."""

    messages: tuple[Message, ...]
    thinking: bool
    sampling: Sampling
    policy: Policy = BASE
    priority: Priority = Priority.PERSON
    logps: bool = False
    """Whether the completion is to carry the log-probability of each of its tokens."""
    enforce: bool | None = None
    """Whether a thought is opened and ended for a model that does not do so itself, and an answer
    that ends before it begins has to go on. None leaves it to the thought format; False takes the
    completion as it comes, malformed or empty."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The partial completion of request `index`; sent at most every few tokens."""

    index: int
    split: Split
    """The text so far, split; incomplete markers and characters are held back."""
    n_tokens: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """Request `index` is complete (or was cut by its token limit)."""

    index: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class Failed:
    """Request `index` cannot be answered; the other requests of the call continue."""

    index: int
    error: EngineError


Event = Delta | Finished | Failed


class Engine(Protocol):
    """A base model with any number of published adapter versions.

    Every method may be called from any thread.
    """

    @property
    def model_id(self) -> str:
        """The base model as adapters name it (`base_model_name_or_path`)."""
        ...

    @property
    def context_length(self) -> int: ...

    @property
    def thought_format(self) -> ThoughtFormat: ...

    @property
    def about(self) -> tuple[str, ...]:
        """What it is and can do, a sentence each, for a page."""
        ...

    @property
    def failure(self) -> str | None:
        """Why it answers nobody any more, in words; None while it does."""
        ...

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        """Answers `requests` concurrently; events of different requests interleave.

        Exactly one `Finished` or `Failed` per request. Closing the generator early cancels what is
        still running. Raises `EngineUnavailable` when the engine is closed.
        """
        ...

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int: ...

    def publish(self, name: str, path: Path) -> None:
        """Loads the adapter folder under a name never used before and samples one token with it.

        Raises `AdapterRejected`, or `AdaptersUnsupported` if the engine would refuse every adapter;
        the engine then serves on as before.
        """
        ...

    def retire(self, name: str) -> None:
        """Unloads the version once it is no longer pinned."""
        ...

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        """Keeps the version loaded while the context is open. Raises `PolicyMissing`."""
        ...

    def published(self) -> frozenset[str]:
        """Returns the names of the adapters that requests may use."""
        ...

    def close(self) -> None: ...


def complete(
    engine: Engine, requests: Sequence[Request], ended: Callable[[], None] = lambda: None
) -> list[Completion | EngineError]:
    """Returns the outcomes of `requests` in their order; calls `ended` after each of them."""
    outcomes: dict[int, Completion | EngineError] = {}
    with closing(engine.stream(requests)) as events:
        for event in events:
            match event:
                case Finished(index, completion):
                    outcomes[index] = completion
                case Failed(index, error):
                    outcomes[index] = error
                case _:
                    continue
            ended()
    return [outcomes[index] for index in range(len(requests))]
