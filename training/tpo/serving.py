"""The policy as it answers while a job runs: its own engine, the parent pinned, stopped at once."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from db.models import Adapter, AdapterStatus, Prompt
from ptrapp.core.dialogue import build_messages
from ptrapp.core.errors import EngineError, ParentUnusable
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.engines.base import Engine, Failed, Finished, Priority, Request
from ptrapp.engines.opening import open_engine
from training.claim import Claim, StopRequested


class Answer(NamedTuple):
    place: int
    """Of the request."""
    outcome: Completion | EngineError


@contextmanager
def serving(claim: Claim, parent: Adapter | None) -> Iterator[tuple[Engine, Policy]]:
    """An engine that answers with the parent version, closed afterwards: training needs its memory.

    The parent is not retired at the end: a server may be answering others with it. Raises
    `ParentUnusable`, and what engines raise.
    """
    if parent is not None and parent.status is AdapterStatus.REJECTED:
        raise ParentUnusable(
            f"The parent version {parent.name} was rejected ({parent.reason}). Train from another "
            "version, or from the base model."
        )
    engine = open_engine(claim.settings)
    try:
        policy = BASE
        if parent is not None:
            engine.publish(parent.name, Path(parent.path))
            policy = Policy(parent.name)
        with engine.pin(policy):
            yield engine, policy
    finally:
        engine.close()


def request(
    engine: Engine, prompt: Prompt, thinking: bool, sampling: Sampling, policy: Policy
) -> Request:
    """Ask for one answer to a prompt alone."""
    messages = build_messages(
        prompt.text, (), engine.thought_format, thinking, system=prompt.system
    )
    return Request(messages, thinking, sampling, policy, Priority.JOB)


def answers(claim: Claim, engine: Engine, requests: Sequence[Request]) -> Iterator[Answer]:
    """Hand out answers as they come. Raises `StopRequested` while they are being written."""
    with closing(engine.stream(requests)) as events:
        for event in events:
            if claim.stop.is_set():
                raise StopRequested
            match event:
                case Finished(index, completion):
                    yield Answer(index, completion)
                case Failed(index, error):
                    yield Answer(index, error)
