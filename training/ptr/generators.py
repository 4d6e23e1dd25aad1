"""Who writes attempts and final answers of one job: engines opened, versions published, names."""

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
from training.generation.serving import load
from training.jobs.cancelling import CancellableEngine
from training.jobs.claim import Claim
from training.ptr.config import BEST_OF_N, STRONG, VERSION, PtrDataConfig

_LONGEST_AUTHOR = 32
"""Characters of an author in the database."""


@dataclass(frozen=True, slots=True)
class TextGenerator:
    """A policy on an engine, under the name its rounds are signed with."""

    engine: Engine
    policy: Policy
    author: str
    adapter_id: int | None = None
    foreign: bool = False
    """Another model: its token ids and its marks of a thought are not the policy's."""


@dataclass(frozen=True, slots=True)
class Generators:
    """The writers of one job."""

    attempts: TextGenerator
    finals: TextGenerator | None
    """None where nobody samples them: the solver or people wrote them."""
    fmt: ThoughtFormat
    """The policy's, in which everything is stored."""


@contextmanager
def open_generators(
    claim: Claim, config: PtrDataConfig, parent: Adapter | None
) -> Iterator[Generators]:
    """Open the engines, publish the versions that write and keep them loaded.

    Raises `ConfigurationError` for an unknown version, `EngineError` when one cannot be served.
    """
    with ExitStack() as stack:
        engine = CancellableEngine(open_engine(claim.settings), claim.stop)
        stack.callback(engine.close)
        author, version = _attempter(claim, config, parent)
        attempts = _ready(stack, engine, author, version)
        finals = None
        if config.final == BEST_OF_N:
            finals = _ready(stack, engine, f"best-of-{config.n_samples}", parent)
        elif config.final == STRONG:
            finals = _stronger(stack, claim)
        elif config.final.startswith(VERSION):
            name = config.final.removeprefix(VERSION)
            finals = _ready(stack, engine, name, _version(claim, name))
        yield Generators(attempts, finals, engine.thought_format)


def _attempter(
    claim: Claim, config: PtrDataConfig, parent: Adapter | None
) -> tuple[str, Adapter | None]:
    """The author of the attempts and its version: `policy` exactly when that is the parent."""
    version = parent if config.attempts == "own" else _version(claim, config.attempts)
    own = (version.id if version else None) == (parent.id if parent else None)
    return POLICY if own else f"{WEAK}{config.attempts}", version


def _version(claim: Claim, name: str) -> Adapter | None:
    """The version of this name; None for the base model."""
    if name == "base":
        return None
    with claim.database.read() as session:
        found = adapters.by_name(session, name)
    if found is None:
        raise ConfigurationError(f"There is no version {name!r}; name one, or base.")
    return found


def _ready(stack: ExitStack, engine: Engine, author: str, version: Adapter | None) -> TextGenerator:
    if mistake := why_not_served(version, engine.model_id):
        raise ConfigurationError(mistake)
    policy = load(engine, version)
    stack.enter_context(engine.pin(policy))
    adapter_id = version.id if version else None
    return TextGenerator(engine, policy, author[:_LONGEST_AUTHOR], adapter_id)


def _stronger(stack: ExitStack, claim: Claim) -> TextGenerator:
    engine = CancellableEngine(open_strong_engine(claim.settings), claim.stop)
    stack.callback(engine.close)
    name = (claim.settings.strong_model or engine.model_id).rpartition("/")[2]
    return TextGenerator(engine, BASE, f"strong:{name}"[:_LONGEST_AUTHOR], foreign=True)
