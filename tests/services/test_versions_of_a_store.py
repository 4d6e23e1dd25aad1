"""Versions that were trained on another machine, and an artifact store that is down for a while."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from db.models import Adapter, AdapterStatus
from db.registry import adapters
from db.registry.contents import weights_sha256
from ptrapp.artifacts import rows
from ptrapp.core.errors import AdapterUnavailable, ConfigurationError
from ptrapp.services import versions
from ptrapp.services.backups.checking import check
from ptrapp.services.publisher import Publisher


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def trained(world: Any, adapter_folder: Any, store: Path) -> Adapter:
    """A version that is in the store and was never in this data folder."""
    context = world.open(artifacts=f"file://{store}", gate_min_examples=0)
    folder = adapter_folder("elsewhere")
    sha256 = weights_sha256(folder)
    rows.keep_version(context.settings, sha256, folder)
    with world.database.write() as session:
        return adapters.register(
            session,
            name="v1",
            parent_id=None,
            job_id=None,
            snapshot_id=None,
            base_model=world.engine.model_id,
            path="adapters/v1",
            sha256=sha256,
            metrics={},
        )


def status(world: Any) -> tuple[str, str | None]:
    (row, _) = versions.listing(world.context)
    return row.status, row.reason


def test_what_was_trained_elsewhere_is_fetched_and_served(world: Any, trained: Adapter) -> None:
    Publisher(world.context).publish_ready()
    assert status(world) == ("active", None)
    assert world.play(n=1).adapter.name == "v1"
    assert (world.folder / "adapters" / "v1" / "adapter_model.safetensors").is_file()


def test_a_version_waits_for_its_store_and_is_tried_again(
    world: Any, trained: Adapter, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = store.rename(store.with_name("away"))
    store.write_text("in its place", encoding="utf-8")
    publisher = Publisher(world.context)
    with pytest.raises(AdapterUnavailable, match="artifact store cannot be used now"):
        publisher.publish_ready()
    assert status(world)[0] == "unavailable"
    assert versions.serving(world.context) == "base"
    store.unlink()
    away.rename(store)
    publisher.publish_ready()
    assert versions.serving(world.context) == "base", "not at every look"
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + 61)
    publisher.publish_ready()
    assert status(world) == ("active", None)


def test_a_check_looks_in_both_places(world: Any, trained: Adapter, store: Path) -> None:
    settings = world.context.settings
    assert check(settings, world.database).problems == ()
    shutil.rmtree(store)
    (problem,) = check(settings, world.database).problems
    assert "is not there, and the artifact store has none of it" in problem
    assert trained.status is AdapterStatus.READY


def test_a_store_that_nothing_opens_ends_the_start(world: Any) -> None:
    with pytest.raises(ConfigurationError, match="has a package of its own"):
        Publisher(world.open(artifacts="unknown://bucket/thrice"))
