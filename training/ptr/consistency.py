"""Measures how far the final answers to one question agree, by the mean cosine of their embeddings.

PTR (arXiv 2410.13413) drops incoherent pairs by it and names neither N nor a threshold.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from db.models import Adapter
from ptrapp.core.errors import InputError, ModelUnusable
from ptrapp.core.hub import from_hub
from ptrapp.core.names import is_path
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.training import Precision
from training.jobs.claim import Claim
from training.policy.model import continue_from, load_base

Embed = Callable[[Sequence[str]], Tensor]
"""N texts to unit vectors, (N, D)."""

_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError)
"""Errors of `from_pretrained` for a folder or hub id it cannot load."""
_MAX_TOKENS = 512
"""Tokens read of a text: the length most sentence-embedding models were trained on."""


def open_embedding(claim: Claim, config: PtrDataConfig, parent: Adapter | None) -> Embed | None:
    """Returns the filter's embedding, None when the filter is off. Raises `ModelUnusable`."""
    if not config.consistency:
        return None
    if config.embedding_model:
        return embed_by(*_sentence_model(config.embedding_model))
    base = load_base(claim.settings, Precision.AUTO)
    model: Any = base.model if parent is None else continue_from(base, parent)
    return embed_by(model, base.tokenizer)


def embed_by(model: Any, tokenizer: Any) -> Embed:
    """Returns an embedding: the mean last hidden state over a text's tokens, of length 1."""
    model.eval()
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token

    def embed(texts: Sequence[str]) -> Tensor:
        batch = tokenizer(
            list(texts),
            padding=True,
            padding_side="right",
            truncation=True,
            max_length=_MAX_TOKENS,
            return_token_type_ids=False,
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            output = model(**batch, output_hidden_states=True)
        states = output.hidden_states[-1].float()  # (N, T, D)
        mask = batch["attention_mask"][:, :, None]  # (N, T, 1)
        means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)  # (N, D)
        return torch.nn.functional.normalize(means, dim=1)

    return embed


def mean_cosine(vectors: Tensor) -> float:
    """Returns the mean cosine over the pairs of N ≥ 2 unit vectors (N, D).

    Worked by hand: three vectors, two alike and one at a right angle, have the cosines 1, 0 and 0.

    >>> round(mean_cosine(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
    0.3333
    """
    n = len(vectors)
    cosines = vectors @ vectors.T  # (N, N)
    return float((cosines.sum() - cosines.diagonal().sum()) / (n * (n - 1)))


def _sentence_model(name: str) -> tuple[Any, Any]:
    try:
        name = str(Path(name).expanduser()) if is_path(name) else from_hub(name)
        model = AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False)
        return model, AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (*_LOAD_ERRORS, InputError) as error:
        raise ModelUnusable(
            f"{name!r} cannot be loaded as an embedding model ({error}). Give a folder or hub id "
            "with safetensors weights, or leave embedding_model empty."
        ) from error
