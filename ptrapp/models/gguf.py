"""Makes a GGUF file a model folder, once: it is kept in the data folder under the file's hash."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.import_path import with_import_path
from ptrapp.core.model_folder import is_model
from ptrapp.core.progress import OnProgress
from ptrapp.models.progress import run_reporting

MAGIC = b"GGUF"
ORIGIN = "origin.json"
"""What a converted folder says of the file that it was made from."""
UNFINISHED = ".unfinished-"
"""How the name of a folder begins that is being written, and is not taken for a model."""
_STALE_S = 24 * 3600.0
"""Unfinished folders older than this were left by a process that was killed."""
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class GgufOrigin:
    """The file that a model was converted from."""

    name: str
    """The file's name without its ending."""
    sha256: str
    n_bytes: int
    path: str
    modified_ns: int
    licence: str = ""
    """As the file names it; empty where it does not."""


def is_gguf(path: Path) -> bool:
    """Returns whether this is a file that begins as GGUF does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def converted(file: Path, models_dir: Path, report: OnProgress) -> Path:
    """Returns the folder of the model in a GGUF file, converting it unless that was done before.

    The folder's name ends with the file's hash, so the same file is the same base model wherever
    it lies. A process of its own converts, whose memory is free afterwards; it renames the folder
    when all is on the disk. Raises `ModelUnusable`.
    """
    file = file.expanduser().resolve()
    if not is_gguf(file):
        raise ModelUnusable(
            f"{str(file)!r} is no GGUF file. Give one, or a folder with config.json and "
            "*.safetensors."
        )
    if (known := conversion_of(file, models_dir)) is not None:
        return known
    digest = sha256_of(file, report)
    if (known := of_hash(digest, models_dir)) is not None:
        return known
    _remove_stale(models_dir)
    _check_room(file, models_dir)
    text = f"Converting {file.name}, once"
    folder = models_dir.resolve() / f"{UNFINISHED}{digest[:12]}-{os.getpid()}"
    command = [sys.executable, "-m", "ptrapp.models.conversion", str(file), str(folder), digest]
    environment = with_import_path(os.environ | {"HF_HUB_OFFLINE": "1"})
    report(text)
    try:
        run_reporting(command, lambda: report(text), env=environment)
    except subprocess.CalledProcessError as error:
        said = str(error.stderr).strip().splitlines() or ["it was ended before it was done"]
        raise ModelUnusable(f"{file.name} cannot be converted: {said[-1]}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = of_hash(digest, models_dir)
    assert found is not None, "the conversion ended well"
    return found


def of_hash(digest: str, models_dir: Path) -> Path | None:
    """Returns the conversion of the file with this SHA-256, if it is there."""
    found = sorted(models_dir.resolve().glob(f"[!.]*-{digest[:12]}"))
    return next((folder for folder in found if is_model(folder)), None)


def origin_of(folder: Path) -> GgufOrigin | None:
    """Returns what a converted folder was made from; None for any other folder."""
    try:
        return GgufOrigin(**json.loads((folder / ORIGIN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_origin(folder: Path, file: Path, digest: str, licence: str) -> None:
    stat = file.stat()
    origin = GgufOrigin(file.stem, digest, stat.st_size, str(file), stat.st_mtime_ns, licence)
    (folder / ORIGIN).write_text(json.dumps(asdict(origin), indent=2), encoding="utf-8")


def sha256_of(file: Path, report: OnProgress) -> str:
    """Returns the SHA-256 of a file, in hex."""
    digest, n_bytes, n_read = hashlib.sha256(), max(1, file.stat().st_size), 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
            n_read += len(chunk)
            report(f"Reading {file.name}", n_read / n_bytes)
    return digest.hexdigest()


def conversion_of(file: Path, models_dir: Path) -> Path | None:
    """Returns the conversion of this very file, unchanged since: a large one is not read again."""
    stat = file.stat()
    for folder in models_dir.resolve().glob("[!.]*"):
        origin = origin_of(folder)
        place = (str(file), stat.st_mtime_ns, stat.st_size)
        if origin and (origin.path, origin.modified_ns, origin.n_bytes) == place:
            return folder if is_model(folder) else None
    return None


def _remove_stale(models_dir: Path) -> None:
    models_dir.mkdir(parents=True, exist_ok=True)
    for left in models_dir.glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > _STALE_S:
            shutil.rmtree(left, ignore_errors=True)


def _check_room(file: Path, models_dir: Path) -> None:
    """Raises `ModelUnusable` where the folder could not be written; four bits become sixteen."""
    check_room(models_dir, 4 * file.stat().st_size, f"converting {file.name}")


def check_room(folder: Path, n_bytes: int, what: str) -> None:
    """Raises `ModelUnusable` unless the disk of `folder` has room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise ModelUnusable(
            f"The disk of {folder} has {free / 1e6:,.0f} MB left and {what} takes "
            f"{n_bytes / 1e6:,.0f} MB. Make room, or name another folder: --data-dir FOLDER"
        )
