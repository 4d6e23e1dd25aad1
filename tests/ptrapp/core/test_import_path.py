"""Processes of ours import our packages, wherever they are started and however we are installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ptrapp.core import import_path
from ptrapp.core.import_path import with_import_path

FIND = "import importlib.util as u; print(u.find_spec('training.worker').origin)"


def test_a_package_of_the_same_name_in_the_current_folder_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__init__.py").write_text(
        "raise SystemExit('not ours')", encoding="utf-8"
    )
    found = subprocess.run(
        [sys.executable, "-c", FIND],
        env=with_import_path(dict(os.environ)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == Path(import_path._ROOT) / "training" / "worker.py"


def test_folders_somebody_named_stay_behind_ours() -> None:
    path = with_import_path({"PYTHONPATH": "/theirs"})["PYTHONPATH"]
    assert path == os.pathsep.join([str(import_path._ROOT), "/theirs"])
    assert with_import_path({})["PYTHONPATH"] == str(import_path._ROOT)


def test_where_we_are_installed_the_path_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_path, "_site_packages", lambda: {import_path._ROOT})
    assert with_import_path({"A": "b"}) == {"A": "b", "PYTHONSAFEPATH": "1"}
