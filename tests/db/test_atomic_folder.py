"""Folders are in place complete or not at all."""

from pathlib import Path

import pytest

from db.storage import atomic_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_folder_takes_the_place_of_one_that_was_left_there(tmp_path: Path) -> None:
    final = tmp_path / "dpo-000001"
    final.mkdir()
    (final / "left by a killed process").touch()

    with atomic_folder.unfinished_folder(final, "12345678") as unfinished:
        (unfinished / "weights").touch()
        assert names(final) == ["left by a killed process"]
        atomic_folder.put_in_place(unfinished, final)

    assert names(tmp_path) == ["dpo-000001"]
    assert names(final) == ["weights"]


def test_a_folder_that_failed_leaves_nothing(tmp_path: Path) -> None:
    final = tmp_path / "dpo-000001"

    def fail() -> None:
        with atomic_folder.unfinished_folder(final, "12345678") as unfinished:
            (unfinished / "weights").touch()
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        fail()
    assert names(tmp_path) == []


def test_what_a_killed_process_had_begun_is_begun_anew(tmp_path: Path) -> None:
    final = tmp_path / "dpo-000001"
    begun = tmp_path / ".dpo-000001-12345678"
    begun.mkdir()
    (begun / "half").touch()

    with atomic_folder.unfinished_folder(final, "12345678") as unfinished:
        assert unfinished == begun
        assert names(unfinished) == []
