"""An embedded engine of a random model, and adapters whose effect is seen in every token."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from shifting_adapters import write_shifting_adapter

from ptrapp.engines.local.engine import LocalEngine


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Models this small are slower with more threads, most of all on a busy machine."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def engine(random_model_dir: Path, one_thread: None) -> Iterator[LocalEngine]:
    opened = LocalEngine(str(random_model_dir), device="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture
def adapter(random_model_dir: Path, tmp_path: Path) -> Callable[[int], Path]:
    def make(shift: int) -> Path:
        folder = tmp_path / f"adapter-{shift}"
        return (
            folder if folder.exists() else write_shifting_adapter(folder, random_model_dir, shift)
        )

    return make
