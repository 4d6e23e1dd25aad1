"""The first thing at a start: the newest copy becomes the data folder, if there is no data here.

What is here is never replaced by what is there, nor the other way round. Where both have changed,
the app does not start, and says so.
"""

import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from ptrapp.core.errors import (
    ConfigurationError,
    HubUnreachable,
    InputError,
    KeepingError,
    StorageError,
)
from ptrapp.core.settings import Settings
from ptrapp.services.backups import restoring
from ptrapp.services.backups.folder import SQLITE, name_of, open_backup
from ptrapp.services.keeping.lease import identity, read_lease, take
from ptrapp.services.keeping.record import Record, folder_of, read_record, write_record
from ptrapp.services.keeping.repository import Repository

log = logging.getLogger(__name__)

TOKEN = "HF_TOKEN"
PAUSES_S = (1.0, 4.0, 10.0)
"""Seconds between the attempts to reach the hub: a container may start before its network does."""
_UNFINISHED = "fetching"
"""A file that is there while what was fetched is put into place."""


def open_repository(settings: Settings) -> Repository:
    """Returns the repository of the settings. Raises `ConfigurationError` without a token."""
    if not (token := os.environ.get(TOKEN, "")):
        raise ConfigurationError(
            f"keep-in {settings.keep_in} needs a token that may write there: set {TOKEN}, in a "
            "Space as a secret"
        )
    return Repository(settings.keep_in, token)


def fetch(settings: Settings, repository: Repository) -> Record:
    """Fetches what is kept where there is no data here; returns the commit that the data stands on.

    An app that still runs on the same repository hands it over first.

    Data that stands on the newest commit, or whose last push arrived without an answer, is gone on
    with, and so is data that is here while the hub does not answer. Raises `ConfigurationError`.
    """
    known = _known(settings, repository)
    here = (settings.data_dir / SQLITE).exists()
    put_away = known is not None and bool(known.branch)
    app = identity(settings)
    try:
        head = _opened(repository)
        if here and not put_away:
            _check_that_it_fits(settings, repository, known, app, head)
        head = take(repository, app)
        manifest = repository.manifest(head)
        if here and put_away:
            _put_away(settings)  # all of it is in the repository, and nothing was stored since
            here = False
        if not here and manifest is not None:
            _restore(settings, repository, head)
    except KeepingError as error:
        if here and known is not None:
            log.error("%s is not looked at: %s; the data here is used", repository.name, error)
            return known
        raise ConfigurationError(
            f"the data set {repository.name} cannot be fetched ({error}), and without it the app "
            "would begin with nothing. Start again when that is mended, or leave keep-in out"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{repository.name} cannot be fetched to {settings.data_dir} ({error.strerror}: "
            f"{error.filename}); make room, or name another folder: --data-dir FOLDER"
        ) from error
    return write_record(settings, Record(repository.name, head, manifest or ""))


def _known(settings: Settings, repository: Repository) -> Record | None:
    known = read_record(settings)
    return known if known is not None and known.repository == repository.name else None


def _opened(repository: Repository) -> str:
    for pause in PAUSES_S:
        try:
            return repository.open()
        except HubUnreachable as error:
            log.warning("%s: %s; trying again in %g s", repository.name, error, pause)
            time.sleep(pause)
    return repository.open()


def _check_that_it_fits(
    settings: Settings, repository: Repository, known: Record | None, app: str, head: str
) -> None:
    """Raises `ConfigurationError` unless what is at the newest commit is none or older than what is
    here, and no other app goes on from there."""
    if read_lease(repository, head).is_anothers(app):
        holds = "is kept by another app, which goes on from there"
    else:
        manifest = repository.manifest(head)
        if manifest is None or (known is not None and known.is_ours(manifest)):
            return
        holds = f"holds what is not in {settings.data_dir}"
    raise ConfigurationError(
        f"the data set {repository.name} {holds}, and neither may replace the other. To go on with "
        "what the data set holds, move the folder away; to keep what is here, name an empty data "
        "set: --keep-in OWNER/NAME"
    )


def _restore(settings: Settings, repository: Repository, head: str) -> None:
    """Puts the backup at a commit into the data folder, which has no database."""
    folder = folder_of(settings)
    unfinished = folder / _UNFINISHED
    if unfinished.exists():
        _put_away(settings)  # a start before was ended while it did this
    log.info("Fetching the data from %s", repository.name)
    downloaded = folder / ".downloaded"
    repository.fetch(head, downloaded)
    try:
        backup = open_backup(downloaded)
        final = folder / name_of(backup.made_at)
        if not final.exists():
            downloaded.rename(final)
        if not _contents(settings):
            unfinished.touch()
        restoring.restore(settings, open_backup(final))
    except (InputError, StorageError) as error:
        raise ConfigurationError(
            f"what the data set {repository.name} holds at {head[:12]} cannot be restored: {error} "
            "An earlier commit is fetched with `hf download`, and `thrice restore` takes it."
        ) from error
    unfinished.unlink(missing_ok=True)


def _put_away(settings: Settings) -> None:
    """Moves what is in the data folder to a folder of its own beside the copies."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    away = folder_of(settings) / f"away-{stamp}"
    away.mkdir(mode=0o700)
    for path in _contents(settings):
        path.rename(away / path.name)
    log.warning("What was in the data folder is in %s now", away)


def _contents(settings: Settings) -> list[Path]:
    return list(settings.data_dir.glob("[!.]*"))
