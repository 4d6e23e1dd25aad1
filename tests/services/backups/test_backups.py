"""A backup made while the app runs is restored at another place, whole, or it says what is not."""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fresh_database import fresh_database
from safetensors.numpy import save

from db.labelling import raters
from db.models import Job, JobKind, JobStatus, RaterKind
from db.registry import adapters, jobs
from db.registry.contents import weights_sha256
from db.storage.session import Database, open_database
from ptrapp.cli.context import CommandContext
from ptrapp.core.errors import InputError, StorageError
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.backups import left_over, making, restoring, schedule, state
from ptrapp.services.backups.checking import check
from ptrapp.services.backups.folder import damaged, latest, listing, open_backup, read_test
from ptrapp.services.context import AppContext


def fill(database: Database, data_dir: Path) -> None:
    """A version with its frozen data and a checkpoint, as training leaves them, and a person."""
    folder = data_dir / "adapters" / "dpo-000001"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(save({"lora_A": np.ones((4, 4), "f4")}))
    frozen = data_dir / "jobs" / "1" / "snapshot.jsonl"
    (frozen.parent / "checkpoints" / "4").mkdir(parents=True)
    (frozen.parent / "checkpoints" / "4" / "state.pt").write_bytes(b"state")
    (frozen.parent / ".unfinished").write_bytes(b"half")
    frozen.write_text('{"a": 1}\n', encoding="utf-8")
    (data_dir / "session.key").write_bytes(b"k" * 32)
    (data_dir / "session.key").chmod(0o600)
    with database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "Ada")
        job = jobs.enqueue(session, JobKind.DPO, {}, dedup="one")
        snapshot = adapters.save_snapshot(
            session,
            job_id=job.id,
            sha256=hashlib.sha256(frozen.read_bytes()).hexdigest(),
            path="jobs/1/snapshot.jsonl",
            highest_vote_id=0,
            n_rows=1,
            manifest={},
        )
        adapters.register(
            session,
            name="dpo-000001",
            parent_id=None,
            job_id=job.id,
            snapshot_id=snapshot.id,
            base_model="m",
            path="adapters/dpo-000001",
            sha256=weights_sha256(folder),
            metrics={},
        )


@pytest.fixture
def running(tmp_path: Path) -> CommandContext:
    """The context of an app that runs on a filled data folder."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    database = fresh_database(data_dir)
    fill(database, data_dir)
    return CommandContext(Settings(data_dir=data_dir), database)


def opened(data_dir: Path) -> CommandContext:
    settings = Settings(data_dir=data_dir)
    return CommandContext(settings, open_database(settings.database))


def names(context: CommandContext) -> set[str]:
    with context.database.read() as session:
        return {rater.name for rater in session.query(raters.Rater).all()}


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_backup_is_restored_at_another_place(running: CommandContext, tmp_path: Path) -> None:
    made = making.make(running)
    running.settings.data_dir.rename(tmp_path / "lost")
    elsewhere = tmp_path / "another" / "place"
    backup = open_backup(tmp_path / "lost" / "backups" / made.folder.name)
    restoring.restore(Settings(data_dir=elsewhere), backup)
    (tmp_path / "lost").rename(tmp_path / "gone")

    restored = opened(elsewhere)
    assert check(restored.settings, restored.database).problems == ()
    found = check(restored.settings, restored.database)
    assert (found.n_versions, found.n_snapshots) == (1, 1)
    assert names(restored) >= {"Ada"}
    assert (elsewhere / "jobs" / "1" / "checkpoints" / "4" / "state.pt").read_bytes() == b"state"
    assert not (elsewhere / "jobs" / "1" / ".unfinished").exists()
    assert (elsewhere / "session.key").stat().st_mode & 0o777 == 0o600


def test_the_folder_of_a_backup_is_the_owner_s_alone(running: CommandContext) -> None:
    assert making.make(running).folder.stat().st_mode & 0o777 == 0o700


def test_backups_made_while_people_vote_are_whole(running: CommandContext, tmp_path: Path) -> None:
    """What was acknowledged before a backup began is in it."""
    stop = threading.Event()
    stored: list[str] = []

    def keep_writing() -> None:
        while not stop.is_set():
            with running.database.write() as session:
                raters.ensure_rater(session, RaterKind.HUMAN, f"rater {len(stored)}")
            stored.append(f"rater {len(stored)}")

    thread = threading.Thread(target=keep_writing)
    thread.start()
    while len(stored) < 5:
        stop.wait(0.01)
    before = list(stored)
    made = making.make(running)
    stop.set()
    thread.join()
    restoring.restore(Settings(data_dir=tmp_path / "copy"), made)
    assert names(opened(tmp_path / "copy")) >= set(before)


def test_what_has_not_changed_is_stored_once(
    running: CommandContext, clock: Callable[[float], None]
) -> None:
    first = making.make(running)
    clock(1)
    (running.settings.data_dir / "jobs" / "1" / "checkpoints" / "4" / "state.pt").write_bytes(b"!")
    second = making.make(running)
    weights = "adapters/dpo-000001/adapter_model.safetensors"
    state_ = "jobs/1/checkpoints/4/state.pt"
    assert (first.folder / weights).samefile(second.folder / weights)
    assert not (first.folder / state_).samefile(second.folder / state_)
    assert not (running.settings.data_dir / weights).samefile(second.folder / weights)
    assert list(damaged(first)) == list(damaged(second)) == []


def test_a_damaged_copy_is_not_linked_again(
    running: CommandContext, clock: Callable[[float], None]
) -> None:
    first = making.make(running)
    weights = "adapters/dpo-000001/adapter_model.safetensors"
    (first.folder / weights).write_bytes(b"damaged")
    clock(1)
    assert list(damaged(making.make(running))) == []
    assert list(damaged(first)) == [f"{weights} is not what was backed up, by its hash"]


def test_a_damaged_backup_is_not_restored(running: CommandContext, tmp_path: Path) -> None:
    made = making.make(running)
    (made.folder / "thrice.db").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"is damaged: thrice\.db is not what was backed up"):
        restoring.restore(Settings(data_dir=tmp_path / "copy"), made)
    assert not (tmp_path / "copy").exists()
    tested = restoring.test(running.settings, made)
    assert "is damaged" in tested.problems[0]


def test_nothing_is_restored_over_what_is_there(running: CommandContext) -> None:
    made = making.make(running)
    before = tree(running.settings.data_dir)
    with pytest.raises(InputError, match=r"it holds thrice\.db, .* and \d more\); move that away"):
        restoring.restore(running.settings, made)
    assert tree(running.settings.data_dir) == before


def test_backups_in_the_data_folder_are_restored_to_it(running: CommandContext) -> None:
    made = making.make(running)
    running.database.dispose()
    data_dir = running.settings.data_dir
    for path in data_dir.iterdir():
        if path.name != "backups":
            path.rename(data_dir.parent / f"lost-{path.name}")
    restoring.restore(running.settings, made)
    restored = opened(data_dir)
    assert check(restored.settings, restored.database).problems == ()


def test_a_disk_that_fills_up_leaves_no_half_backup(
    running: CommandContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device", "here")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(making, "copy_database", lambda _, target: target.write_bytes(b"database"))
    with pytest.raises(StorageError, match="No space left"):
        making.make(running)
    assert list(running.settings.backups_dir.iterdir()) == []


def test_a_check_names_what_is_missing_and_what_was_changed(running: CommandContext) -> None:
    assert check(running.settings, running.database).problems == ()
    data_dir = running.settings.data_dir
    weights = data_dir / "adapters" / "dpo-000001" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    (data_dir / "jobs" / "1" / "snapshot.jsonl").write_text("{}", encoding="utf-8")
    with running.database.write() as session:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        session.execute(Job.__table__.insert().values(
            kind="reward_model", payload={}, dedup="r", status=JobStatus.DONE, step=0, n_steps=0,
            phase="", notes=[], result={"judge": "reward-000002"}, cancel_requested=False,
            n_claims=1, created_at=datetime.now(UTC),
        ))  # fmt: skip
    found = check(running.settings, running.database).problems
    assert len(found) == 3
    assert "not those that were trained" in found[0]
    assert "snapshot.jsonl was changed" in found[1]
    assert "reward-000002 is gone" in found[2]


def test_a_check_follows_every_reference(running: CommandContext) -> None:
    file = running.settings.data_dir / "thrice.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE adapters SET parent_id = 99")
    connection.close()
    assert check(running.settings, running.database).problems == (
        "1 rows of adapters refer by parent_id to rows of adapters that are not there",
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the time of backups on, by hours."""
    passed = timedelta()

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + passed

    for module in (making, restoring, schedule, state):
        monkeypatch.setattr(module, "datetime", Later)

    def move(hours: float) -> None:
        nonlocal passed
        passed += timedelta(hours=hours)

    return move


def test_the_clock_backs_up_tests_and_keeps_a_few(
    running: CommandContext, clock: Callable[[float], None]
) -> None:
    few = Settings(data_dir=running.settings.data_dir, backup_every_h=6, backups_kept=2)
    context = CommandContext(few, running.database)
    assert "no backup yet" in state.in_words(context)
    due = schedule.due_at(few)
    assert due is not None
    assert timedelta(hours=5) < due - datetime.now(UTC) < timedelta(hours=7)
    clock(6.1)
    made = []
    for _ in range(4):
        made.append(schedule.back_up(context).folder)
        clock(6.1)
    assert [each.folder for each in listing(few.backups_dir)] == made[:1:-1]
    newest = latest(few.backups_dir)
    assert newest is not None
    tested = read_test(newest)
    assert tested is not None
    assert tested.problems == ()
    words = state.in_words(context)
    assert "made 6 h ago" in words
    assert "with everything as it was stored" in words
    assert "overdue" not in words
    clock(30)
    assert "overdue" in state.in_words(context)
    assert sorted(path.name for path in few.backups_dir.iterdir()) == [
        path.name for path in made[2:]
    ]


def test_what_a_backup_left_that_was_cut_off_is_removed_once_nobody_writes_there(
    running: CommandContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = running.settings.backups_dir
    left = [root / name for name in (".thrice-20260101T000000Z-7", ".thrice-test-mt1u9k67")]
    others = [
        root / name for name in (".test-of-mine", ".thrice-of-mine", ".thrice-test-of-mine-too")
    ]
    for path in (*left, *others):
        (path / "jobs").mkdir(parents=True)
        (path / "jobs" / "checkpoint").write_bytes(b"x")
    making.make(running)
    assert all(path.exists() for path in left), "somebody may be writing there"
    monkeypatch.setattr(left_over, "SILENT_S", -1.0)
    assert sorted(left_over.sweep(root)) == sorted(left)
    assert sorted(root.glob(".*")) == sorted(others)
    assert len(listing(root)) == 1


def test_why_the_last_try_failed_is_said_until_one_does_not(
    running: CommandContext, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    often = Settings(data_dir=running.settings.data_dir, backup_every_h=1)
    context = AppContext(often, running.database, ScriptedEngine(lambda _: ""))
    clocked, made = schedule.BackupSchedule(context), making.make
    clock(2)

    def full(*_: object) -> None:
        raise StorageError(f"The backup in {often.backups_dir} cannot be made (no room).")

    monkeypatch.setattr(making, "make", full)
    clocked.look()
    said = state.in_words(context, context.troubles.get(schedule.BACKUP, ""))
    assert "**The last try failed**: The backup in backups cannot be made (no room)." in said
    monkeypatch.setattr(making, "make", made)
    clocked.look()
    assert not context.troubles
    assert "with everything as it was stored" in state.in_words(
        context, context.troubles.get(schedule.BACKUP, "")
    )


def test_old_backups_stay_while_the_newest_cannot_be_restored(
    running: CommandContext, clock: Callable[[float], None]
) -> None:
    few = Settings(data_dir=running.settings.data_dir, backups_kept=1)
    context = CommandContext(few, running.database)
    first = schedule.back_up(context)
    clock(24)
    (few.data_dir / "adapters" / "dpo-000001" / "adapter_model.safetensors").write_bytes(b"")
    schedule.back_up(context)
    assert first.folder.exists()
    assert "could not be restored without loss" in state.in_words(context)


def test_other_folders_are_no_backups_and_stay(running: CommandContext) -> None:
    root = running.settings.backups_dir
    for name in ("mine", "thrice-20200101T000000Z"):
        (root / name).mkdir(parents=True)
    (root / "thrice-20200101T000000Z" / "manifest.json").write_text("{", encoding="utf-8")
    making.make(running)
    making.rotate(root, 1)
    assert len(list(root.iterdir())) == 3
    with pytest.raises(InputError, match=r"\(its manifest\.json is missing\); name one that"):
        open_backup(root / "mine")
    with pytest.raises(
        InputError, match=r"name one of those in it, thrice-2020.*, thrice-20.* that"
    ):
        open_backup(root)


def test_the_manifest_says_what_is_in_it(running: CommandContext) -> None:
    made = making.make(running)
    written = json.loads((made.folder / "manifest.json").read_bytes())
    assert set(written["files"]) == {
        "thrice.db",
        "session.key",
        "adapters/dpo-000001/adapter_config.json",
        "adapters/dpo-000001/adapter_model.safetensors",
        "jobs/1/snapshot.jsonl",
        "jobs/1/checkpoints/4/state.pt",
    }


@pytest.mark.parametrize("ends", [True, False])
def test_an_import_that_ends_or_begins_meanwhile_can_be_finished_from_the_backup(
    running: CommandContext, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    """What is staged while the database is copied is in the backup, on whichever side."""
    staged = running.settings.data_dir / "imports" / "one" / "file"
    staged.parent.mkdir(parents=True)
    if ends:
        staged.write_bytes(b"rows")
    copy = making.copy_database

    def meanwhile(url: str, target: Path) -> None:
        copy(url, target)
        if ends:
            staged.unlink()
        else:
            staged.write_bytes(b"rows")

    monkeypatch.setattr(making, "copy_database", meanwhile)
    made = making.make(running)
    assert made.files["imports/one/file"].n_bytes == 4
    assert (made.folder / "imports" / "one" / "file").read_bytes() == b"rows"
    assert not list(damaged(made))
