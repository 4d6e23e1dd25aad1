"""LoRA folders whose effect is visible in every token: version n writes ids that rise by n."""

import json
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def write_shifting_adapter(folder: Path, model_dir: Path, shift: int) -> Path:
    """Make the token after t be t + `shift`, whatever stood before.

    On a random model the last hidden state is close to the normed embedding e_t of the last token.
    With A = I and B's row t + shift = 100·e_t the logit of t + shift is about 100·|e_t|·|x|.
    Even shifts keep short answers of the bundled tokenizer clear of the end-of-turn token.
    """
    weights = load_file(model_dir / "model.safetensors")
    embedding = weights["model.embed_tokens.weight"].float()  # (V, H)
    folder.mkdir(parents=True)
    lora = {
        "base_model.model.lm_head.lora_A.weight": torch.eye(embedding.shape[1]),
        "base_model.model.lm_head.lora_B.weight": 100 * embedding.roll(shift, dims=0),
    }
    save_file(
        {name: tensor.contiguous() for name, tensor in lora.items()},
        folder / "adapter_model.safetensors",
    )
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": embedding.shape[1],
        "lora_alpha": embedding.shape[1],
        "target_modules": ["lm_head"],
        "bias": "none",
        "base_model_name_or_path": str(model_dir),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def shifts(token_ids: tuple[int, ...], n_vocabulary: int) -> set[int]:
    """The differences between neighbours: exactly one where one version wrote it all."""
    pairs = pairwise(token_ids)
    return {(after - before) % n_vocabulary for before, after in pairs}
