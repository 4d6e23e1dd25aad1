"""A job's own engine: versions loaded on it, the parent pinned, requests put and answers read."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from db.models import Adapter, Prompt
from db.registry.servable import why_not_served
from ptrapp.core.dialogue import build_messages, turns_of
from ptrapp.core.errors import EngineError, ParentUnusable
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.engines.base import Engine, Failed, Finished, Priority, Request
from ptrapp.engines.opening import open_engine
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim


class Answer(NamedTuple):
    place: int
    """Of the request."""
    outcome: Completion | EngineError


@contextmanager
def serving(claim: Claim, parent: Adapter | None) -> Iterator[tuple[Engine, Policy]]:
    """An engine that answers with the parent version, closed afterwards: training needs its memory.

    What it writes is given up as soon as the job is to stop. The parent is not retired at the end:
    a server may be answering others with it. Raises `ParentUnusable`, and what engines raise.
    """
    with closing(CancellableEngine(open_engine(claim.settings), claim.stop)) as engine:
        if mistake := why_not_served(parent, engine.model_id):
            raise ParentUnusable(mistake)
        policy = load(engine, parent)
        with engine.pin(policy):
            yield engine, policy


def request(
    engine: Engine, prompt: Prompt, thinking: bool, sampling: Sampling, policy: Policy
) -> Request:
    """Ask for one answer to a prompt alone."""
    messages = build_messages(
        prompt.text,
        (),
        engine.thought_format,
        thinking,
        system=prompt.system,
        context=turns_of(prompt.context),
    )
    return Request(messages, thinking, sampling, policy, Priority.JOB)


def answers(engine: Engine, requests: Sequence[Request]) -> Iterator[Answer]:
    """Hand out answers as they come."""
    with closing(engine.stream(requests)) as events:
        for event in events:
            match event:
                case Finished(index, completion):
                    yield Answer(index, completion)
                case Failed(index, error):
                    yield Answer(index, error)


def load(engine: Engine, version: Adapter | None) -> Policy:
    """Have the engine load a version, unless it has it already. Raises `AdapterRejected`."""
    if version is None:
        return BASE
    if version.name not in engine.published():
        engine.publish(version.name, Path(version.path))
    return Policy(version.name)
