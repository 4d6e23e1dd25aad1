"""A new app starts while the old one runs, as when a Space is updated: the data is handed over."""

import json
import threading
from collections.abc import Callable

import pytest
from hub_double import Hub
from kept_apps import App, Start
from test_keeping import wait_for, wipe

from db.storage.errors import DatabaseReadOnly
from ptrapp.core.errors import ConfigurationError
from ptrapp.services.keeping import keeper, lease, words


@pytest.fixture
def patient(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is taken for gone, and each looks often."""
    monkeypatch.setattr(lease, "WAIT_S", 60.0)
    monkeypatch.setattr(keeper, "LOOK_S", 0.05)
    monkeypatch.setattr(keeper, "POLL_S", 0.05)


def said(hub: Hub) -> lease.Lease:
    return lease.Lease(**json.loads(hub.head.files[lease.FILE]))


def running(app: App) -> App:
    app.keeper.start()
    wait_for(lambda: app.context.kept is not None and app.context.kept.now.until is not None)
    return app


@pytest.mark.usefixtures("patient")
def test_the_newer_app_goes_on_with_all_that_the_older_one_acknowledged(
    hub: Hub, start: Start
) -> None:
    old = running(start("old", keep_every_min=60))
    old.store("Ada")
    new = start("new")  # asks, waits, fetches
    assert "Ada" in new.names()
    assert words.in_words(old.context).startswith("A newer app goes on with the data of this one")
    with pytest.raises(DatabaseReadOnly, match="Load the page again in a minute"):
        old.store("Bob")
    assert "Ada" in old.names(), "it can be read"
    new.store("Cyd")
    new.keeper.copy()
    old.keeper.close()  # its container is ended now
    assert b"Cyd" in hub.head.files["thrice.db"]
    assert said(hub) == lease.Lease(new.keeper._app)
    assert hub.branches.keys() == {"main"}


@pytest.mark.usefixtures("patient")
def test_votes_go_on_until_the_last_copy_and_each_is_there_or_was_refused(
    hub: Hub, start: Start
) -> None:
    old = running(start("old", keep_every_min=60))
    stored: list[str] = []
    refused = threading.Event()

    def vote() -> None:
        for number in range(100_000):
            try:
                old.store(f"rater {number}")
            except DatabaseReadOnly:
                refused.set()
                return
            stored.append(f"rater {number}")

    voting = threading.Thread(target=vote)
    voting.start()
    wait_for(lambda: len(stored) > 5)
    new = start("new")
    voting.join(20)
    assert refused.is_set()
    assert new.names() >= set(stored)


@pytest.mark.usefixtures("patient")
def test_an_app_that_ended_is_not_waited_for(hub: Hub, start: Start) -> None:
    old = running(start("old", keep_every_min=60))
    old.store("Ada")
    old.keeper.close()
    assert said(hub) == lease.Lease()
    wipe(old)
    assert "Ada" in start("new").names()


@pytest.mark.usefixtures("patient")
def test_an_app_that_was_killed_is_its_own_heir_on_its_disk(hub: Hub, start: Start) -> None:
    killed = start()
    killed.store("Ada")
    killed.keeper.copy()
    killed.store("Bob")
    killed.end()
    again = start()
    assert again.names() >= {"Ada", "Bob"}
    again.keeper.copy()
    assert b"Bob" in hub.head.files["thrice.db"]


@pytest.mark.usefixtures("patient")
def test_the_older_app_may_be_the_newest_one_day(hub: Hub, start: Start) -> None:
    old = running(start("old", keep_every_min=60))
    new = running(start("new", keep_every_min=60))
    old.keeper.close()
    old.end()
    new.store("Ada")
    again = start("old")
    assert "Ada" in again.names()
    assert not list((again.folder / ".kept").glob("unmerged*"))


@pytest.mark.usefixtures("patient")
def test_data_of_its_own_is_no_reason_to_ask(hub: Hub, start: Start) -> None:
    """What runs is not disturbed by an app that could not go on with what it would be handed."""
    stranger = start("stranger")
    stranger.end()
    (stranger.folder / ".kept" / "record.json").unlink()
    stranger.keeper._repository.commit_texts(lease.Lease().as_file(), on=hub.head.id, branch="main")
    old = running(start("old", keep_every_min=60))
    with pytest.raises(ConfigurationError, match="is kept by another app"):
        start("stranger")
    old.store("Ada")
    assert said(hub) == lease.Lease(old.keeper._app)


def test_of_two_that_wait_the_newer_one_gets_it(
    hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "WAIT_S", 60.0)
    old = start("old")
    old.keeper.copy()
    failed: list[ConfigurationError] = []

    def wait_first() -> None:
        try:
            start("first")
        except ConfigurationError as error:
            failed.append(error)

    first = threading.Thread(target=wait_first)
    first.start()
    wait_for(lambda: said(hub).next != "")
    asked = said(hub).next
    second = lease.Lease(old.keeper._app, "newest")
    old.keeper._repository.commit_texts(second.as_file(), on=hub.head.id, branch="main")
    first.join(20)
    assert asked != "newest"
    assert "a newer one asked for it" in str(failed[0])
    old.keeper.copy()
    assert said(hub) == lease.Lease("newest")


def test_who_is_ended_while_it_waits_takes_its_question_back(
    hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "WAIT_S", 60.0)
    old = start("old")
    old.keeper.copy()

    def ended(_: float) -> None:
        assert said(hub).next != ""
        raise SystemExit(0)  # as SIGTERM does

    with monkeypatch.context() as while_waiting:
        while_waiting.setattr(lease.time, "sleep", ended)
        with pytest.raises(SystemExit):
            start("new")
    assert said(hub) == lease.Lease(old.keeper._app)
    old.store("Ada")
    old.keeper.copy()
    assert b"Ada" in hub.head.files["thrice.db"]


def test_a_last_copy_that_fails_is_tried_again(
    hub: Hub, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "WAIT_S", 60.0)
    old = start("old")
    old.keeper.copy()
    ask = lease.Lease(old.keeper._app, "newest")
    old.keeper._repository.commit_texts(ask.as_file(), on=hub.head.id, branch="main")
    old.store("Ada")
    hub.refuse = cut_after(2)  # one is on the older commit, and the next says that it leaves
    old.keeper.copy()
    assert said(hub) == lease.Lease(old.keeper._app, "newest", leaving=True)
    with pytest.raises(DatabaseReadOnly):
        old.store("Bob")
    hub.refuse = lambda *_: None
    assert old.keeper._changed()
    old.keeper.copy()
    assert said(hub) == lease.Lease("newest")
    assert b"Ada" in hub.head.files["thrice.db"]
    assert hub.branches.keys() == {"main"}


def cut_after(n: int) -> Callable[[str, str], int | None]:
    """Refuses every commit after this many."""
    done = [0]

    def refuse(method: str, path: str) -> int | None:
        done[0] += path.endswith("/commit/main")
        return 503 if path.endswith("/commit/main") and done[0] > n else None

    return refuse
