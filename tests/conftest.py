"""Fixtures everybody shares, and what a test needs: marks by fixture, the longest files first."""

import gc
import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest
from fresh_database import fresh_database

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
}
"""What a test needs that asks for a fixture; the other marks stand beside the tests themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(NEEDS[name])
    _put_long_files_first(items)


def pytest_collection_finish() -> None:
    """Everything is imported by now: half a second for each later collection of garbage is saved."""
    gc.collect()
    gc.freeze()


def _put_long_files_first(items: list[pytest.Item]) -> None:
    """Files that wait for a browser take turns with files that compute; short ones fill the end."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    marks = {
        path: {m.name for each in of for m in each.iter_markers()} for path, of in files.items()
    }
    waiting = [path for path in files if "browser" in marks[path]]
    computing = [path for path in files if marks[path] & {"worker", "training"}]
    computing.sort(key=lambda path: "worker" not in marks[path])
    turns = [path for pair in zip_longest(waiting, computing) for path in pair if path]
    items[:] = [item for path in dict.fromkeys([*turns, *files]) for item in files[path]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A fresh, migrated SQLite database."""
    opened = fresh_database(tmp_path)
    yield opened
    opened.dispose()


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
