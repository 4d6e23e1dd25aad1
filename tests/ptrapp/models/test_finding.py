"""What `--model` may name, what is within reach, and what the next start takes up."""

from pathlib import Path

import pytest
from tiny_gguf import write_tiny_gguf

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.models import smollm2
from ptrapp.models.catalogue import known_models
from ptrapp.models.finding import as_remembered, check_named, remember


@pytest.fixture(autouse=True)
def nothing_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THRICE_MODEL", raising=False)
    monkeypatch.setattr(smollm2, "_in_cache", lambda: False)


def model_folder(folder: Path, card: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"x" * 1000)
    if card:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def test_bundled_and_smollm2_are_always_within_reach(tmp_path: Path) -> None:
    bundled, small = known_models(Settings(data_dir=tmp_path))
    assert (bundled.model, bundled.fetched, bundled.licence) == ("bundled", True, "apache-2.0")
    assert (small.model, small.fetched, small.n_bytes) == ("smollm2", False, smollm2.WHEEL_BYTES)


def test_what_the_operator_allows_is_listed_once_with_its_licence(tmp_path: Path) -> None:
    one = model_folder(tmp_path / "one", "---\nlicense: mit\n---\n# One")
    inside = model_folder(tmp_path / "many" / "one")
    (tmp_path / "many" / "no model").mkdir()
    file = write_tiny_gguf(tmp_path / "many" / "two.gguf")
    allowed = (str(one), str(tmp_path / "many"), str(one), str(tmp_path / "nothing"))
    found = known_models(Settings(data_dir=tmp_path / "data", allow_source=allowed))[2:]
    assert [each.model for each in found] == [str(one), str(inside), str(file)]
    assert [each.title for each in found] == ["one", "one (2)", "two.gguf"]
    assert [each.licence for each in found] == ["mit", "", ""]
    assert found[0].n_bytes > 1000


def test_a_name_that_cannot_be_a_model_is_told_without_loading(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no model", encoding="utf-8")
    with pytest.raises(ModelUnusable, match="no GGUF file"):
        check_named(Settings(model=str(text)))
    with pytest.raises(ModelUnusable, match="There is no model folder"):
        check_named(Settings(model=str(tmp_path / "nothing")))
    for fine in ("bundled", "smollm2", "owner/name"):
        check_named(Settings(model=fine))


def test_the_model_that_answered_last_answers_again_unless_one_is_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "one")
    settings = Settings(data_dir=tmp_path)
    assert as_remembered(settings).model == "bundled"
    remember(settings, str(folder))
    assert as_remembered(settings).model == str(folder)
    assert as_remembered(Settings(data_dir=tmp_path, model="smollm2")).model == "smollm2"
    (folder / "config.json").unlink()
    assert as_remembered(settings).model == "bundled"
