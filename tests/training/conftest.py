"""Fixtures of the training tests: the tokenizer, and processes that do not outlive their test."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tokenizer(random_model_dir: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(random_model_dir)


@pytest.fixture(scope="session")
def model(random_model_dir: Path) -> Any:
    """The random model in float64, with a LoRA that is not the identity."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)  # tiny matrices: a second thread only waits
    base = AutoModelForCausalLM.from_pretrained(random_model_dir, dtype=torch.float64)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    peft = get_peft_model(base, lora, autocast_adapter_dtype=False).double().eval()
    torch.manual_seed(1)
    for name, weight in peft.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.05)
    return peft
