"""Opens a job's own engine, loads versions on it, and reads its answers."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import NamedTuple

from db.models import Adapter, Prompt
from db.registry.servable import why_not_served
from db.registry.stored_paths import located
from ptrapp.artifacts.rows import bring_version
from ptrapp.core.dialogue import build_messages, stored_messages
from ptrapp.core.errors import EngineError, ParentUnusable
from ptrapp.core.types import BASE, Completion, Policy, Sampling
from ptrapp.engines.base import Engine, Failed, Finished, Priority, Request
from ptrapp.engines.opening import open_engine
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim
from training.jobs.patience import patiently


class Answer(NamedTuple):
    request_index: int
    outcome: Completion | EngineError


@contextmanager
def serving(claim: Claim, parent: Adapter | None) -> Iterator[tuple[Engine, Policy]]:
    """Yields an engine and the policy of the parent version; the engine is closed afterwards.

    A stop of the job cancels what the engine generates. The parent is not retired at the end: a
    server may be answering others with it. Raises `ParentUnusable`, and what engines raise.
    """
    with closing(CancellableEngine(open_engine(claim.settings), claim.stop)) as engine:
        if mistake := why_not_served(parent, engine.model_id, claim.settings.data_dir):
            raise ParentUnusable(mistake)
        policy = load(claim, engine, parent)
        with engine.pin(policy):
            yield engine, policy


def request(
    engine: Engine,
    prompt: Prompt,
    thinking: bool,
    sampling: Sampling,
    policy: Policy,
    *,
    enforce: bool | None = None,
) -> Request:
    """Returns the request for one answer to a prompt without earlier rounds."""
    messages = build_messages(
        prompt.text,
        (),
        engine.thought_format,
        thinking,
        system=prompt.system,
        context=stored_messages(prompt.context),
    )
    return Request(messages, thinking, sampling, policy, Priority.JOB, enforce=enforce)


def answers(engine: Engine, requests: Sequence[Request]) -> Iterator[Answer]:
    """Yields answers as they arrive."""
    with closing(engine.stream(requests)) as events:
        for event in events:
            match event:
                case Finished(index, completion):
                    yield Answer(index, completion)
                case Failed(index, error):
                    yield Answer(index, error)


def load(claim: Claim, engine: Engine, version: Adapter | None) -> Policy:
    """Loads a version on the engine unless it has it already. Raises `AdapterRejected`."""
    if version is None:
        return BASE
    if version.name not in engine.published():
        patiently(claim, partial(bring_version, claim.settings, version))
        engine.publish(version.name, located(version.path, claim.settings.data_dir))
    return Policy(version.name)
