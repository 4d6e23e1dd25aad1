"""The model of a reward model: a language model with one output."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.engines.local.device import best_device
from ptrapp.engines.local.loading import LOAD_ERRORS
from ptrapp.judges.opening import find_reward_model
from ptrapp.recipes.reward_model import RewardConfig
from ptrapp.recipes.training import Tune
from training.policy.model import SMALL

_DEFAULT_MAX_TOKENS = 1 << 20
"""Longest input of a model whose configuration gives no limit."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """The model that is trained, with its tokenizer."""

    base: str
    """Folder or hub id that the first weights were loaded from."""
    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    is_small: bool
    max_tokens: int
    """Longest input."""

    @property
    def trained(self) -> dict[str, torch.nn.Parameter]:
        """The trainable parameters by name."""
        return {name: w for name, w in self.model.named_parameters() if w.requires_grad}

    def score(self, rows: list[tuple[int, ...]]) -> torch.Tensor:
        """Returns one score for each row of token ids, (R,)."""
        batch = self.tokenizer.pad(
            {"input_ids": [list(row) for row in rows]}, padding_side="right", return_tensors="pt"
        )
        device = next(self.model.parameters()).device
        return self.model(**batch.to(device)).logits[:, 0].float()

    def save(self, folder: Path) -> None:
        """Writes model and tokenizer as `from_pretrained` reads them; a LoRA is merged first."""
        model: Any = self.model
        merged = model.merge_and_unload() if isinstance(model, PeftModel) else model
        merged.save_pretrained(str(folder))
        self.tokenizer.save_pretrained(str(folder))


def load_classifier(settings: Settings, config: RewardConfig) -> Classifier:
    """Loads the base with a head of one output. Raises `ModelUnusable` and `ConfigurationError`."""
    base = find_reward_model(settings, config.base) if config.base else settings.model_path
    local = Path(base).exists()
    common: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    set_seed(config.seed)  # of the head
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(base, **common)
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            base, num_labels=1, dtype=torch.float32, use_safetensors=True, **common
        )
    except LOAD_ERRORS as error:
        raise ModelUnusable(
            f"{base!r} cannot be made a reward model ({error}). Name another base, such as an "
            "instruction-tuned model with safetensors weights."
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    device = best_device(settings.device)
    is_small = model.num_parameters() < SMALL
    if device != "cpu" and not is_small:
        model.to(dtype=torch.bfloat16)
    model.to(device)
    if (config.tune or (Tune.FULL if is_small else Tune.LORA)) is Tune.LORA:
        lora = LoraConfig(
            r=config.lora_r,
            lora_alpha=config.lora_alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="SEQ_CLS",
        )
        model = get_peft_model(model, lora)
    max_tokens = getattr(model.config, "max_position_embeddings", None) or _DEFAULT_MAX_TOKENS
    return Classifier(base, model, tokenizer, is_small, max_tokens)
