"""A private data set repository of the hub: one backup at its root, and a commit for each push.

A commit is made on top of the one that it names, or not at all: that is how two apps on one
repository are kept apart. `CommitScheduler` names none, and would overwrite.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from httpx2 import HTTPError  # of the client that huggingface_hub speaks with
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars

from ptrapp.core.errors import ConfigurationError, HubUnreachable, KeepingError, RepositoryMoved
from ptrapp.services.backups.folder import MANIFEST

MAIN = "main"
CommitOperation = CommitOperationAdd | CommitOperationCopy | CommitOperationDelete
_MOVED = (409, 412)
"""What the hub answers to a commit on another than the newest one."""
_LATER = (408, 429, 500, 502, 503, 504)
_FULL = (402, 413, 507)


class Repository:
    """One repository, by its name `owner/name`. Its methods raise `KeepingError`."""

    def __init__(self, name: str, token: str, *, endpoint: str | None = None) -> None:
        """`endpoint` is the hub's address, where it is not the one that `HF_ENDPOINT` says."""
        self.name = name
        self._api = HfApi(token=token, endpoint=endpoint)
        disable_progress_bars()  # of a push every few minutes, in the log of a Space

    def open(self) -> str:
        """Returns the newest commit, of a repository that is made where there is none.

        Raises `ConfigurationError` for a public one: votes, thoughts and the key of cookies would
        be read by everybody.
        """
        with _in_words():
            try:
                about = self._api.dataset_info(self.name)
            except RepositoryNotFoundError:
                self._api.create_repo(self.name, repo_type="dataset", private=True, exist_ok=True)
                about = self._api.dataset_info(self.name)
            if not about.private:
                raise ConfigurationError(
                    f"the data set {self.name} is public, and everybody could read the votes, the "
                    "thoughts and the key of cookies in it. Make it private, or name another: "
                    "--keep-in OWNER/NAME"
                )
            self._api.auth_check(self.name, repo_type="dataset", write=True)
            return _commit_of(about.sha)

    def head(self) -> str:
        """Returns the newest commit."""
        with _in_words():
            return _commit_of(self._api.dataset_info(self.name).sha)

    def manifest(self, commit: str) -> str | None:
        """Returns the manifest of the backup at a commit; None for a commit without one."""
        return self.text(commit, MANIFEST)

    def text(self, commit: str, name: str) -> str | None:
        """Returns a small file at a commit; None for a commit without it."""
        with tempfile.TemporaryDirectory() as folder, _in_words():
            try:
                path = self._api.hf_hub_download(
                    self.name, name, repo_type="dataset", revision=commit, local_dir=folder
                )
            except RemoteEntryNotFoundError:
                return None
            return Path(path).read_text(encoding="utf-8")

    def fetch(self, commit: str, folder: Path) -> None:
        """Downloads everything at a commit to a folder, of which nothing else is left."""
        # the library would return what is there already where the hub does not answer
        shutil.rmtree(folder, ignore_errors=True)
        with _in_words():
            self._api.snapshot_download(
                self.name, repo_type="dataset", revision=commit, local_dir=folder
            )
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # the library's own

    def commit(
        self,
        folder: Path,
        added: Sequence[str],
        removed: Sequence[str],
        *,
        on: str,
        branch: str,
        texts: Mapping[str, str] | None = None,
    ) -> str:
        """Puts files of a folder on top of the commit `on`, all or none; returns the new commit.

        `texts` are files by name that lie beside them. Raises `RepositoryMoved` when the branch has
        another newest commit.
        """
        adds = [CommitOperationAdd(name, str(folder / name)) for name in added]
        deletes = [CommitOperationDelete(name) for name in removed]
        return self._commit([*adds, *_small(texts or {}), *deletes], folder.name, on, branch)

    def commit_texts(self, texts: Mapping[str, str], *, on: str, branch: str) -> str:
        """Does the same with small files alone."""
        return self._commit(_small(texts), ", ".join(texts), on, branch)

    def _commit(self, changes: Iterable[CommitOperation], title: str, on: str, branch: str) -> str:
        with _in_words():
            done = self._api.create_commit(
                self.name,
                changes,
                commit_message=title,
                repo_type="dataset",
                revision=branch,
                parent_commit=on,
            )
            return done.oid

    def branch(self, name: str, at: str) -> None:
        """Makes a branch at a commit, unless there is one of that name."""
        with _in_words():
            self._api.create_branch(
                self.name, branch=name, revision=at, repo_type="dataset", exist_ok=True
            )


def _small(texts: Mapping[str, str]) -> list[CommitOperation]:
    return [CommitOperationAdd(name, text.encode()) for name, text in texts.items()]


def _commit_of(sha: str | None) -> str:
    if sha is None:
        raise KeepingError("the hub did not say the repository's newest commit")
    return sha


@contextmanager
def _in_words() -> Iterator[None]:
    """Raises what goes wrong as a `KeepingError`, without a name: visitors may read it."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _of_status(error) from error
    except HTTPError as error:
        raise HubUnreachable(f"the hub cannot be reached ({type(error).__name__})") from error
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(cause := error.__cause__, HfHubHTTPError):  # of an upload by parts
            raise _of_status(cause) from error
        raise HubUnreachable(f"the transfer was cut ({type(error).__name__})") from error


def _of_status(error: HfHubHTTPError) -> KeepingError:
    status = error.response.status_code
    said = " ".join((error.server_message or "").split())[:200].rstrip(".")
    hub = f"the hub answered {status}" + (f", {said}" if said else "")
    match status:
        case 401:
            return KeepingError(f"HF_TOKEN is no token that the hub takes ({hub})")
        case 403:
            return KeepingError(f"HF_TOKEN may not write there, or the storage is full ({hub})")
        case 404:
            return KeepingError(f"the repository is not there for HF_TOKEN ({hub})")
        case _ if status in _MOVED:
            return RepositoryMoved(f"another app has written to the repository ({hub})")
        case _ if status in _FULL:
            return KeepingError(f"the repository is full ({hub})")
        case _ if status in _LATER:
            return HubUnreachable(f"the hub cannot serve now ({hub})")
    return KeepingError(hub)
