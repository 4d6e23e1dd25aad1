"""The data folder's note of the version that answered last on each base model.

::

    data/served-versions.json        {"bundled": "dpo-000012", "/models/other": "base"}
"""

import json
import logging
from pathlib import Path

from db.registry.stored_paths import same_model
from ptrapp.core.settings import Settings

log = logging.getLogger(__name__)

SERVED_VERSIONS = "served-versions.json"


def recall(settings: Settings, base_model: str) -> str:
    """Returns the version of a base model that answered last; empty where none is noted."""
    noted = _read(settings.data_dir / SERVED_VERSIONS)
    same = (one for one in noted if same_model(one, base_model, settings.data_dir))
    return next((noted[one] for one in same), "")


def note(settings: Settings, base_model: str, name: str) -> None:
    """Notes which version answers now; a disk that takes no note is said in the log."""
    if not base_model or recall(settings, base_model) == name:
        return
    file = settings.data_dir / SERVED_VERSIONS
    noted = {
        one: version
        for one, version in _read(file).items()
        if not same_model(one, base_model, settings.data_dir)
    }
    unfinished = file.with_name(f".{SERVED_VERSIONS}.tmp")
    try:
        content = json.dumps(noted | {base_model: name}, indent=1)
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        log.warning("which version answers on %s could not be noted: %s", base_model, error)


def _read(file: Path) -> dict[str, str]:
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(one): str(name) for one, name in noted.items()} if isinstance(noted, dict) else {}
