"""Files of versions and snapshots: kept in the artifact store when made, brought when lacking.

Without `--artifacts` each function returns at once, and the data folder alone counts.
"""

import logging
from pathlib import Path
from secrets import token_hex

from db.models import Adapter, Snapshot
from db.registry.contents import Content, content_of, weights_sha256
from db.registry.stored_paths import located
from db.storage import atomic_folder
from ptrapp.artifacts.store import damaged, open_store
from ptrapp.core.errors import ArtifactError
from ptrapp.core.settings import Settings

log = logging.getLogger(__name__)

SNAPSHOT = "snapshot.jsonl"
"""The file of a snapshot, named by its hash in the store."""
_LACKING = (Content.AWAY, Content.CUT_SHORT)


def find_version(settings: Settings, version: Adapter) -> tuple[Content, str]:
    """Returns what is found of a version, and in words where, after the store was asked.

    What lacks here is fetched from there; what is whole here and lacks there is put there.
    """
    content, where = content_of(version, settings.data_dir)
    try:
        if content is Content.WHOLE:
            keep_version(settings, version.sha256, located(version.path, settings.data_dir))
        elif content in _LACKING and settings.artifacts:
            if _bring(settings, version):
                return Content.WHOLE, ""
            where += ", and the artifact store has none of it"
    except ArtifactError as error:
        if content is Content.WHOLE:
            log.warning("%s is not kept in the artifact store yet: %s", version.name, error)
        else:
            where += f", and {error}"
    return content, where


def keep_version(settings: Settings, sha256: str, folder: Path) -> None:
    """Keeps an adapter's folder in the store, by the hash of its weights.

    A whole model stays where it was trained. Raises `ArtifactError`.
    """
    store = open_store(settings)
    if store is not None and not (folder / "config.json").exists():
        store.put(_adapter(sha256), folder.iterdir())


def bring_version(settings: Settings, version: Adapter) -> None:
    """Fetches a version that lacks here, for a job. Raises `ArtifactError`, of none there too."""
    lacks = settings.artifacts and content_of(version, settings.data_dir)[0] in _LACKING
    if lacks and not _bring(settings, version):
        raise ArtifactError(
            f"{version.name} is neither in the data folder here nor in the artifact store. Serve "
            "it once at an app that has it, which puts it there."
        )


def is_kept(settings: Settings, row: Adapter | Snapshot) -> bool:
    """Returns whether the store has the files of a row. Raises `ArtifactError`."""
    store = open_store(settings)
    key = _adapter(row.sha256) if isinstance(row, Adapter) else _snapshot(row.sha256)
    return store is not None and store.holds(key)


def keep_snapshot(settings: Settings, sha256: str, path: Path) -> None:
    """Keeps frozen data in the store, by its hash. Raises `ArtifactError`."""
    if store := open_store(settings):
        store.put(_snapshot(sha256), [path])


def bring_snapshot(settings: Settings, snapshot: Snapshot, folder: Path) -> bytes | None:
    """Returns the frozen data of a job from the store; None where it is not there.

    `folder` is the job's, where it is on the way. Raises `ArtifactError`.
    """
    store = open_store(settings)
    if store is None:
        return None
    with atomic_folder.unfinished_folder(folder / SNAPSHOT, token_hex(4)) as unfinished:
        if not store.get(_snapshot(snapshot.sha256), unfinished):
            return None
        return (unfinished / SNAPSHOT).read_bytes()


def _bring(settings: Settings, version: Adapter) -> bool:
    """Puts a version's folder from the store into the data folder; returns whether it was there."""
    store, folder = open_store(settings), located(version.path, settings.data_dir)
    if store is None or not folder.is_relative_to(settings.data_dir.resolve()):
        return False
    with atomic_folder.unfinished_folder(folder, token_hex(4)) as unfinished:
        if not store.get(_adapter(version.sha256), unfinished):
            return False
        if weights_sha256(unfinished) != version.sha256:
            raise damaged(_adapter(version.sha256))
        atomic_folder.flush_tree(unfinished)
        if content_of(version, settings.data_dir)[0] is not Content.WHOLE:
            atomic_folder.put_in_place(unfinished, folder)
    log.info("%s was fetched from the artifact store", version.name)
    return True


def _adapter(sha256: str) -> str:
    return f"adapters/{sha256}"


def _snapshot(sha256: str) -> str:
    return f"snapshots/{sha256}"
