"""Completions of many prompts at once from a small model: for measuring it, not for serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.bundled.tokenizer import RESPONSE, THOUGHT

Messages = Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion as it goes into the history, its mode's marker included."""

    text: str
    n_tokens: int
    finished: bool

    @property
    def response(self) -> str:
        """What stands after the response marker; nothing if the marker never came."""
        return self.text.partition(RESPONSE)[2].strip()

    @property
    def well_formed(self) -> bool:
        return self.finished and self.text.count(RESPONSE) == 1 and self.response != ""


def complete(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Messages],
    *,
    thinking: bool = True,
    temperature: float = 0.0,
    n: int = 1,
    max_new_tokens: int = 128,
    batch_size: int = 256,
) -> list[list[Completion]]:
    """Draws `n` completions of each conversation; a temperature of 0 is greedy."""
    prompts = [
        tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )
        for messages in conversations
        for _ in range(n)
    ]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    done: dict[int, Completion] = {}
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        encoded = tokenizer(
            [prompts[index] for index in chosen],
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        )
        how = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        with torch.no_grad():
            out = cast(Any, model).generate(
                **encoded.to(model.device),
                max_new_tokens=max_new_tokens,
                **(how if temperature else {"do_sample": False}),
            )
        drawn = out[:, encoded["input_ids"].shape[1] :].tolist()
        for index, ids in zip(chosen, drawn, strict=True):
            done[index] = _completion(tokenizer, ids, THOUGHT if thinking else RESPONSE)
    flat = [done[index] for index in range(len(prompts))]
    return [flat[start : start + n] for start in range(0, len(flat), n)]


def _completion(tokenizer: PreTrainedTokenizerBase, ids: list[int], marker: str) -> Completion:
    finished = tokenizer.eos_token_id in ids
    if finished:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    return Completion(f"{marker}{decoded}", len(ids) + finished, finished)
