"""Tells whether the files of a version are there, whole, and what was trained, by its hash."""

import hashlib
import json
from enum import StrEnum
from pathlib import Path

from db.models import Adapter
from db.registry.stored_paths import located

_BLOCK = 1 << 20
_HEADER_BYTES = 8
"""A safetensors file begins with the length of its JSON header, in 8 bytes, little-endian."""


class Content(StrEnum):
    """What is found in a version's folder."""

    WHOLE = "whole"
    AWAY = "away"
    """The folder, its configuration or its weights are not there, or cannot be read."""
    CUT_SHORT = "cut short"
    """A file ends before it should, as one that is still being copied does."""
    WRONG = "wrong"
    """Everything is there, and the weights are not those that were trained."""


def weights_sha256(folder: Path) -> str:
    """Returns the hash that a row stores: of all its safetensors files, in the order of their
    names. Raises `OSError`."""
    whole = hashlib.sha256()
    for path in _weight_files(folder):
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                whole.update(block)
    return whole.hexdigest()


def content_of(version: Adapter, data_dir: Path) -> tuple[Content, str]:
    """Returns what is found of a version, and in words where; reads all of its weights."""
    folder = located(version.path, data_dir)
    try:
        if not folder.is_dir():
            return Content.AWAY, f"its folder {folder} is not there"
        if not any((folder / name).is_file() for name in ("adapter_config.json", "config.json")):
            return Content.AWAY, f"the folder {folder} holds no adapter_config.json"
        files = _weight_files(folder)
        if not files:
            return Content.AWAY, f"the folder {folder} holds no weights"
        if short := [path for path in files if _is_cut_short(path)]:
            return Content.CUT_SHORT, f"{short[0]} is cut short"
        if weights_sha256(folder) != version.sha256:
            return Content.WRONG, f"the weights in {folder} are not those that were trained"
    except OSError as error:
        return Content.AWAY, f"{error.filename or folder} cannot be read ({error.strerror})"
    return Content.WHOLE, ""


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _is_cut_short(path: Path) -> bool:
    """Returns whether a safetensors file is shorter than its own header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        n_header = int.from_bytes(file.read(_HEADER_BYTES), "little")
        if size < _HEADER_BYTES + n_header:
            return size < _HEADER_BYTES or n_header < _BLOCK * 100  # a longer one is no header
        try:
            header = json.loads(file.read(n_header))
            ends = [row["data_offsets"][1] for name, row in header.items() if name[:2] != "__"]
            return bool(size < _HEADER_BYTES + n_header + max(ends, default=0))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return False  # no header at all: the hash tells
