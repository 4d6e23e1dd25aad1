import pytest
import torch

from ptrapp.core.errors import ModelUnusable
from ptrapp.engines.local.device import best_device


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_auto_takes_whatever_accelerator_there_is(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda check_available: torch.device(kind)
    )
    assert best_device("auto") == best_device(kind) == kind
    assert best_device("cpu") == "cpu"


def test_without_an_accelerator_it_is_the_cpu_and_another_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
    assert best_device() == best_device("cpu") == "cpu"
    with pytest.raises(ModelUnusable, match="cuda, but PyTorch sees no accelerator"):
        best_device("cuda")
