"""Opens the generators of attempts and final answers: engines, versions and author names."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from db.models import POLICY, WEAK, Adapter
from db.registry import adapters
from db.registry.servable import why_not_served
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import BASE, Policy
from ptrapp.engines.base import Engine
from ptrapp.engines.opening import open_engine, open_strong_engine
from ptrapp.recipes.ptr_data import BEST_OF_N, STRONG, VERSION, PtrDataConfig
from training.generation.serving import load
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim

_MAX_AUTHOR_CHARS = 32
"""Longest author in the database."""


@dataclass(frozen=True, slots=True)
class TextGenerator:
    """A policy on an engine, with the author name of its rounds."""

    engine: Engine
    policy: Policy
    author: str
    adapter_id: int | None = None
    foreign: bool = False
    """Whether it is another model, with other token ids and thought markers than the policy."""


@dataclass(frozen=True, slots=True)
class Generators:
    """The generators of one job."""

    attempts: TextGenerator
    finals: TextGenerator | None
    """None where finals are not sampled: the solver or people wrote them."""
    fmt: ThoughtFormat
    """The policy's thought format, in which everything is stored."""


@contextmanager
def open_generators(
    claim: Claim, config: PtrDataConfig, parent: Adapter | None
) -> Iterator[Generators]:
    """Opens the engines, publishes the versions that generate and keeps them loaded.

    Raises `ConfigurationError` for an unknown version, `EngineError` when one cannot be served.
    """
    with ExitStack() as stack:
        engine = CancellableEngine(open_engine(claim.settings), claim.stop)
        stack.callback(engine.close)
        author, version = _attempts_version(claim, config, parent)
        attempts = _load_generator(claim, stack, engine, author, version)
        finals = None
        if config.final == BEST_OF_N:
            author = f"best-of-{config.n_samples}"
            finals = _load_generator(claim, stack, engine, author, parent)
        elif config.final == STRONG:
            finals = _strong_generator(stack, claim)
        elif config.final.startswith(VERSION):
            name = config.final.removeprefix(VERSION)
            finals = _load_generator(claim, stack, engine, name, _version(claim, name))
        yield Generators(attempts, finals, engine.thought_format)


def _attempts_version(
    claim: Claim, config: PtrDataConfig, parent: Adapter | None
) -> tuple[str, Adapter | None]:
    """Returns the author of the attempts and its version; the author is `policy` for the parent."""
    version = parent if config.attempts == "own" else _version(claim, config.attempts)
    own = (version.id if version else None) == (parent.id if parent else None)
    return POLICY if own else f"{WEAK}{config.attempts}", version


def _version(claim: Claim, name: str) -> Adapter | None:
    """Returns the version of this name; None for the base model."""
    if name == "base":
        return None
    with claim.database.read() as session:
        found = adapters.by_name(session, name)
    if found is None:
        raise ConfigurationError(f"There is no version {name!r}; name one, or base.")
    return found


def _load_generator(
    claim: Claim, stack: ExitStack, engine: Engine, author: str, version: Adapter | None
) -> TextGenerator:
    if mistake := why_not_served(version, engine.model_id, claim.settings.data_dir):
        raise ConfigurationError(mistake)
    policy = load(claim, engine, version)
    stack.enter_context(engine.pin(policy))
    adapter_id = version.id if version else None
    return TextGenerator(engine, policy, author[:_MAX_AUTHOR_CHARS], adapter_id)


def _strong_generator(stack: ExitStack, claim: Claim) -> TextGenerator:
    engine = CancellableEngine(open_strong_engine(claim.settings), claim.stop)
    stack.callback(engine.close)
    name = (claim.settings.strong_model or engine.model_id).rpartition("/")[2]
    return TextGenerator(engine, BASE, f"strong:{name}"[:_MAX_AUTHOR_CHARS], foreign=True)
