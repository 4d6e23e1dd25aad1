"""Versions in a store that machines share: whole or not there, checked by hash, one that fails."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import numpy as np
import pytest
from safetensors.numpy import save

from db.models import Adapter
from db.registry.contents import Content, weights_sha256
from ptrapp.artifacts import rows
from ptrapp.artifacts.store import COMPLETE, ArtifactStore, open_store
from ptrapp.core.errors import ArtifactError, ArtifactsAway, ConfigurationError
from ptrapp.core.settings import Settings, load_settings


class Machine:
    """A data folder of its own, and the store that all share."""

    def __init__(self, folder: Path, url: str) -> None:
        self.settings = Settings(data_dir=folder, artifacts=url)
        self.version = folder / "adapters" / "dpo-000001"

    def train(self, value: float = 1.0) -> Adapter:
        self.version.mkdir(parents=True)
        weights = save({"lora_A": np.full((2, 3), value, "f4")})
        (self.version / "adapter_model.safetensors").write_bytes(weights)
        (self.version / "adapter_config.json").write_text('{"r": 2}', encoding="utf-8")
        sha256 = weights_sha256(self.version)
        return Adapter(name="dpo-000001", path="adapters/dpo-000001", sha256=sha256)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.version.iterdir()}


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid4().hex}" if request.param == "memory" else f"file://{tmp_path}/store"


@pytest.fixture
def one(tmp_path: Path, url: str) -> Machine:
    return Machine(tmp_path / "one", url)


@pytest.fixture
def other(tmp_path: Path, url: str) -> Machine:
    return Machine(tmp_path / "other", url)


@pytest.fixture
def trained(one: Machine) -> Adapter:
    version = one.train()
    rows.keep_version(one.settings, version.sha256, one.version)
    return version


def key(version: Adapter) -> str:
    return f"adapters/{version.sha256}"


def contents(machine: Machine, path: str) -> Any:
    """The file system of the store, and a file of it."""
    return fsspec.core.url_to_fs(f"{machine.settings.artifacts}/{path}")


def test_a_version_trained_on_one_machine_is_found_on_another(
    one: Machine, other: Machine, trained: Adapter
) -> None:
    assert not other.version.exists()
    assert rows.find_version(other.settings, trained) == (Content.WHOLE, "")
    assert other.files() == one.files()
    assert [path.name for path in other.version.parent.iterdir()] == ["dpo-000001"]


def test_what_is_whole_here_is_put_where_it_lacks(one: Machine, other: Machine) -> None:
    version = one.train()  # before there was a store
    assert not rows.is_kept(one.settings, version)
    with pytest.raises(ArtifactError, match="Serve it once at an app that has it"):
        rows.bring_version(other.settings, version)
    assert rows.find_version(one.settings, version)[0] is Content.WHOLE
    assert rows.is_kept(other.settings, version)


def test_an_upload_that_was_cut_is_not_seen_and_is_begun_anew(one: Machine, other: Machine) -> None:
    version = one.train()
    store = open_store(one.settings)
    assert store is not None
    real = store._files

    class Cut:
        """Fails before the list is written, as where a process is killed."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def pipe_file(self, *_: Any) -> None:
            raise ConnectionResetError("cut")

    store._files = Cut()  # type: ignore[assignment]
    with pytest.raises(ArtifactsAway):
        store.put(key(version), one.version.iterdir())
    files, path = contents(one, f"{key(version)}/adapter_model.safetensors")
    assert files.exists(path), "the weights are there already"

    found = rows.find_version(other.settings, version)
    assert found[0] is Content.AWAY
    assert "the artifact store has none of it" in found[1]
    rows.keep_version(one.settings, version.sha256, one.version)
    assert rows.find_version(other.settings, version)[0] is Content.WHOLE


def test_a_list_that_was_cut_is_none(one: Machine, other: Machine, trained: Adapter) -> None:
    files, path = contents(one, f"{key(trained)}/{COMPLETE}")
    files.pipe_file(path, files.cat_file(path)[:-20])
    assert rows.find_version(other.settings, trained)[0] is Content.AWAY


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_what_was_changed_in_the_store_is_not_taken(
    other: Machine, trained: Adapter, name: str
) -> None:
    files, path = contents(other, f"{key(trained)}/{name}")
    content = files.cat_file(path)
    files.pipe_file(path, content[:-1] + bytes([content[-1] ^ 1]))
    content_found, where = rows.find_version(other.settings, trained)
    assert content_found is Content.AWAY
    assert "damaged, by its hash" in where
    assert list(other.version.parent.iterdir()) == []


def test_weights_under_the_hash_of_others_are_not_taken(
    one: Machine, other: Machine, trained: Adapter
) -> None:
    """A list may agree with what lies beside it; the row says what was trained."""
    trained.sha256 = "0" * 64
    store = open_store(one.settings)
    assert store is not None
    store.put(key(trained), one.version.iterdir())
    with pytest.raises(ArtifactError, match="damaged"):
        rows.bring_version(other.settings, trained)


@pytest.mark.parametrize(
    "name", ["../../stolen.json", "weights.pkl", "/etc/x.json", ".hidden.json"]
)
def test_no_file_of_another_kind_or_place_is_taken(
    other: Machine, trained: Adapter, name: str
) -> None:
    files, path = contents(other, f"{key(trained)}/{COMPLETE}")
    files.pipe_file(path, b'{"%s": {"sha256": "00"}}' % name.encode())
    with pytest.raises(ArtifactError, match="which we never write"):
        rows.bring_version(other.settings, trained)


def test_a_store_that_is_down_is_said_without_its_address(
    other: Machine, trained: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise TimeoutError("http://10.0.0.7:9000/bucket did not answer")

    files, _ = contents(other, "x")
    monkeypatch.setattr(type(files), "cat_file", down)
    content, where = rows.find_version(other.settings, trained)
    assert content is Content.AWAY
    assert where.endswith("and the artifact store cannot be used now (TimeoutError)")
    monkeypatch.undo()
    assert rows.find_version(other.settings, trained)[0] is Content.WHOLE


def test_a_version_cut_short_here_is_fetched_again(other: Machine, trained: Adapter) -> None:
    rows.bring_version(other.settings, trained)
    weights = other.version / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])
    assert rows.find_version(other.settings, trained)[0] is Content.WHOLE


def test_a_whole_model_stays_where_it_was_trained(one: Machine) -> None:
    version = one.train()
    (one.version / "config.json").write_text("{}", encoding="utf-8")
    rows.keep_version(one.settings, version.sha256, one.version)
    assert not rows.is_kept(one.settings, version)


@pytest.fixture
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any) -> None:
        raise AssertionError("a file system was opened")

    monkeypatch.setattr(fsspec.core, "url_to_fs", opened)


@pytest.mark.usefixtures("no_store")
def test_without_the_setting_no_store_is_opened(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "")
    version = machine.train()
    assert rows.find_version(machine.settings, version)[0] is Content.WHOLE
    rows.keep_version(machine.settings, version.sha256, machine.version)
    rows.bring_version(machine.settings, version)
    assert not rows.is_kept(machine.settings, version)


def test_a_url_that_cannot_be_opened_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="artifacts is no URL"):
        load_settings(["--artifacts", "/mnt/thrice"])
    with pytest.raises(ConfigurationError, match="has a package of its own"):
        ArtifactStore("unknown://bucket/thrice")
