"""`thrice backup`, `restore` and `check` from a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from fresh_database import fresh_database
from typer.testing import CliRunner

from db.registry import adapters
from ptrapp.cli import commands
from ptrapp.core.errors import InputError


def run(*arguments: object, status: int = 0) -> Any:
    result = CliRunner().invoke(commands.app, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status
    return json.loads(result.output)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    fresh_database(tmp_path / "data").dispose()
    return tmp_path / "data"


def test_backed_up_checked_and_restored(data: Path, tmp_path: Path) -> None:
    made = run("--data-dir", data, "backup", "--to", tmp_path / "kept")
    assert (made["files"], made["problems"]) == (1, [])
    assert run("check", made["backup"]) == {"files": 1, "problems": []}
    run("--data-dir", tmp_path / "copy", "restore", made["backup"])
    found = run("--data-dir", tmp_path / "copy", "check")
    assert found == {"versions": 0, "snapshots": 0, "judges": 0, "problems": []}
    with pytest.raises(InputError, match="is not empty"):
        run("--data-dir", tmp_path / "copy", "restore", made["backup"])


def test_what_is_wrong_ends_with_status_1(data: Path, tmp_path: Path) -> None:
    database = fresh_database(data)
    with database.write() as session:
        adapters.register(
            session, name="v1", parent_id=None, job_id=None, snapshot_id=None, base_model="m",
            path="adapters/v1", sha256="0" * 64, metrics={},
        )  # fmt: skip
    database.dispose()
    (problem,) = run("--data-dir", data, "check", status=1)["problems"]
    assert "the version v1: its folder" in problem
    made = run("--data-dir", data, "backup", status=1)
    assert "the version v1: its folder" in made["problems"][0]
    (Path(made["backup"]) / "thrice.db").write_bytes(b"")
    assert run("check", made["backup"], status=1)["problems"] == [
        "thrice.db is not what was backed up, by its hash"
    ]
