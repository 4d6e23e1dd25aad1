"""The version last made active is served; one that cannot be loaded changes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from db.models import AdapterStatus
from db.registry import adapters
from db.registry.contents import weights_sha256
from db.registry.stored_paths import located, to_stored
from ptrapp.core.errors import (
    AdapterRejected,
    AdaptersUnsupported,
    AdapterUnavailable,
    InputError,
    NotFound,
)
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import versions
from ptrapp.services.publisher import Publisher

Folder = Callable[..., Path]


@pytest.fixture
def trained(world: Any, adapter_folder: Folder) -> Callable[..., int]:
    """Registers a version as training does; returns its id."""

    def register(
        name: str, parent_id: int | None = None, *, broken: bool = False, base: str = "scripted"
    ) -> int:
        with world.database.write() as session:
            folder = adapter_folder(name, broken=broken)
            row = adapters.register(
                session,
                name=name,
                parent_id=parent_id,
                job_id=None,
                snapshot_id=None,
                base_model=base,
                path=to_stored(folder, world.folder),
                sha256=weights_sha256(folder),
                metrics={},
            )
            return row.id

    return register


def states(world: Any) -> dict[str, str]:
    return {view.name: view.status for view in versions.listing(world.context)}


def folder_of(world: Any, name: str) -> Path:
    with world.database.read() as session:
        return located(adapters.by_name(session, name).path, world.folder)


def publish_ready(world: Any) -> None:
    Publisher(world.context).publish_ready()


def test_a_finished_version_is_published_and_answers(world: Any, trained: Any) -> None:
    trained("v1")
    publish_ready(world)
    assert world.engine.published() == {"v1"}
    assert states(world) == {"v1": "active", "base": "retired"}
    run = world.play(n=1)
    assert run.adapter.name == "v1"
    assert world.board(run.id).cells[0].version == "v1"


def test_a_new_version_retires_the_one_before(world: Any, trained: Any) -> None:
    first = trained("v1")
    publish_ready(world)
    trained("v2", first)
    publish_ready(world)
    assert world.engine.published() == {"v2"}
    assert states(world) == {"v2": "active", "v1": "retired", "base": "retired"}


def test_left_to_a_person_it_waits(world: Any, trained: Any) -> None:
    trained("v1")
    world.open(auto_activate=False)
    publish_ready(world)
    assert states(world) == {"v1": "ready", "base": "active"}


def test_a_folder_cut_short_is_unavailable_and_the_old_version_goes_on(
    world: Any, trained: Any
) -> None:
    first = trained("v1")
    publish_ready(world)
    trained("v2", first, broken=True)
    with pytest.raises(AdapterUnavailable, match="holds no adapter_config"):
        publish_ready(world)
    assert versions.serving(world.context) == "v1"
    assert world.engine.published() == {"v1"}
    away = versions.listing(world.context)[0]
    assert (away.name, away.status) == ("v2", "unavailable")
    assert "adapter_config.json" in (away.reason or "")
    assert world.play(n=1).adapter.name == "v1"
    with pytest.raises(AdapterUnavailable, match="Put its files back"):
        versions.serve(world.context, "v2")
    assert world.engine.published() == {"v1"}
    trained("v3", first)
    publisher = Publisher(world.context)
    with pytest.raises(AdapterUnavailable, match="v2"):
        publisher.publish_ready()
    publisher.publish_ready()
    assert versions.serving(world.context) == "v3"


def test_roll_back_goes_to_the_parent_and_on_to_the_base(world: Any, trained: Any) -> None:
    trained("v2", trained("v1"))
    versions.serve(world.context, "v2")
    assert [versions.roll_back(world.context) for _ in range(2)] == ["v1", "base"]
    assert world.engine.published() == frozenset()
    with pytest.raises(InputError, match="nothing to roll back to"):
        versions.roll_back(world.context)
    versions.serve(world.context, "v2")
    assert world.play(n=1).adapter.name == "v2"


def test_served_twice_it_is_served(world: Any, trained: Any) -> None:
    trained("v1")
    for _ in range(2):
        versions.serve(world.context, "v1")
    assert states(world)["v1"] == "active"
    trained("v2")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: versions.serve(world.context, name), ["v2", "v1"] * 4 + ["v2"]))
    serving = versions.serving(world.context)
    assert world.engine.published() == {serving}
    assert list(states(world).values()).count("active") == 1
    assert world.play(n=1).adapter.name == serving


def test_an_unknown_version_is_not_found(world: Any) -> None:
    with pytest.raises(NotFound, match="no version v9"):
        versions.serve(world.context, "v9")


def test_a_run_ends_with_the_version_it_began_with(world: Any, trained: Any, gate: Any) -> None:
    trained("v1")
    world.open(gate)
    versions.serve(world.context, "v1")
    run_id = world.begin(n=2)
    assert gate.reached.wait(5)
    trained("v2")
    versions.serve(world.context, "v2")
    gate.open.set()
    run = world.end(run_id)
    assert [row.adapter.name for row in run.rounds] == ["v1", "v1"]
    assert world.play(n=1).adapter.name == "v2"


def test_the_next_start_serves_what_was_served(world: Any, trained: Any) -> None:
    trained("v1")
    versions.serve(world.context, "v1")
    world.open()
    versions.restore(world.context)
    assert world.engine.published() == {"v1"}
    assert world.play(n=1).adapter.name == "v1"


def test_a_served_version_that_is_gone_gives_way_to_the_base(world: Any, trained: Any) -> None:
    trained("v1")
    versions.serve(world.context, "v1")
    (folder_of(world, "v1") / "adapter_config.json").unlink()
    world.open()
    versions.restore(world.context)
    assert states(world) == {"v1": "unavailable", "base": "active"}
    assert world.play(n=1).adapter is None


@pytest.mark.parametrize("auto_activate", [True, False])
def test_a_served_version_whose_folder_was_away_is_served_at_the_next_start(
    world: Any, trained: Any, auto_activate: bool
) -> None:
    trained("v1")
    versions.serve(world.context, "v1")
    folder = folder_of(world, "v1")
    folder.rename(folder.with_name("elsewhere"))
    world.open(auto_activate=auto_activate)
    versions.restore(world.context)
    assert states(world) == {"v1": "unavailable", "base": "active"}
    folder.with_name("elsewhere").rename(folder)
    world.open(auto_activate=auto_activate)
    versions.restore(world.context)
    assert states(world) == {"v1": "active", "base": "retired"}
    assert versions.listing(world.context)[0].reason is None


def test_a_version_chosen_meanwhile_stays_when_one_comes_back(world: Any, trained: Any) -> None:
    for name in ("v1", "v2"):
        trained(name)
        versions.serve(world.context, name)
    folder = folder_of(world, "v2")
    folder.rename(folder.with_name("elsewhere"))
    world.open()
    versions.restore(world.context)
    versions.serve(world.context, "v1")
    assert states(world) == {"v2": "unavailable", "v1": "active", "base": "retired"}
    folder.with_name("elsewhere").rename(folder)
    world.open()
    versions.restore(world.context)
    publish_ready(world)
    assert states(world) == {"v2": "retired", "v1": "active", "base": "retired"}


def test_weights_cut_short_are_unavailable_until_they_are_whole_again(
    world: Any, trained: Any
) -> None:
    trained("v1")
    weights = folder_of(world, "v1") / "adapter_model.safetensors"
    whole = weights.read_bytes()
    for n_bytes in (0, 5, 20, len(whole) - 1):
        weights.write_bytes(whole[:n_bytes])
        with pytest.raises(AdapterUnavailable, match="cut short"):
            versions.serve(world.context, "v1")
        assert states(world) == {"v1": "unavailable", "base": "active"}
    weights.write_bytes(whole)
    versions.serve(world.context, "v1")
    assert states(world) == {"v1": "active", "base": "retired"}


def test_wrong_weights_are_rejected_until_the_right_ones_are_restored(
    world: Any, trained: Any
) -> None:
    trained("v1")
    weights = folder_of(world, "v1") / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"!")
    with pytest.raises(AdapterRejected, match="not those that were trained"):
        versions.serve(world.context, "v1")
    assert world.engine.published() == frozenset()
    with pytest.raises(InputError, match="v1 was rejected"):
        versions.serve(world.context, "v1")
    world.open()
    versions.restore(world.context)
    assert states(world) == {"v1": "rejected", "base": "active"}
    weights.write_bytes(whole)
    world.open()
    versions.restore(world.context)
    assert states(world) == {"v1": "retired", "base": "active"}
    versions.serve(world.context, "v1")
    assert states(world)["v1"] == "active"


def test_a_version_is_served_from_wherever_the_data_folder_is_now(
    world: Any, trained: Any, tmp_path: Path
) -> None:
    trained("v1")
    with world.database.write() as session:  # as rows of earlier versions are
        adapters.by_name(session, "v1").path = "/home/ada/data/adapters/v1"
    moved = world.folder / "adapters"
    moved.mkdir(parents=True)
    (tmp_path / "v1").rename(moved / "v1")
    versions.serve(world.context, "v1")
    assert states(world) == {"v1": "active", "base": "retired"}


def test_a_start_with_another_model_keeps_the_versions_of_this_one(
    world: Any, trained: Any
) -> None:
    trained("v1")
    versions.serve(world.context, "v1")
    trained("v2")
    engine = ScriptedEngine(["<T> a<R> b"])
    engine.model_id = "another"
    world.open(engine=engine)
    versions.restore(world.context)
    publish_ready(world)
    assert states(world) == {"v2": "ready", "v1": "retired", "base": "active"}
    assert world.play(n=1).adapter is None
    with pytest.raises(InputError, match="trained on scripted and another is loaded"):
        versions.serve(world.context, "v1")
    world.open()
    versions.serve(world.context, "v1")
    assert states(world)["v1"] == AdapterStatus.ACTIVE


def test_the_publisher_notices_by_itself(
    world: Any, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptrapp.services.publisher.POLL_S", 0.01)
    publisher = Publisher(world.context)
    publisher.start()
    try:
        trained("v0", broken=True)
        trained("v1")
        for _ in range(500):
            if versions.serving(world.context) == "v1":
                break
            publisher._stop.wait(0.01)
    finally:
        publisher.close()
    assert states(world) == {"v1": "active", "v0": "unavailable", "base": "retired"}


class WithoutAdapters(ScriptedEngine):
    """As a server that was started without its page for adapters."""

    def __init__(self) -> None:
        super().__init__(["<T> a<R> b"])
        self.n_asked = 0

    def publish(self, name: str, path: Path) -> None:
        self.n_asked += 1
        raise AdaptersUnsupported("This server takes no adapters.")


def test_a_version_waits_for_an_engine_that_takes_adapters(world: Any, trained: Any) -> None:
    trained("v1")
    trained("v2")
    engine = WithoutAdapters()
    world.open(engine=engine)
    publisher = Publisher(world.context)
    for _ in range(2):
        with pytest.raises(AdaptersUnsupported):
            publisher.publish_ready()
    for _ in range(3):
        publisher.publish_ready()
    assert engine.n_asked == 2
    assert states(world) == {"v1": "unavailable", "v2": "unavailable", "base": "active"}
    assert {view.reason for view in versions.listing(world.context)} == {
        "This server takes no adapters.", None,
    }  # fmt: skip
    assert world.play(n=1).adapter is None
    with pytest.raises(AdaptersUnsupported):
        versions.serve(world.context, "v1")

    world.open()
    versions.restore(world.context)
    publish_ready(world)
    assert states(world) == {"v2": "active", "v1": "retired", "base": "retired"}
    assert {view.reason for view in versions.listing(world.context)} == {None}


def test_a_start_on_an_engine_without_adapters_keeps_the_served_version_for_the_next(
    world: Any, trained: Any
) -> None:
    trained("v1")
    trained("v2")
    for name in ("v1", "v2"):
        versions.serve(world.context, name)
    world.open(engine=WithoutAdapters())
    versions.restore(world.context)
    assert states(world) == {"v2": "unavailable", "v1": "retired", "base": "active"}
    assert world.play(n=1).adapter is None
    with pytest.raises(AdaptersUnsupported):
        versions.serve(world.context, "v1")
    world.open()
    versions.restore(world.context)
    publish_ready(world)
    assert states(world) == {"v2": "active", "v1": "retired", "base": "retired"}
    assert world.play(n=1).adapter.name == "v2"
