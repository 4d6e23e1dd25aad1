"""What is stored is in a repository of the hub too, and is fetched from there where a disk is wiped.

The hub is a double that answers over HTTP; the client is the one that the app has.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_double import READS, Hub
from kept_apps import App, Start

from db.storage.errors import DatabaseReadOnly
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import Settings, load_settings
from ptrapp.services.backups.checking import check
from ptrapp.services.keeping import keeper, lease, words
from ptrapp.services.keeping.fetching import open_repository


def wipe(app: App) -> None:
    """A Space sleeps: its disk is gone."""
    app.end()
    shutil.rmtree(app.folder)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def commits(hub: Hub, method: str = "POST") -> int:
    return sum(path.endswith("/commit/main") and m == method for m, path in hub.asked)


def test_what_was_copied_is_there_again_after_the_disk_was_wiped(hub: Hub, start: Start) -> None:
    asleep = start()
    asleep.store("Ada")
    weights = asleep.folder / "adapters" / "dpo-000001" / "adapter_model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    (asleep.folder / "session.key").write_bytes(b"k" * 32)
    asleep.keeper.copy()
    wipe(asleep)

    awake = start()
    assert "Ada" in awake.names()
    assert (awake.folder / weights.relative_to(asleep.folder)).read_bytes() == b"weights"
    assert (awake.folder / "session.key").read_bytes() == b"k" * 32
    assert check(awake.context.settings, awake.context.database).problems == ()
    awake.store("Bob")
    awake.keeper.copy()
    wipe(awake)
    assert start().names() >= {"Ada", "Bob"}


def test_only_what_has_changed_is_sent_and_what_is_gone_is_removed(hub: Hub, start: Start) -> None:
    app = start()
    for name in ("one", "two"):
        (app.folder / "exports").mkdir(exist_ok=True)
        (app.folder / "exports" / f"{name}.json").write_text("{}", encoding="utf-8")
    app.keeper.copy()
    assert {"exports/one.json", "exports/two.json", "manifest.json"} <= hub.head.files.keys()
    (app.folder / "exports" / "one.json").unlink()
    hub.asked.clear()
    app.store("Ada")
    app.keeper.copy()
    assert "exports/one.json" not in hub.head.files
    assert "exports/two.json" in hub.head.files
    assert set(json.loads(hub.head.files["manifest.json"])["files"]) == hub.head.files.keys() - {
        "manifest.json", ".gitattributes", lease.FILE
    }  # fmt: skip
    sent = [path for method, path in hub.asked if method == "PUT"]
    assert len(sent) == 1, "the database alone"


def test_a_repository_that_is_not_there_is_made_and_is_private(hub: Hub, start: Start) -> None:
    hub.exists = False
    start().keeper.copy()
    assert hub.exists
    assert hub.private
    assert "thrice.db" in hub.head.files


def test_a_public_repository_is_refused(hub: Hub, start: Start) -> None:
    hub.private = False
    with pytest.raises(ConfigurationError, match="is public, and everybody could read"):
        start()


@pytest.mark.parametrize(
    ("token", "said"), [(READS, "may not write"), ("hf_wrong", "no token that the hub takes")]
)
def test_a_token_without_rights_is_told_at_the_start(start: Start, token: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        start(token=token)


def test_without_a_network_an_app_without_data_does_not_begin_with_nothing(
    hub: Hub, start: Start
) -> None:
    hub.refuse = lambda *_: 0
    with pytest.raises(ConfigurationError, match=r"cannot be reached .* would begin with nothing"):
        start()


def test_without_a_network_data_that_is_here_is_used_and_copied_later(
    hub: Hub, start: Start
) -> None:
    first = start()
    first.store("Ada")
    first.keeper.copy()
    first.store("Bob")
    first.end()
    hub.refuse = lambda *_: 0
    second = start()
    assert second.names() >= {"Ada", "Bob"}
    second.keeper.copy()
    assert "cannot be reached" in words.trouble(second.context)
    hub.refuse = lambda *_: None
    second.keeper.copy()
    assert words.trouble(second.context) == ""
    wipe(second)
    assert start().names() >= {"Ada", "Bob"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "may not write there, or the storage is full"),
        (413, "is full"),
        (507, "is full"),
        (429, "cannot serve now"),
        (500, "cannot serve now"),
        (0, "cannot be reached"),
    ],
)
def test_a_hub_that_does_not_take_it_is_told_and_nothing_here_is_lost(
    hub: Hub, start: Start, status: int, said: str
) -> None:
    app = start()
    app.keeper.copy()
    before = hub.head.id
    app.store("Ada")
    hub.refuse = lambda method, path: status if "/commit/" in path else None
    app.keeper.copy()
    assert said in words.in_words(app.context)
    assert str(app.folder) not in words.in_words(app.context)
    assert hub.head.id == before
    app.store("Bob")
    assert app.names() >= {"Ada", "Bob"}
    hub.refuse = lambda *_: None
    app.keeper.copy()
    assert words.in_words(app.context).startswith("Stored here, and safe")


def test_a_push_that_is_cut_in_the_middle_leaves_the_copy_before(hub: Hub, start: Start) -> None:
    app = start()
    app.store("Ada")
    app.keeper.copy()
    app.store("Bob")
    hub.refuse = lambda method, path: 0 if path.startswith("/lfs/") else None
    app.keeper.copy()
    assert "is stored here alone" in words.in_words(app.context)
    hub.refuse = lambda *_: None
    wipe(app)
    names = start().names()
    assert "Ada" in names
    assert "Bob" not in names


def test_a_push_whose_answer_was_lost_is_known_again(hub: Hub, start: Start) -> None:
    """It stands there, so the next one is made on top of it, and is not taken for another app's."""
    app = start()
    app.store("Ada")
    hub.lose_answer = True
    app.keeper.copy()
    assert words.trouble(app.context)
    hub.lose_answer = False
    app.store("Bob")
    app.keeper.copy()
    assert words.trouble(app.context) == ""
    wipe(app)
    assert start().names() >= {"Ada", "Bob"}


def test_a_push_whose_answer_was_lost_is_known_after_a_new_start(hub: Hub, start: Start) -> None:
    app = start()
    hub.lose_answer = True
    app.keeper.copy()
    app.store("Ada")
    app.end()
    hub.lose_answer = False
    again = start()
    assert "Ada" in again.names()
    again.keeper.copy()
    assert words.in_words(again.context).startswith("Stored here, and safe")


def test_an_app_that_was_taken_for_gone_gives_way_and_loses_nothing(hub: Hub, start: Start) -> None:
    """It stores nothing more, and what it had stored is in a branch; what the other pushed stays."""
    gone = start("gone")
    gone.keeper.copy()
    other = start("other")
    gone.store("Bob")
    gone.keeper.copy()  # before the other one has pushed anything

    assert words.in_words(gone.context).startswith("Another app has stored newer data")
    with pytest.raises(DatabaseReadOnly, match="nothing more is stored here"):
        gone.store("Cyd")
    with pytest.raises(DatabaseReadOnly):
        gone.context.database.check_files()  # which /health asks
    assert "Bob" in gone.names(), "it can be read"
    other.store("Dee")
    other.keeper.copy()
    assert words.in_words(other.context).startswith("Stored here, and safe")

    (branch,) = hub.branches.keys() - {"main"}
    assert branch.startswith("unmerged-thrice-")
    saved = hub.commits[hub.branches[branch]].files["thrice.db"]
    assert b"Bob" in saved
    assert b"Bob" not in hub.head.files["thrice.db"]


def test_the_app_that_gave_way_goes_on_with_the_newer_data_when_started_again(
    hub: Hub, start: Start
) -> None:
    gone, other = start("gone"), start("other")
    other.store("Ada")
    other.keeper.copy()
    gone.store("Bob")
    gone.keeper.copy()
    gone.end()
    again = start("gone")
    assert "Ada" in again.names()
    assert "Bob" not in again.names()
    (away,) = (again.folder / ".kept").glob("away-*")
    assert any(b"Bob" in file.read_bytes() for file in away.glob("thrice.db*"))
    again.store("Cyd")
    again.keeper.copy()
    assert words.in_words(again.context).startswith("Stored here, and safe")


def test_what_could_not_be_saved_in_a_branch_is_tried_again(hub: Hub, start: Start) -> None:
    gone, _ = start("gone"), start("other")
    gone.store("Bob")
    hub.refuse = lambda _, path: 500 if "/branch/" in path else None
    gone.keeper.copy()
    assert hub.branches.keys() == {"main"}
    with pytest.raises(DatabaseReadOnly):
        gone.store("Cyd")
    hub.refuse = lambda *_: None
    assert gone.keeper._changed()
    gone.keeper.copy()
    (branch,) = hub.branches.keys() - {"main"}
    assert b"Bob" in hub.commits[hub.branches[branch]].files["thrice.db"]
    assert not gone.keeper._changed()


def test_data_on_both_sides_is_refused_and_neither_is_touched(hub: Hub, start: Start) -> None:
    first = start("first")
    first.store("Ada")
    first.keeper.copy()
    other = start("other")
    other.end()
    (other.folder / ".kept" / "record.json").unlink()
    head, before = hub.head.id, (other.folder / "thrice.db").read_bytes()
    with pytest.raises(ConfigurationError, match="neither may replace the other"):
        start("other")
    assert hub.head.id == head
    assert (other.folder / "thrice.db").read_bytes() == before


def test_data_that_was_there_before_goes_to_an_empty_repository(hub: Hub, start: Start) -> None:
    old = start()
    old.store("Ada")
    old.end()
    shutil.rmtree(old.folder / ".kept")
    hub.by_somebody(lease.FILE, b"{}")  # it was kept nowhere
    app = start()
    app.keeper.copy()
    wipe(app)
    assert "Ada" in start().names()


def test_a_file_that_somebody_adds_to_the_repository_is_in_nobody_s_way(
    hub: Hub, start: Start
) -> None:
    app = start()
    app.keeper.copy()
    hub.by_somebody("README.md")
    app.store("Ada")
    app.keeper.copy()
    assert words.in_words(app.context).startswith("Stored here, and safe")
    assert hub.head.files["README.md"] == b"theirs"
    assert b"Ada" in hub.head.files["thrice.db"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("thrice.db", b"not what was there", "thrice.db is not what was backed up, by its hash"),
        ("manifest.json", b"{", "is not a complete backup"),
        ("manifest.json", b'{"files": 3}', "is not a complete backup"),
    ],
)
def test_a_damaged_repository_is_told_and_nothing_is_made_of_it(
    hub: Hub, start: Start, name: str, content: bytes, said: str
) -> None:
    app = start()
    app.store("Ada")
    app.keeper.copy()
    wipe(app)
    hub.by_somebody(name, content)
    with pytest.raises(ConfigurationError, match=said):
        start()
    assert not (app.folder / "thrice.db").exists()


def test_a_fetch_that_was_cut_is_made_again(hub: Hub, start: Start) -> None:
    app = start()
    app.store("Ada")
    (app.folder / "session.key").write_bytes(b"k" * 32)
    app.keeper.copy()
    wipe(app)
    app.folder.mkdir()
    (app.folder / ".kept").mkdir()
    (app.folder / ".kept" / "fetching").touch()  # as `kill -9` leaves it
    (app.folder / "session.key").write_bytes(b"half")
    again = start()
    assert "Ada" in again.names()
    assert (again.folder / "session.key").read_bytes() == b"k" * 32


def test_files_of_somebody_are_not_replaced_by_a_fetch(hub: Hub, start: Start) -> None:
    app = start()
    app.keeper.copy()
    wipe(app)
    app.folder.mkdir()
    (app.folder / "session.key").write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="is not empty"):
        start()
    assert (app.folder / "session.key").read_bytes() == b"mine"


def test_the_words_say_until_when_it_is_safe(hub: Hub, start: Start) -> None:
    app = start(keep_every_min=7)
    assert words.in_words(app.context) == (
        "Stored here; the first copy to the owner's repository is being made."
    )
    app.keeper.copy()
    until = app.context.kept.now.until
    assert words.in_words(app.context) == (
        f"Stored here, and safe in the owner's repository as of {until:%H:%M} UTC (just now)."
    )
    app.store("Ada")
    assert words.in_words(app.context) == (
        f"Stored here at once, and up to {until:%H:%M} UTC (just now) safe in the owner's "
        "repository too. The next copy is made within 7 min."
    )


def test_copies_are_made_when_something_was_stored_and_at_the_end(hub: Hub, start: Start) -> None:
    app = start(keep_every_min=0.001)
    app.keeper.start()
    wait_for(lambda: "manifest.json" in hub.head.files)
    wait_for(lambda: app.context.kept.now.until is not None)
    n = commits(hub)
    app.store("Ada")
    wait_for(lambda: commits(hub) > n and b"Ada" in hub.head.files["thrice.db"])
    app.keeper.close()
    assert not app.keeper._thread.is_alive()
    assert start("elsewhere").names() >= {"Ada"}


def test_the_last_copy_has_what_was_stored_a_moment_before(hub: Hub, start: Start) -> None:
    app = start(keep_every_min=60)
    app.keeper.start()
    wait_for(lambda: app.context.kept.now.until is not None)
    app.store("Ada")
    app.keeper.close()
    wipe(app)
    assert "Ada" in start().names()


def test_the_end_does_not_wait_for_a_hub_that_hangs(
    hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(_: str, path: str) -> None:
        if "/commit/" in path:
            released.wait(10)

    app = start(keep_every_min=60)
    app.store("Ada")
    hub.refuse = hang
    monkeypatch.setattr(keeper, "LAST_S", 0.2)
    app.keeper.start()
    app.keeper.close()
    alive = app.keeper._thread.is_alive()
    released.set()
    app.keeper._thread.join(10)
    assert alive
    assert "Ada" in app.names()


def test_settings_that_cannot_work_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="keep-in pairs names no data set"):
        load_settings(["--keep-in", "pairs"])
    with pytest.raises(ConfigurationError, match="leave out keep-in or database-url"):
        load_settings(["--keep-in", "ann/x", "--database-url", "postgresql+psycopg://db/t"])
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match="set HF_TOKEN, in a Space as a secret"):
        open_repository(Settings(data_dir=tmp_path, keep_in="ann/x"))
