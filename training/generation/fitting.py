"""Finds the questions that fit a job's base model, before the model is loaded."""

from ptrapp.core.settings import Settings
from ptrapp.engines.remote.folder import choose_format
from ptrapp.tasks.fitting import AUTO, fitting


def fitting_source(settings: Settings, named: str) -> str:
    """Returns the named source; `auto` becomes the one that fits the model, by its folder."""
    if named != AUTO:
        return named
    return fitting(choose_format(settings.thought_format, settings.model_path, False))
