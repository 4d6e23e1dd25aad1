"""The policy in training: a base model with a fresh LoRA, with its parent's, or all its weights."""

import hashlib
import importlib.util
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from db.models import Adapter, AdapterStatus
from db.registry.stored_paths import located, same_model
from ptrapp.core.errors import ConfigurationError, ParentUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.engines.local.loading import choose_format, load_model
from ptrapp.recipes.training import Precision, TrainingConfig, Tune
from training.data.batches import Rows
from training.jobs.chosen import chosen_once
from training.jobs.claim import Claim
from training.jobs.ranks import Ranks
from training.policy.layout import PLAIN, choose_layout
from training.policy.lora import fuse
from training.policy.precision import PLAIN_PRECISION, PrecisionChoice, choose_precision
from training.policy.scorer import Scorer

log = logging.getLogger(__name__)

MANIFEST = "thrice.json"
"""The manifest's file name in an adapter folder."""
SMALL = 50_000_000
"""Parameters below which a model takes the learning rate of the bundled one."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base model as it was loaded for training."""

    name: str
    """The name that adapters store: what `from_pretrained` was given."""
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    thought_format: ThoughtFormat
    context_length: int
    fingerprint: str
    """Hash of shapes and weights, by which an adapter of another base is refused."""
    data_dir: Path
    """The data folder, in which a parent's weights lie."""
    precision: Precision
    """The number format it computes in, never `auto`."""
    about_precision: str
    """The same and why it was taken, as half a sentence."""

    @property
    def pad_id(self) -> int:
        """The id that fills rows up; the attention mask hides it, so any id will do."""
        return int(self.tokenizer.pad_token_id or self.tokenizer.eos_token_id or 0)

    @property
    def is_small(self) -> bool:
        return self.model.num_parameters() < SMALL


@dataclass(frozen=True, slots=True)
class Policy:
    """The model that is trained, and the module that scores with it."""

    base: Base
    model: PeftModel | PreTrainedModel
    scorer: Scorer

    @property
    def device(self) -> torch.device:
        return next(self.scorer.parameters()).device


def load_base_of(claim: Claim, config: TrainingConfig, ranks: Ranks) -> Base:
    """Loads the model that a job trains; what `precision auto` is on a CPU is measured once.

    All weights are trained in float32 there: small steps would be rounded away in bfloat16. Every
    process must call it. Raises `ModelUnusable` and `ConfigurationError`.
    """
    if config.tune is Tune.FULL:
        return load_base(claim.settings, config.precision)

    def measured(model: PreTrainedModel) -> PrecisionChoice:
        def choose() -> dict[str, str]:
            return choose_precision(model)._asdict()

        known = chosen_once(claim.folder, ranks, "precision", choose)
        return PrecisionChoice(Precision(known["precision"]), known["about"])

    return load_base(claim.settings, config.precision, measured)


def load_base(
    settings: Settings,
    precision: Precision,
    choose: Callable[[PreTrainedModel], PrecisionChoice] = lambda _: PLAIN_PRECISION,
) -> Base:
    """Loads the configured model; `choose` says what `auto` is on a CPU.

    Raises `ModelUnusable` and `ConfigurationError`.
    """
    quantization = None
    if precision is Precision.FOUR_BIT:
        if importlib.util.find_spec("bitsandbytes") is None:
            raise ConfigurationError(
                "precision 4bit needs the package bitsandbytes, which is not installed here. "
                "Install it (pip install bitsandbytes), or choose precision auto."
            )
        quantization = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    loaded = load_model(settings.model_path, settings.device, quantization=quantization)
    about = str(precision)
    if precision is Precision.AUTO and loaded.model.device.type == "cpu":
        precision, about = choose(loaded.model)
    elif precision is Precision.AUTO:
        precision, about = Precision.BFLOAT16, str(Precision.BFLOAT16)
    match precision:
        case Precision.FLOAT32:
            loaded.model.to(dtype=torch.float32)  # type: ignore[call-arg]
        case Precision.BFLOAT16:
            loaded.model.to(dtype=torch.bfloat16)  # type: ignore[call-arg]
    return Base(
        settings.model_path,
        loaded.model,
        loaded.tokenizer,
        choose_format(settings.thought_format, loaded.tokenizer),
        loaded.context_length,
        _fingerprint(loaded.model),
        settings.data_dir,
        precision,
        about,
    )


def make_policy(
    base: Base,
    parent: Adapter | None,
    config: TrainingConfig,
    *,
    max_rank: int,
    with_consistency: bool = False,
) -> Policy:
    """Adds the trained weights to the base, and chooses the fastest layout that is correct.

    Raises `ParentUnusable`, and `ConfigurationError` for what could never be served.
    """
    model: PeftModel | PreTrainedModel
    if config.tune is Tune.FULL:
        model = _all_weights(base, parent, config.precision)
    elif parent is not None:
        model = continue_from(base, parent)
    else:
        if config.lora_r > max_rank:
            raise ConfigurationError(
                f"lora_r is {config.lora_r}, but the server takes adapters up to rank {max_rank}. "
                "Lower lora_r, or start the app with a higher --max-lora-rank."
            )
        model = attach_fresh(base, r=config.lora_r, alpha=config.lora_alpha, seed=config.seed)
    n_fused = fuse(model)
    scorer = Scorer(model, PLAIN, with_consistency=with_consistency)
    layout = choose_layout(scorer)
    log.info("%d LoRA layers fused, %s", n_fused, layout)
    if layout.rows is Rows.PADDED:
        log.warning("%s is trained on padded rows: its architecture takes no segments", base.name)
    return Policy(base, model, scorer)


def _all_weights(base: Base, parent: Adapter | None, precision: Precision) -> PreTrainedModel:
    if parent is not None:
        raise ConfigurationError(
            f"tune full trains the weights of the model itself and cannot continue {parent.name}, "
            "which is an adapter on it. Roll back to the base model first, or choose tune lora."
        )
    if precision is Precision.FOUR_BIT:
        raise ConfigurationError("tune full cannot train weights in 4 bits; choose tune lora.")
    base.model.requires_grad_(True)
    return base.model


def attach_fresh(base: Base, *, r: int, alpha: int, seed: int) -> PeftModel:
    """Adds a LoRA that changes nothing yet to all linear layers; head and embeddings have none.

    No dropout: the policy must equal its reference before the first step.
    """
    set_seed(seed)
    lora = LoraConfig(
        r=r, lora_alpha=alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(base.model, lora)


def continue_from(base: Base, parent: Adapter) -> PeftModel:
    """Loads the parent's weights to continue training them; rank and scale are the parent's.

    Raises `ParentUnusable`.
    """
    folder = located(parent.path, base.data_dir)
    name = f"The parent version {parent.name}"
    advice = "Train from another version, or from the base model."
    if parent.status is AdapterStatus.REJECTED:
        raise ParentUnusable(f"{name} was rejected ({parent.reason}). {advice}")
    if not same_model(parent.base_model, base.name, base.data_dir):
        raise ParentUnusable(
            f"{name} belongs to the model {parent.base_model!r}, this is {base.name!r}. {advice}"
        )
    if not (folder / "adapter_model.safetensors").is_file():
        raise ParentUnusable(f"{name} is gone: there are no weights in {folder}. {advice}")
    if _base_fingerprint(folder) not in (None, base.fingerprint):
        raise ParentUnusable(
            f"{name} was trained on other weights of {base.name!r} than those here. {advice}"
        )
    try:
        return PeftModel.from_pretrained(base.model, str(folder), is_trainable=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ParentUnusable(f"{name} cannot be loaded ({error}). {advice}") from error


def _base_fingerprint(folder: Path) -> str | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return manifest.get("base_fingerprint") if isinstance(manifest, dict) else None


def _fingerprint(model: torch.nn.Module) -> str:
    """Hashes names, shapes and both ends of every weight: quick, and any training changes them."""
    digest = hashlib.sha256()
    for name, weight in model.state_dict().items():
        flat = weight.detach().flatten()
        ends = torch.cat([flat[:64], flat[-64:]]).to("cpu", torch.bfloat16).float()
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(ends.numpy().tobytes())
    return digest.hexdigest()[:16]
