"""Decides whether a version can be served here: one rule for the app, its jobs and evaluations."""

from pathlib import Path

from db.models import Adapter, AdapterStatus
from db.registry.stored_paths import located, same_model


def why_not_served(version: Adapter | None, model_id: str, data_dir: Path) -> str | None:
    """Returns why a version cannot be served with the base model `model_id`; None when it can.

    The base model itself (None) always can. A version of another model is not rejected: the app
    serves it when it is started with that model.
    """
    if version is None:
        return None
    if version.status is AdapterStatus.REJECTED:
        return f"{version.name} was rejected ({version.reason}). Choose another version."
    folder = located(version.path, data_dir)
    if (folder / "config.json").is_file():
        return (
            f"{version.name} is a whole model, not an adapter on this one. Start the app with "
            f"--model {folder} and choose the base model there."
        )
    if not same_model(version.base_model, model_id, data_dir):
        return (
            f"{version.name} was trained on {version.base_model} and {model_id} is loaded. Start "
            f"the app with --model {version.base_model} to serve it."
        )
    return None
