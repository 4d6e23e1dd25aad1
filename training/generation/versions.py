"""A version on a job's own engine: whether it can answer there, and how it gets there."""

from pathlib import Path

from db.models import Adapter, AdapterStatus
from ptrapp.core.types import BASE, Policy
from ptrapp.engines.base import Engine


def unfit(version: Adapter | None, model_id: str) -> str | None:
    """Why a version cannot answer on an engine of this base model, None when it can."""
    if version is None:
        return None
    if version.status is AdapterStatus.REJECTED:
        return f"{version.name} was rejected ({version.reason}). Choose another version."
    if (Path(version.path) / "config.json").is_file():
        return (
            f"{version.name} is a whole model, not an adapter on this one. Start with "
            f"--model {version.path} and choose the base model there."
        )
    if version.base_model != model_id:
        return (
            f"{version.name} was trained on {version.base_model} and {model_id} is loaded. Start "
            "with the other --model to use it."
        )
    return None


def load(engine: Engine, version: Adapter | None) -> Policy:
    """Have the engine load a version, unless it has it already. Raises `AdapterRejected`."""
    if version is None:
        return BASE
    if version.name not in engine.published():
        engine.publish(version.name, Path(version.path))
    return Policy(version.name)
