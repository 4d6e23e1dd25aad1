"""What rows name in the data folder is found wherever that folder lies."""

from pathlib import Path

import pytest

from db.registry.stored_paths import located, same_model, to_stored


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "data" / "adapters" / "dpo-000012").mkdir(parents=True)
    (tmp_path / "data" / "jobs" / "12").mkdir(parents=True)
    (tmp_path / "data" / "jobs" / "12" / "snapshot.jsonl").touch()
    return tmp_path / "data"


def test_what_lies_in_the_data_folder_is_stored_without_it(data_dir: Path) -> None:
    folder = data_dir / "adapters" / "dpo-000012"
    assert to_stored(folder, data_dir) == "adapters/dpo-000012"
    assert located("adapters/dpo-000012", data_dir) == folder


def test_what_lies_elsewhere_is_stored_whole(data_dir: Path, tmp_path: Path) -> None:
    assert to_stored(tmp_path / "adapters" / "mine", data_dir) == str(tmp_path / "adapters/mine")
    assert located(str(tmp_path / "adapters/mine"), data_dir) == tmp_path / "adapters/mine"


@pytest.mark.parametrize("before", ["/home/jobs/data", "/data", "D:\\thrice\\data"])
def test_an_absolute_path_of_an_earlier_version_is_found_here(data_dir: Path, before: str) -> None:
    slash = "\\" if "\\" in before else "/"
    for tail in ("adapters/dpo-000012", "jobs/12/snapshot.jsonl"):
        assert located(before + slash + tail.replace("/", slash), data_dir) == data_dir / tail


def test_what_is_nowhere_keeps_its_name_for_the_message(data_dir: Path) -> None:
    assert located("/home/data/adapters/gone", data_dir) == Path("/home/data/adapters/gone")
    assert located("adapters/gone", data_dir) == data_dir / "adapters" / "gone"


def test_the_bundled_model_is_one_wherever_it_is_installed(data_dir: Path) -> None:
    here, there = "/srv/thrice/ptrapp/assets/model", "/usr/lib/python/ptrapp/assets/model"
    assert same_model(here, there, data_dir)
    assert not same_model(here, "/srv/other/model", data_dir)
    assert not same_model("owner/model", "other/model", data_dir)
    assert same_model("owner/model", "owner/model", data_dir)
    before = "/old/data/adapters/dpo-000012"
    assert same_model(before, str(data_dir / "adapters" / "dpo-000012"), data_dir)
