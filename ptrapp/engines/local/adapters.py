"""Loads adapter folders as LoRA weights beside the base model, on the model thread alone."""

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftConfig, PeftModel
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from ptrapp.core.errors import AdapterRejected

# peft 0.21 asks transformers for it by its old name, whenever an adapter is loaded
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError)
"""Raised by peft for a configuration or weights that do not fit the model."""


class LocalAdapters:
    """The LoRA versions loaded into `model`, of which one or none is active.

    Switching sets two attributes a layer; `set_adapter` would visit every parameter to toggle its
    gradient. Inside peft a version is named `v1`, `v2`, …, so that every name is valid.
    """

    def __init__(self, model: PreTrainedModel):
        self._model = model
        self._peft: PeftModel | None = None
        self._layers: list[LoraLayer] = []
        self._inner: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._active: str | None = None

    def activate(self, name: str | None) -> None:
        """Switches the model to this version, `None` for the base model."""
        if name == self._active:
            return
        inner = [self._inner[name]] if name is not None else []
        for layer in self._layers:
            layer._active_adapter = inner
            layer._disable_adapters = not inner
        self._active = name

    def inner(self, name: str) -> str:
        """Returns the name of a version inside peft."""
        return self._inner[name]

    def load(self, name: str, folder: Path) -> None:
        """Loads a plain LoRA from `folder`. Raises `AdapterRejected` and then leaves nothing."""
        config = _read_config(folder)
        _check_weights(folder)
        inner = f"v{next(self._numbers)}"
        self.activate(None)
        try:
            self._insert(inner, config, folder)
        except _LOAD_ERRORS as error:
            self._delete(inner)
            raise AdapterRejected(
                f"The adapter in {str(folder)!r} does not fit this model: {_first_line(error)}. "
                "It was probably trained on another base."
            ) from error
        self._inner[name] = inner
        self._refresh_layers()

    def unload(self, name: str) -> None:
        self.activate(None)
        self._delete(self._inner.pop(name))

    def _insert(self, inner: str, config: LoraConfig, folder: Path) -> None:
        if self._peft is None:
            self._peft = PeftModel(self._model, config, adapter_name=inner)
        report = self._peft.load_adapter(
            str(folder), adapter_name=inner, torch_device=str(self._model.device)
        )
        unmatched = [*report.missing_keys, *report.unexpected_keys]
        if unmatched:
            raise ValueError(f"{len(unmatched)} tensors do not match, {unmatched[0]!r} among them")

    def _delete(self, inner: str) -> None:
        if self._peft is not None and inner in self._peft.peft_config:
            self._refresh_layers()
            self._peft.delete_adapter(inner)
        self._refresh_layers()

    def _refresh_layers(self) -> None:
        """Lists the layers again and switches them to the base model: peft activates new ones."""
        self._layers = [layer for layer in self._model.modules() if isinstance(layer, LoraLayer)]
        for layer in self._layers:
            layer._active_adapter = []
            layer._disable_adapters = True
        self._active = None


def _read_config(folder: Path) -> LoraConfig:
    """Reads the folder's configuration. Only a plain LoRA leaves the base model unchanged."""
    if not (folder / _CONFIG).is_file():
        raise AdapterRejected(f"The folder {str(folder)!r} holds no {_CONFIG}: not an adapter.")
    try:
        declared: dict[str, Any] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        config = PeftConfig.from_pretrained(str(folder))
    except _LOAD_ERRORS as error:
        raise AdapterRejected(
            f"{_CONFIG} in {str(folder)!r} cannot be read: {_first_line(error)}."
        ) from error
    if not isinstance(config, LoraConfig):
        raise AdapterRejected(
            f"The adapter in {str(folder)!r} is of type {declared.get('peft_type')!r}; "
            "this engine serves LoRA only."
        )
    extras = ("modules_to_save", "trainable_token_indices", "use_dora", "lora_bias")
    unwanted = [extra for extra in extras if getattr(config, extra, None)]
    if unwanted or config.bias != "none":
        raise AdapterRejected(
            f"The adapter in {str(folder)!r} is not a plain LoRA: it sets "
            f"{', '.join(unwanted) or 'bias'}. Train it without."
        )
    config.inference_mode = True
    return config


def _check_weights(folder: Path) -> None:
    """Refuses anything but LoRA matrices in safetensors: another tensor would change the base."""
    pickles = sorted(file.name for file in folder.glob("*") if file.suffix in {".bin", ".pt"})
    if pickles or not (folder / _WEIGHTS).is_file():
        found = f"holds {pickles[0]}, a pickle" if pickles else f"holds no {_WEIGHTS}"
        raise AdapterRejected(f"The folder {str(folder)!r} {found}. Save it as safetensors.")
    try:
        with safe_open(folder / _WEIGHTS, framework="pt") as weights:
            names = list(weights.keys())
    except (OSError, SafetensorError) as error:
        raise AdapterRejected(
            f"{_WEIGHTS} in {str(folder)!r} cannot be read: {_first_line(error)}."
        ) from error
    others = [name for name in names if ".lora_" not in name]
    if others or not names:
        raise AdapterRejected(
            f"{_WEIGHTS} in {str(folder)!r} holds {others[0] if others else 'nothing'!r}, "
            "which is not a LoRA matrix."
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(lines[:2]).strip().rstrip(".")
