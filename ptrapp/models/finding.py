"""Makes what `--model` names a model that can be loaded: fetches or converts where it must."""

import logging
from pathlib import Path

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.model_folder import check_folder, looks_local
from ptrapp.core.progress import OnProgress
from ptrapp.core.settings import Settings
from ptrapp.models import smollm2
from ptrapp.models.gguf import converted, is_gguf

log = logging.getLogger(__name__)

SERVED = "served-model.txt"
"""The data folder's note of the base model that answered last."""


def find_model(settings: Settings, report: OnProgress) -> Settings:
    """Returns the settings with a model that `from_pretrained` takes.

    `smollm2` is fetched and a GGUF file converted unless that was done before; both are kept in the
    data folder. Everything else stays what it is. Raises `ModelUnusable`.
    """
    if settings.model == smollm2.NAME:
        return settings.with_model(smollm2.obtain(settings.models_dir, report))
    file = Path(settings.model).expanduser()
    if file.is_file():
        return settings.with_model(str(converted(file, settings.models_dir, report)))
    return settings


def check_named(settings: Settings) -> None:
    """Raises `ModelUnusable` for a name that cannot be a model, without loading anything."""
    if settings.engine != "local" or settings.model == smollm2.NAME:
        return
    file = Path(settings.model).expanduser()
    if file.is_file():
        if not is_gguf(file):
            raise ModelUnusable(
                f"{settings.model!r} is a file but no GGUF file. Give one, or a folder with "
                "config.json and *.safetensors."
            )
    elif looks_local(settings.model_path):
        check_folder(settings.model_path)


def remember(settings: Settings, model: str) -> None:
    """Notes the base model that answers now, for the next start without --model."""
    file = settings.data_dir / SERVED
    unfinished = file.with_name(f".{SERVED}.tmp")
    unfinished.write_text(model + "\n", encoding="utf-8")
    unfinished.replace(file)


def as_remembered(settings: Settings) -> Settings:
    """Returns the settings with the base model that answered last, unless one is named.

    A model that is gone is not taken up again; the bundled one answers.
    """
    if "model" in settings.model_fields_set or settings.engine != "local":
        return settings
    try:
        model = (settings.data_dir / SERVED).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return settings
    remembered = settings.with_model(model) if model else settings
    try:
        check_named(remembered)
    except ModelUnusable as error:
        log.warning("The model that answered last is gone, the bundled one answers: %s", error)
        return settings
    return remembered
