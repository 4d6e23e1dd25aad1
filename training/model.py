"""The policy in training: the base model with a fresh LoRA, or with its parent's weights."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from db.models import Adapter, AdapterStatus
from ptrapp.core.errors import ParentUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.engines.loading import choose_format, load_model

MANIFEST = "thrice.json"
"""What we write about an adapter, inside its folder."""
SMALL = 50_000_000
"""Parameters below which a model wants the bundled one's learning rate."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base model as it was loaded for training."""

    name: str
    """As adapters name it: what `from_pretrained` was given."""
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    thought_format: ThoughtFormat
    context_length: int
    fingerprint: str
    """Hash of its shape and weights: an adapter of another base is refused by it."""

    @property
    def pad_id(self) -> int:
        """What fills rows up; the attention mask hides it, so any id will do."""
        pad = self.tokenizer.pad_token_id
        return int(pad if pad is not None else self.tokenizer.eos_token_id)

    @property
    def is_small(self) -> bool:
        return self.model.num_parameters() < SMALL


def load_base(settings: Settings) -> Base:
    """Load the configured model, in float32 on a CPU and in bfloat16 on a GPU."""
    loaded = load_model(settings.model_path, settings.device)
    if loaded.model.device.type == "cuda":
        loaded.model.to(dtype=torch.bfloat16)  # type: ignore[call-arg]
    return Base(
        settings.model_path,
        loaded.model,
        loaded.tokenizer,
        choose_format(settings.thought_format, loaded.tokenizer),
        loaded.context_length,
        _fingerprint(loaded.model),
    )


def attach_fresh(base: Base, *, r: int, alpha: int, seed: int) -> PeftModel:
    """Put a LoRA that changes nothing yet on all linear layers; head and embeddings stay.

    No dropout: the policy must equal its reference before the first step.
    """
    set_seed(seed)
    lora = LoraConfig(
        r=r, lora_alpha=alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(base.model, lora)


def continue_from(base: Base, parent: Adapter) -> PeftModel:
    """Load the parent's weights to train them on; rank and scale are the parent's.

    Raises `ParentUnusable`.
    """
    folder = Path(parent.path)
    name = f"The parent version {parent.name}"
    advice = "Train from another version, or from the base model."
    if parent.status is AdapterStatus.REJECTED:
        raise ParentUnusable(f"{name} was rejected ({parent.reason}). {advice}")
    if parent.base_model != base.name:
        raise ParentUnusable(
            f"{name} belongs to the model {parent.base_model!r}, this is {base.name!r}. {advice}"
        )
    if not (folder / "adapter_model.safetensors").is_file():
        raise ParentUnusable(f"{name} is gone: there are no weights in {folder}. {advice}")
    if _made_for(folder) not in (None, base.fingerprint):
        raise ParentUnusable(
            f"{name} was trained on other weights of {base.name!r} than those here. {advice}"
        )
    try:
        return PeftModel.from_pretrained(base.model, str(folder), is_trainable=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ParentUnusable(f"{name} cannot be loaded ({error}). {advice}") from error


def _made_for(folder: Path) -> str | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return manifest.get("base_fingerprint") if isinstance(manifest, dict) else None


def _fingerprint(model: torch.nn.Module) -> str:
    """Hash names, shapes and both ends of every weight: quick, and any training changes them."""
    digest = hashlib.sha256()
    for name, weight in model.state_dict().items():
        flat = weight.detach().flatten()
        ends = torch.cat([flat[:64], flat[-64:]]).to("cpu", torch.bfloat16).float()
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(ends.numpy().tobytes())
    return digest.hexdigest()[:16]
