"""Keeps files under a URL that fsspec opens: whole or not at all, and checked by their hashes.

::

    s3://bucket/thrice/
        adapters/3f0c…/     adapter_model.safetensors  adapter_config.json  thrice.json  README.md
                            complete.json              the hash of each; it is written last
        snapshots/9ad1…/    snapshot.jsonl  complete.json

What is not listed in a readable `complete.json` is not there, so that an upload that was cut is
never seen: it is begun anew.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from ptrapp.core import disk
from ptrapp.core.errors import ArtifactError, ArtifactsAway, ConfigurationError
from ptrapp.core.settings import Settings

log = logging.getLogger(__name__)

COMPLETE = "complete.json"
"""The list of a folder's files, which is written last."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.(safetensors|json|jsonl|md)")
"""Files that are taken from the store: plain names, and no kind that runs anything."""


class ArtifactStore:
    """Folders of files below one URL. Safe to use from any thread and from several machines.

    Its methods raise `ArtifactsAway` where the store does not answer, or refuses.
    """

    def __init__(self, url: str) -> None:
        """Raises `ConfigurationError` for a URL that nothing installed here opens."""
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            scheme = url.partition("://")[0]
            raise ConfigurationError(
                f"artifacts {scheme}://… cannot be opened ({error}). Each kind of storage has a "
                "package of its own, such as s3fs for s3:// and gcsfs for gs://"
            ) from error
        self._root = str(root).rstrip("/")

    def put(self, key: str, files: Iterable[Path]) -> bool:
        """Keeps files under a key, by their names; returns False where they are there already."""
        with _in_words():
            if self._listed(key) is not None:
                return False
            self._files.makedirs(f"{self._root}/{key}", exist_ok=True)
            entries = {}
            for path in sorted(files):
                if _NAME.fullmatch(path.name):
                    entries[path.name] = {"sha256": _sha256_of(path)}
                    self._files.put_file(str(path), self._at(key, path.name))
            self._files.pipe_file(self._at(key, COMPLETE), json.dumps(entries, indent=1).encode())
        return True

    def holds(self, key: str) -> bool:
        """Returns whether a key's files are there, as far as their list says."""
        with _in_words():
            return self._listed(key) is not None

    def get(self, key: str, folder: Path) -> bool:
        """Copies the files of a key to an empty folder; returns False where there are none.

        Raises `ArtifactError` for a file that is not what the list says.
        """
        with _in_words():
            entries = self._listed(key)
            if entries is None:
                return False
            for name, entry in entries.items():
                if not _NAME.fullmatch(name):
                    raise ArtifactError(f"the artifact store has {name!r}, which we never write")
                self._files.get_file(self._at(key, name), str(folder / name))
                if _sha256_of(folder / name) != entry["sha256"]:
                    raise damaged(key)
        return True

    def _at(self, key: str, name: str) -> str:
        return f"{self._root}/{key}/{name}"

    def _listed(self, key: str) -> dict[str, dict[str, Any]] | None:
        """Returns the files of a key; None without a readable list, as after an upload was cut."""
        try:
            entries = json.loads(self._files.cat_file(self._at(key, COMPLETE)))
        except (FileNotFoundError, ValueError):
            return None
        well_formed = isinstance(entries, dict) and all(
            isinstance(entry, dict) and "sha256" in entry for entry in entries.values()
        )
        return entries if well_formed else None


def open_store(settings: Settings) -> ArtifactStore | None:
    """Returns the store of the settings; None where the data folder alone keeps everything."""
    return ArtifactStore(settings.artifacts) if settings.artifacts else None


def damaged(key: str) -> ArtifactError:
    """Returns the error for files that are not what their hash says."""
    return ArtifactError(
        f"what the artifact store has under {key[:24]}… is damaged, by its hash: remove it there; "
        "an app that has the version whole puts it back when it is served"
    )


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _in_words() -> Iterator[None]:
    """Raises whatever a file system raises as `ArtifactsAway`, without the store's address.

    A disk that is full here stays what it is.
    """
    try:
        yield
    except ArtifactError:
        raise
    except Exception as error:
        if disk.is_full(error):
            raise
        log.warning("the artifact store failed: %s: %s", type(error).__name__, error)
        said = getattr(error, "strerror", None) or type(error).__name__
        raise ArtifactsAway(f"the artifact store cannot be used now ({said})") from error
