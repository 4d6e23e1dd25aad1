"""Which generated questions fit a model: sums for the bundled one, requests for others."""

from pathlib import Path

import pytest

from ptrapp.core.settings import BUNDLED_MODEL, Settings
from ptrapp.core.thoughts import FORMATS, TINY
from ptrapp.tasks.families import GENERATED
from ptrapp.tasks.fitting import AUTO, fitting
from ptrapp.tasks.instructions import INSTRUCTIONS
from training.generation.fitting import fitting_source


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_only_a_model_of_the_bundled_ones_format_gets_sums(name: str) -> None:
    assert fitting(FORMATS[name]) == (GENERATED if FORMATS[name] == TINY else INSTRUCTIONS)


def test_a_job_reads_the_format_off_its_models_folder(tmp_path: Path) -> None:
    grown = tmp_path / "grown"
    grown.mkdir()
    for file in ("tokenizer_config.json", "chat_template.jinja", "tokenizer.json"):
        if (BUNDLED_MODEL / file).exists():
            (grown / file).write_bytes((BUNDLED_MODEL / file).read_bytes())
    other = tmp_path / "other"
    other.mkdir()

    def found(model: str, **more: str) -> str:
        return fitting_source(Settings(model=model, **more), AUTO)

    assert found("bundled") == found(str(grown)) == GENERATED
    assert found(str(other)) == found("owner/of-the-hub") == INSTRUCTIONS
    assert found(str(other), thought_format="tiny") == GENERATED, "as it was said"


def test_a_named_source_is_taken_as_named() -> None:
    for named in (GENERATED, INSTRUCTIONS, "stored", "hf:owner/name"):
        assert fitting_source(Settings(model="bundled"), named) == named
