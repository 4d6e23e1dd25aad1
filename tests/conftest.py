"""Fixtures everybody shares, and what a test needs: marks by fixture, the longest files first."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fresh_database import fresh_database
from xdist.scheduler import LoadFileScheduling

from db.storage.session import Database
from ptrapp.core.settings import BUNDLED_MODEL

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Matrices are tiny here: a second thread only waits, and takes a core from another process."""

NEEDS = {
    "browser_path": pytest.mark.browser,
    "random_model_dir": pytest.mark.training,
    "learned_tokenizer": pytest.mark.training,
    "wheel": pytest.mark.worker,
    "postgres_url": pytest.mark.postgres,
    "accelerator": pytest.mark.gpu,
}
"""What a test needs that asks for a fixture; the other marks stand beside the tests themselves."""
LONGEST = ("browser", "worker", "training")
BROWSER = "tests/browser/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(NEEDS[name])
    _put_long_files_first(items)


class OneBrowser(LoadFileScheduling):
    """Gives a file to one process, and all files that share an app and a browser to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return BROWSER if file.startswith(BROWSER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneBrowser | None:
    return OneBrowser(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """Everything is imported by now: half a second for each later collection of garbage is saved."""
    gc.collect()
    gc.freeze()


def _put_long_files_first(items: list[pytest.Item]) -> None:
    """Browser first, then programs, then models; files that take no time fill the end."""
    first: dict[Path, int] = {}
    for item in items:
        found = {mark.name for mark in item.iter_markers()}
        place = next((at for at, name in enumerate(LONGEST) if name in found), len(LONGEST))
        first[item.path] = min(place, first.get(item.path, place))
    items.sort(key=lambda item: first[item.path])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database."""
    opened = fresh_database(tmp_path)
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def accelerator() -> str:
    """The device that tests of an accelerator use, `cuda` unless `THRICE_TEST_DEVICE` names another.

    With `cpu` they compare a CPU to itself, which shows that they run.
    """
    import torch

    wanted = os.environ.get("THRICE_TEST_DEVICE", "cuda")
    if wanted != "cpu" and not torch.accelerator.is_available():
        pytest.skip("PyTorch sees no accelerator here")
    return wanted


@pytest.fixture(scope="session")
def random_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama behind the bundled tokenizer, in `from_pretrained` form."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("random-model")
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_MODEL)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=1,
        head_dim=64,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
