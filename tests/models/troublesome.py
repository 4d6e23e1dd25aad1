"""Tiny random models behind chat templates that trouble people, written by the tests themselves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from ptrapp.core.settings import BUNDLED_MODEL

_CHATML = (
    "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n'"
    " }}{%- endfor %}"
)
_ASSISTANT = "{{- '<|im_start|>assistant\\n' }}"
_STRIPPED = (  # earlier answers lose their thoughts
    "{%- for m in messages %}{%- set c = m['content'] %}"
    "{%- if m['role'] == 'assistant' and '</think>' in c %}"
    "{%- set c = c.split('</think>')[-1].lstrip('\\n') %}{%- endif %}"
    "{{- '<|im_start|>' + m['role'] + '\\n' + c + '<|im_end|>\\n' }}{%- endfor %}"
)
TEMPLATES = {
    "chatml": _CHATML + "{%- if add_generation_prompt %}" + _ASSISTANT + "{%- endif %}",
    "default": "{%- if messages[0]['role'] != 'system' %}"
    "{{- '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{%- endif %}"
    + _CHATML + "{%- if add_generation_prompt %}" + _ASSISTANT + "{%- endif %}",
    "mentions": _STRIPPED + "{%- if add_generation_prompt %}" + _ASSISTANT + "{%- endif %}",
    "switch": _STRIPPED + "{%- if add_generation_prompt %}" + _ASSISTANT
    + "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}",
    "always": _STRIPPED + "{%- if add_generation_prompt %}" + _ASSISTANT
    + "{{- '<think>\\n' }}{%- endif %}",
    "gemma": "{{- bos_token }}{%- if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{%- endif %}"
    "{%- for m in messages %}{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{%- endif %}"
    "{{- '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\\n'"
    " + m['content'] | trim + '<end_of_turn>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}",
    "phi": "{%- for m in messages %}{{- '<|' + m['role'] + '|>\\n' + m['content'] + '<|end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}"
    "{%- else %}{{- eos_token }}{%- endif %}",
}  # fmt: skip
SPECIAL = {
    "gemma": ["<start_of_turn>", "<end_of_turn>"],
    "phi": ["<|endoftext|>"],
}
ENDS = {"gemma": "<end_of_turn>", "phi": "<|end|>"}
"""What each template writes behind an answer; `<|im_end|>` where nothing is said."""


def write_model(
    folder: Path,
    kind: str,
    *,
    eos: str | None = "<eos>",
    n_embeddings: int | None = None,
    generation: Mapping[str, Any] | None = None,
    architecture: str = "llama",
    **config: Any,
) -> Path:
    """Writes a random model and its tokenizer, whose eos is not what ends a turn (or is missing)."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(BUNDLED_MODEL)
    special = ["<|im_start|>", "<|im_end|>", "<eos>", "<bos>", *SPECIAL.get(kind, [])]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.chat_template = TEMPLATES[kind]
    tokenizer.bos_token, tokenizer.eos_token = "<bos>", eos
    torch.manual_seed(0)
    made = transformers.AutoConfig.for_model(
        architecture, vocab_size=n_embeddings or len(tokenizer), hidden_size=32,
        intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, max_position_embeddings=512, tie_word_embeddings=True, eos_token_id=None,
        bos_token_id=None, pad_token_id=None, **config,
    )  # fmt: skip
    model: Any = transformers.AutoModelForCausalLM.from_config(made)
    model.generation_config = transformers.GenerationConfig(**(generation or {}))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
