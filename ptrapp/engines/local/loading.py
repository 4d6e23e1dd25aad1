"""Loads a model from a path or hub id, or raises one sentence that says why it cannot be served."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DynamicCache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.cache_utils import DynamicLayer
from transformers.utils.logging import disable_progress_bar

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.model_folder import check_folder, looks_local
from ptrapp.core.templates import end_of_turn, find_format
from ptrapp.core.thoughts import FORMATS, ThoughtFormat
from ptrapp.engines.local.device import best_device
from ptrapp.engines.plain_chat import STOP, ensure_template

log = logging.getLogger(__name__)
disable_progress_bar()  # it would show a bar for a model that loads in an instant

LOAD_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    ImportError,
    SafetensorError,
)
"""Raised by `from_pretrained`: a broken folder, a hub out of reach, an unknown architecture."""
_DECODING = {
    True: "plain KV cache: rows share steps, and later rounds reuse its prefixes",
    False: "sliding-window or hybrid cache: rows are written by generate()",
}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model with what the engine needs of it. Only the model thread may call the model."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    eos_ids: frozenset[int]
    context_length: int
    batched: bool
    """False for sliding-window and hybrid caches, which cannot be cut or joined: `generate` decodes
    their rows."""
    stop: tuple[str, ...] = ()
    """Stop strings of a model that is asked in plain text; empty with a chat template of its own,
    which says how a turn ends."""


def load_model(
    model_path: str, device: str, *, dtype: torch.dtype | None = None, quantization: Any = None
) -> LoadedModel:
    """Loads weights (safetensors only, no code from the folder) and tokenizer.

    The default is float32 on a CPU, and the dtype of the saved weights on an accelerator.
    `quantization` is a `transformers` quantization config. Raises `ModelUnusable`. A path that
    looks local never causes a download.
    """
    local = looks_local(model_path)
    if local:
        check_folder(model_path)
    target = best_device(device)
    source = str(Path(model_path).expanduser()) if local else model_path
    common: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **common)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=dtype or (torch.float32 if target == "cpu" else "auto"),
            quantization_config=quantization,
            device_map={"": target} if quantization else None,
            use_safetensors=True,
            output_loading_info=True,
            **common,
        )
    except LOAD_ERRORS as error:
        raise ModelUnusable(_why(model_path, local, error)) from error
    model, report = loaded
    if report["missing_keys"]:
        raise ModelUnusable(
            f"The weights in {model_path!r} are incomplete: {len(report['missing_keys'])} tensors "
            f"are missing, {min(report['missing_keys'])!r} among them. Copy the whole model again."
        )
    _check_vocabulary(model_path, model, tokenizer)
    eos_ids = _eos_ids(model, tokenizer)
    plain = ensure_template(tokenizer)
    if plain:
        log.warning(
            "The tokenizer of %r has no chat template, so it is probably a base model. It is asked "
            "in plain text (Question: … Answer: …); an instruction-tuned variant answers better.",
            model_path,
        )
    else:
        _set_end_of_turn(tokenizer)
    model = (model if quantization else model.to(target)).eval().requires_grad_(False)
    batched = _is_batched(model)
    log.info("%s: %s", model_path, _DECODING[batched])
    return LoadedModel(
        model,
        tokenizer,
        eos_ids | ({int(tokenizer.eos_token_id)} if tokenizer.eos_token_id is not None else set()),
        _context_length(model, tokenizer),
        batched,
        STOP if plain else (),
    )


def choose_format(name: str, tokenizer: PreTrainedTokenizerBase) -> ThoughtFormat:
    """Returns the named thought format; `auto` reads it off what the chat template renders."""
    found = find_format(tokenizer)
    if name in ("auto", found.name):
        return found
    return FORMATS[name]


def _why(model_path: str, local: bool, error: BaseException) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    advice = (
        "Check that the folder is complete and its architecture known to transformers."
        if local
        else "Check the id and the connection to the hub, or give the path of a local folder."
    )
    return f"The model {model_path!r} could not be loaded: {first.rstrip('.')}. {advice}"


def _is_batched(model: PreTrainedModel) -> bool:
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) is DynamicLayer for layer in layers)


def _eos_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    declared: int | Sequence[int] | None = getattr(model.generation_config, "eos_token_id", None)
    ids = {declared} if isinstance(declared, int) else set(declared or ())
    if tokenizer.eos_token_id is not None:
        ids.add(int(tokenizer.eos_token_id))
    return frozenset(ids)


def _check_vocabulary(
    model_path: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Raises `ModelUnusable` for tokens without an embedding: reading one would fail."""
    n_rows = cast(Tensor, model.get_input_embeddings().weight).shape[0]
    beyond = sorted((at, text) for text, at in tokenizer.get_vocab().items() if at >= n_rows)
    if beyond:
        raise ModelUnusable(
            f"The tokenizer of {model_path!r} has {len(beyond)} tokens beyond the model's "
            f"{n_rows:,} embeddings, {beyond[0][1]!r} among them. Take the tokenizer that belongs "
            "to the model, or resize the model's embeddings and save it again."
        )


def _set_end_of_turn(tokenizer: PreTrainedTokenizerBase) -> None:
    """Makes the special token that the chat template ends an answer with the tokenizer's eos.

    Gemma's `<end_of_turn>` is not its eos, and some tokenizers have none at all: training teaches
    this token, and serving stops at it as well as at what the model declares.
    """
    special = {at for at, token in tokenizer.added_tokens_decoder.items() if token.special}
    for token_id in tokenizer(end_of_turn(tokenizer), add_special_tokens=False)["input_ids"]:
        if token_id in special:
            tokenizer.eos_token = tokenizer.convert_ids_to_tokens(token_id)
        if token_id in special or str(tokenizer.decode([token_id])).strip():
            return


def _context_length(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    config = model.config.get_text_config(decoder=True)
    return int(getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length)
