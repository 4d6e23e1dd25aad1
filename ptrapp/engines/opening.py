"""Opens the engine that the settings name, and imports nothing of the other kinds."""

from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Engine
from ptrapp.engines.following import in_words, with_followed


def open_engine(settings: Settings) -> Engine:
    """Opens the engine of the policy and asks it whether it follows its thought format.

    Raises `ModelUnusable`, `EngineUnavailable`.
    """
    match settings.engine:
        case "local":
            from ptrapp.engines.local.engine import LocalEngine

            local = LocalEngine(
                settings.model_path,
                device=settings.device,
                threads=settings.threads,
                thought_format=settings.thought_format,
                weights=settings.weights,
            )
            local.thought_format = with_followed(local)
            local.about = (*local.about, *in_words(local.thought_format))
            return local
        case "openai":
            from ptrapp.engines.remote.engine import RemoteEngine

            model_given = "model" in settings.model_fields_set
            remote = RemoteEngine(
                settings.base_url,
                model_path=settings.model_path if model_given else "",
                api_key=settings.api_key.get_secret_value(),
                served_model=settings.served_model,
                context_length=settings.context_length,
                thought_format=settings.thought_format,
            )
            remote.thought_format = with_followed(remote)
            remote.about = (*remote.about, *in_words(remote.thought_format))
            return remote


def open_strong_engine(settings: Settings) -> Engine:
    """Opens the engine of the stronger model. Raises `ConfigurationError` when none is named."""
    from ptrapp.engines.remote.engine import RemoteEngine

    if not settings.strong_base_url:
        raise ConfigurationError(
            "No stronger model is named: --strong-base-url says where its server is."
        )
    return RemoteEngine(
        settings.strong_base_url,
        api_key=settings.strong_api_key.get_secret_value(),
        served_model=settings.strong_model,
        thought_format="auto",
    )
