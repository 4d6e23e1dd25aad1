"""Freezes the data of a job to files; their hash becomes the origin of the adapter.

::

    data/jobs/<job>/snapshot.jsonl     one example a line
    data/jobs/<job>/manifest.json      sha256 of that file, counts, what was left out and why
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from db.models import Snapshot as SnapshotRow
from db.registry import adapters
from db.registry.stored_paths import to_stored
from ptrapp.artifacts.rows import bring_snapshot, keep_snapshot
from ptrapp.artifacts.store import open_store
from ptrapp.core.errors import ArtifactsAway, TrainingError
from ptrapp.core.types import Message
from training.data.examples import Gathered, PairExample, Target, TrajectoryExample, TrajectoryKind
from training.jobs import atomic_write
from training.jobs.claim import Claim
from training.jobs.patience import patiently

Example = PairExample | TrajectoryExample


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is stored beside the frozen rows."""

    sha256: str
    """Hash of the content of `snapshot.jsonl`."""
    kind: str
    n_rows: int
    counts: dict[str, int]
    """Examples by kind: pair, refined, replay."""
    dropped: dict[str, int]
    """Rows that were left out, by reason."""
    highest_vote_id: int
    after_vote_id: int
    """Votes up to this id were learnt by an earlier version."""
    thought_format: str
    filters: dict[str, Any]
    seed: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    path: Path
    manifest: Manifest
    examples: tuple[Example, ...]

    @property
    def pairs(self) -> list[PairExample]:
        return [example for example in self.examples if isinstance(example, PairExample)]

    @property
    def trajectories(self) -> list[TrajectoryExample]:
        return [example for example in self.examples if isinstance(example, TrajectoryExample)]


def freeze(
    folder: Path,
    gathered: Gathered[Any],
    *,
    kind: str,
    after_vote_id: int,
    thought_format: str,
    filters: dict[str, Any],
    seed: int,
) -> Snapshot:
    """Writes examples and manifest, flushed to the disk, and reads them back."""
    content = "".join(_line(example) for example in gathered.examples).encode()
    manifest = Manifest(
        sha256=hashlib.sha256(content).hexdigest(),
        kind=kind,
        n_rows=len(gathered.examples),
        counts=_counts(gathered.examples),
        dropped=dict(sorted(gathered.dropped.items())),
        highest_vote_id=gathered.highest_vote_id,
        after_vote_id=after_vote_id,
        thought_format=thought_format,
        filters=filters,
        seed=seed,
    )
    atomic_write.write(folder / "snapshot.jsonl", content)
    atomic_write.write(folder / "manifest.json", json.dumps(asdict(manifest), indent=2).encode())
    return read(folder)


def exists(folder: Path) -> bool:
    """Returns whether this job froze its data before it was interrupted."""
    return (folder / "manifest.json").is_file()


def read(folder: Path) -> Snapshot:
    """Reads frozen data. Raises `TrainingError` when the rows are not those of the manifest."""
    path = folder / "snapshot.jsonl"
    try:
        manifest = Manifest(**json.loads((folder / "manifest.json").read_bytes()))
        content = path.read_bytes()
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"The frozen data in {folder} cannot be read ({error}); queue a new job."
        ) from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise TrainingError(
            f"{path} was changed since it was frozen: its hash is not the manifest's. "
            "Queue a new job."
        )
    return Snapshot(path, manifest, tuple(map(_example, content.decode().splitlines())))


def bring(claim: Claim) -> None:
    """Fetches the data that this job froze on another machine, if the artifact store has it.

    A job begins with it, so that a store that can never be opened ends the job before its work:
    raises `ConfigurationError`.
    """
    open_store(claim.settings)
    with claim.database.read() as session:
        row = adapters.snapshot_of(session, claim.job_id)
    if row is None or exists(claim.folder):
        return
    content = patiently(claim, partial(bring_snapshot, claim.settings, row, claim.folder))
    if content is not None:
        atomic_write.write(claim.folder / "snapshot.jsonl", content)
        manifest = json.dumps(row.manifest, indent=2).encode()
        atomic_write.write(claim.folder / "manifest.json", manifest)


def register(claim: Claim, frozen: Snapshot) -> SnapshotRow | None:
    """Stores which data this job trains on; a resumed job gets the row it made before.

    Returns None in a process that does not write.
    """
    if not claim.leads:
        return None
    manifest = frozen.manifest
    try:
        keep_snapshot(claim.settings, manifest.sha256, frozen.path)
    except ArtifactsAway as error:
        claim.note(f"The frozen data is on this machine alone for now: {error}.", "warning")
    with claim.database.write() as session:
        return adapters.save_snapshot(
            session,
            job_id=claim.job_id,
            sha256=manifest.sha256,
            path=to_stored(frozen.path, claim.settings.data_dir),
            highest_vote_id=manifest.highest_vote_id,
            n_rows=manifest.n_rows,
            manifest=asdict(manifest),
        )


def _counts(examples: Sequence[Example]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for example in examples:
        kind = "pair" if isinstance(example, PairExample) else example.kind.value
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def _line(example: Example) -> str:
    return json.dumps(asdict(example), ensure_ascii=True, sort_keys=True) + "\n"


def _example(line: str) -> Example:
    row = json.loads(line)
    messages = tuple(Message.from_dict(message) for message in row["messages"])
    n_context = row.get("n_context", 0)  # snapshots before 0.2 do not say
    if "chosen" in row:
        return PairExample(
            messages,
            row["thinking"],
            _target(row["chosen"]),
            _target(row["rejected"]),
            tuple(row["vote_ids"]),
            tuple(row["outcomes"]),
            row["strength"],
            n_context,
        )
    return TrajectoryExample(
        messages, row["thinking"], _target(row["target"]), TrajectoryKind(row["kind"]), n_context
    )


def _target(row: dict[str, Any]) -> Target:
    ids = row["completion_ids"]
    return Target(row["raw"], tuple(ids) if ids is not None else None, row["finished"])
