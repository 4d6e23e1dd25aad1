"""Asks the hub alone for what a name of the hub means."""

from pathlib import Path
from typing import Literal

from huggingface_hub import snapshot_download

from ptrapp.core.errors import InputError
from ptrapp.core.names import is_repository


def from_hub(name: str, kind: Literal["model", "dataset"] = "model") -> str:
    """Returns what loaders take for a repository of the hub.

    `from_pretrained` and `load_dataset` prefer a local folder of that name. Where there is one, the
    repository is downloaded first and its snapshot named instead, so that the folder stays closed.
    Raises `InputError` for what cannot be a name of the hub, and what `snapshot_download` raises.
    """
    if not is_repository(name):
        raise InputError(
            f"{name!r} is no name of the hub (owner/name). A path begins with /, ./, ../ or ~."
        )
    return snapshot_download(name, repo_type=kind) if Path(name).exists() else name
