"""Checks everything that is stored: the database, every reference, every file with its hash."""

from collections.abc import Iterator
from dataclasses import dataclass

from db.models import Adapter, AdapterStatus, Job, JobKind, JobStatus, Snapshot
from db.registry.contents import Content, content_of
from db.registry.stored_paths import located
from db.storage.integrity import broken
from db.storage.session import Database, Session
from ptrapp.artifacts.rows import is_kept
from ptrapp.core.errors import ArtifactError
from ptrapp.core.settings import Settings
from ptrapp.services.backups.folder import sha256_of


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found."""

    n_versions: int
    n_snapshots: int
    n_judges: int
    problems: tuple[str, ...]
    """A sentence each; none where everything is as it was stored."""


def check(settings: Settings, database: Database) -> Findings:
    """Checks the database and the files that its rows name; reads all of them."""
    with database.read() as session:
        problems = list(broken(session))
        versions = session.query(Adapter).order_by(Adapter.id).all()
        snapshots = _snapshots(session)
        judges = _judges(session)
    problems += _of_versions(settings, versions)
    problems += _of_snapshots(settings, snapshots)
    folders = [settings.judges_dir / name for name in judges]
    problems += [
        f"the reward model {path.name} is gone: {path}" for path in folders if not path.is_dir()
    ]
    return Findings(len(versions), len(snapshots), len(judges), tuple(problems))


def _of_versions(settings: Settings, versions: list[Adapter]) -> Iterator[str]:
    for version in versions:
        if version.status is not AdapterStatus.REJECTED:
            content, where = content_of(version, settings.data_dir)
            if content is Content.AWAY and (lack := _not_in_store(settings, version)) is not None:
                yield f"the version {version.name}: {where}{lack}"
            elif content not in (Content.WHOLE, Content.AWAY):
                yield f"the version {version.name}: {where}"


def _of_snapshots(settings: Settings, snapshots: list[Snapshot]) -> Iterator[str]:
    for frozen in snapshots:
        path = located(frozen.path, settings.data_dir)
        try:
            if sha256_of(path) != frozen.sha256:
                yield f"the frozen data of job {frozen.job_id}: {path} was changed, by its hash"
        except OSError as error:
            if (lack := _not_in_store(settings, frozen)) is not None:
                yield f"the frozen data of job {frozen.job_id}: {path} ({error.strerror}){lack}"


def _not_in_store(settings: Settings, row: Adapter | Snapshot) -> str | None:
    """Returns, for files that are not here, what is to be added; None where the store has them."""
    if not settings.artifacts:
        return ""
    try:
        return None if is_kept(settings, row) else ", and the artifact store has none of it"
    except ArtifactError as error:
        return f", and {error}"


def _snapshots(session: Session) -> list[Snapshot]:
    """Returns the frozen data of all jobs but the discarded, whose folders were removed."""
    kept = session.query(Snapshot).join(Job, Job.id == Snapshot.job_id)
    return kept.filter(Job.status != JobStatus.DISCARDED).order_by(Snapshot.id).all()


def _judges(session: Session) -> list[str]:
    done = session.query(Job).filter(Job.kind == JobKind.REWARD_MODEL, Job.status == JobStatus.DONE)
    return [str(job.result["judge"]) for job in done.order_by(Job.id) if "judge" in job.result]
