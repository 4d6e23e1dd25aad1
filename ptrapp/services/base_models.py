"""The base model: which are within reach, which answers, and changing it while pages are up."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from db.registry import adapters
from db.registry.stored_paths import same_model
from ptrapp.core.errors import InputError
from ptrapp.core.public import in_public
from ptrapp.engines.replaceable import ReplaceableEngine
from ptrapp.models.catalogue import KnownModel, known_models, title_of
from ptrapp.models.finding import remember
from ptrapp.services import demo, play, versions
from ptrapp.services.context import AppContext, DataContext

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BaseModelView:
    """A base model within reach, with the versions trained on it."""

    name: str
    """By which a page chooses it."""
    title: str
    kind: str
    n_bytes: int
    fetched: bool
    licence: str
    serving: bool
    versions: list[str]


@dataclass(frozen=True, slots=True)
class BaseModelStatus:
    """The base model that answers, and the one on its way."""

    serving: str
    """The name of what answers, without its folders; empty while nothing does."""
    loading: str
    """The model on its way, in words; empty where none is."""
    refusal: str
    """Why the one asked for last was not loaded."""


@dataclass(frozen=True, slots=True)
class BaseModels(BaseModelStatus):
    """What the page shows of base models."""

    models: list[BaseModelView]
    replaceable: bool
    """False where a server has the model."""


def listing(context: DataContext) -> list[tuple[KnownModel, list[str]]]:
    """Returns the models within reach, each with the names of its versions, oldest first."""
    with context.database.read() as session:
        rows = adapters.listing(session)
    data_dir = context.settings.data_dir
    return [
        (one, [row.name for row in reversed(rows)
               if one.model_id and same_model(row.base_model, one.model_id, data_dir)])
        for one in known_models(context.settings)
    ]  # fmt: skip


def name_of(context: AppContext) -> str:
    """Returns the name of the model that answers, or that is to, without its folders."""
    return title_of(context.base_model or context.settings.model)


def status(context: AppContext) -> BaseModelStatus:
    """Returns what answers and what is on its way, without a look at the disk."""
    engine, serving = context.engine, title_of(context.base_model)
    if not isinstance(engine, ReplaceableEngine):
        return BaseModelStatus(serving, "", "")
    loading = engine.loading
    on_its_way = in_public(loading.in_words()) if loading else ""
    return BaseModelStatus(serving, on_its_way, in_public(engine.refusal))


def read(context: AppContext) -> BaseModels:
    """Returns the base models as they are now."""
    now = status(context)
    models = [
        BaseModelView(
            _name(one), one.title, one.kind, one.n_bytes, one.fetched, one.licence,
            _answers(context, one), names,
        )
        for one, names in listing(context)
    ]  # fmt: skip
    replaceable = isinstance(context.engine, ReplaceableEngine)
    replaceable = replaceable and context.settings.engine == "local"
    return BaseModels(now.serving, now.loading, now.refusal, models, replaceable)


def _answers(context: AppContext, one: KnownModel) -> bool:
    if not context.base_model or not one.model_id:
        return False
    answering = context.settings.with_model(context.base_model).model_path
    return same_model(one.model_id, answering, context.settings.data_dir)


def is_awaited(context: AppContext) -> bool:
    """Returns whether nobody is answered before the model that is on its way is there."""
    return isinstance(context.engine, ReplaceableEngine) and context.engine.awaited


def load(context: AppContext, name: str) -> str:
    """Begins to load another base model; runs on the one before are stopped when it is there.

    Returns what is loaded, in words. Raises `InputError` for a model that is not in the listing,
    `EngineUnavailable` while another is being loaded.
    """
    engine = context.engine
    if not isinstance(engine, ReplaceableEngine) or context.settings.engine != "local":
        raise InputError("A server has the model. Start the server with another one instead.")
    chosen = next((one for one, _ in listing(context) if name == _name(one)), None)
    if chosen is None:
        raise InputError(
            f"{name!r} is no model that can be chosen here. The listing has those that can; "
            "whoever starts the app adds folders and GGUF files: --allow-source PATH"
        )
    begin(context, engine, chosen.model)
    return f"{chosen.title} is being loaded."


def begin(
    context: AppContext,
    engine: ReplaceableEngine,
    model: str,
    *,
    ready: Callable[[], None] | None = None,
    failed: Callable[[Exception], None] | None = None,
) -> None:
    """Has the engine load a model, and serve what was served of it when it is there."""

    def prepare() -> None:
        demo.register(context)
        versions.restore(context)
        remember(context.settings, context.base_model)
        log.info("the base model is %s", title_of(context.base_model))
        if ready is not None:
            ready()

    settings = context.settings
    engine.load(
        model,
        release=lambda: play.stop_all(context),
        prepare=prepare,
        failed=failed,
        called=f"of the server at {settings.base_url}" if settings.engine == "openai" else "",
    )


def _name(one: KnownModel) -> str:
    """Returns the name by which a page chooses a model: no path, which others need not see."""
    return one.model if one.kind in ("bundled", "by name", "hub") else one.title
