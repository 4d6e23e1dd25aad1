"""A GGUF file is a model: converted once, kept by its content, and there whole or not at all."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tiny_gguf import write_tiny_gguf

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.model_folder import is_model
from ptrapp.models import conversion, gguf
from ptrapp.models.gguf import UNFINISHED, converted, origin_of, sha256_of


def silent(text: str, fraction: float | None = None) -> None: ...


def run_here(command: list[str], report: Any, **more: Any) -> str:
    """Converts in this process, which has torch already; the outcome is the same."""
    file, folder, digest = command[-3:]
    if conversion.main(Path(file), Path(folder), digest):
        raise subprocess.CalledProcessError(2, command, stderr="the reason")
    return ""


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "run_reporting", run_here)


@pytest.mark.training
def test_a_gguf_file_becomes_a_model_that_answers_with_its_template(
    in_process: None, tmp_path: Path
) -> None:
    from safetensors import safe_open

    from ptrapp.engines.local.loading import load_model

    file = write_tiny_gguf(tmp_path / "some.gguf")
    folder = converted(file, tmp_path / "models", silent)
    assert folder.name == f"tiny-test-1m-{sha256_of(file, silent)[:12]}"
    loaded = load_model(str(folder), "cpu")
    messages = [{"role": "user", "content": "the"}]
    shown = loaded.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    assert shown == "<|im_start|>user\nthe<|im_end|>\n<|im_start|>assistant\n"
    assert loaded.tokenizer.decode(loaded.tokenizer("the moth")["input_ids"]) == "the moth"
    assert loaded.tokenizer.eos_token == "<|im_end|>"
    with safe_open(folder / "model.safetensors", "pt") as weights:
        kinds = {str(weights.get_tensor(name).dtype) for name in weights.keys()}  # noqa: SIM118
    assert kinds == {"torch.bfloat16"}
    origin = origin_of(folder)
    assert origin is not None
    assert (origin.name, origin.licence) == ("some", "apache-2.0")


@pytest.mark.training
def test_the_same_content_is_the_same_model_wherever_it_lies(
    in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, models = write_tiny_gguf(tmp_path / "some.gguf"), tmp_path / "models"
    folder = converted(file, models, silent)
    monkeypatch.setattr(gguf, "run_reporting", None)  # nothing is converted a second time
    elsewhere = tmp_path / "renamed.gguf"
    elsewhere.write_bytes(file.read_bytes())
    assert converted(elsewhere, models, silent) == folder
    monkeypatch.setattr(gguf, "sha256_of", None)  # the very file is not even read
    assert converted(file, models, silent) == folder


@pytest.mark.training
def test_a_file_that_was_changed_is_another_model(in_process: None, tmp_path: Path) -> None:
    file, models = write_tiny_gguf(tmp_path / "some.gguf"), tmp_path / "models"
    first = converted(file, models, silent)
    write_tiny_gguf(file, seed=1)
    assert converted(file, models, silent) != first
    assert len(list(models.iterdir())) == 2


@pytest.mark.worker
def test_an_unknown_architecture_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    file = write_tiny_gguf(tmp_path / "odd.gguf", architecture="martian")
    with pytest.raises(ModelUnusable, match=r"odd\.gguf cannot be converted: .*martian") as told:
        converted(file, tmp_path / "models", silent)
    assert "\n" not in str(told.value)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.worker
def test_a_conversion_that_is_interrupted_leaves_no_model(tmp_path: Path) -> None:
    file, models = write_tiny_gguf(tmp_path / "some.gguf"), tmp_path / "models"

    class Ended(Exception): ...

    def end(text: str, fraction: float | None = None) -> None:
        if text.startswith("Converting") and any(models.glob(f"{UNFINISHED}*")):
            raise Ended

    with pytest.raises(Ended):
        converted(file, models, end)
    assert list(models.iterdir()) == []


def test_half_a_folder_of_a_killed_process_is_not_taken_for_a_model(tmp_path: Path) -> None:
    digest = "ab" * 32
    half = tmp_path / f"{UNFINISHED}{digest[:12]}-1"
    half.mkdir()
    for name in ("config.json", "model.safetensors"):
        (half / name).write_text("{}", encoding="utf-8")
    assert is_model(half)
    assert gguf.of_hash(digest, tmp_path) is None


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GIF89a")
    with pytest.raises(ModelUnusable, match="is no GGUF file"):
        converted(file, tmp_path / "models", silent)


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf.shutil, "disk_usage", lambda _: type("U", (), {"free": 10})())
    file = write_tiny_gguf(tmp_path / "some.gguf")
    with pytest.raises(ModelUnusable, match=r"0 MB left and converting some\.gguf takes"):
        converted(file, tmp_path / "models", silent)
