"""Models of each kind of chat template, written once a session."""

from collections.abc import Callable

import pytest
import torch
from troublesome import write_model

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    written: dict[str, str] = {}

    def folder(kind: str) -> str:
        if kind not in written:
            written[kind] = str(write_model(tmp_path_factory.mktemp(kind) / "model", kind))
        return written[kind]

    return folder
