"""A reward model as judge: a sequence classifier scores each response."""

import logging
import threading
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ptrapp.core.errors import JudgeError, ModelUnusable
from ptrapp.core.types import Choice
from ptrapp.engines.local.device import best_device
from ptrapp.engines.local.loading import LOAD_ERRORS
from ptrapp.judges.base import ROUNDING, Verdict
from ptrapp.judges.thought_removal import response_of, without_thoughts

log = logging.getLogger(__name__)


class RewardModel:
    """Scores question and response, as one chat, with a classifier of a single output.

    Safe from any thread; one batch is scored at a time.
    """

    def __init__(
        self, model_path: str, name: str, *, device: str = "cpu", tie_below: float = ROUNDING
    ) -> None:
        """Loads the model; `name` is the one its votes are stored under. Scores nearer than
        `tie_below` are a tie. `device` auto takes a GPU when there is one.

        Raises `ModelUnusable`: weights must be safetensors, and no code of the folder is run.
        """
        local = Path(model_path).expanduser().exists()
        common: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model_path, **common)
            loaded: Any = AutoModelForSequenceClassification.from_pretrained(
                model_path, use_safetensors=True, output_loading_info=True, **common
            )
        except LOAD_ERRORS as error:
            raise ModelUnusable(
                f"{model_path!r} cannot be loaded as a reward model "
                f"({str(error).partition(chr(10))[0]}). Give a folder or "
                "hub id of a sequence classifier with safetensors weights."
            ) from error
        model, report = loaded
        if model.config.num_labels != 1 or report["missing_keys"]:
            raise ModelUnusable(
                f"{model_path!r} is no reward model: it has {model.config.num_labels} outputs and "
                f"{len(report['missing_keys'])} weights that were never trained "
                f"({', '.join(sorted(report['missing_keys'])[:2]) or 'none'}). A reward model is a "
                "sequence classifier with one trained output."
            )
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        model.config.pad_token_id = self._tokenizer.pad_token_id
        self._model = model.to(best_device(device)).eval()
        self._max_tokens = getattr(model.config, "max_position_embeddings", None) or 1 << 20
        self._lock = threading.Lock()
        self._tie_below = tie_below
        self.name = name

    def score(
        self, question: str, reference_answer: str | None, responses: Sequence[str]
    ) -> list[float]:
        """Returns a score of each **response**, higher is better; thoughts are removed from them.

        Raises `JudgeError` when one is too long for the model.
        """
        if not responses:
            return []
        rows = [chat_ids(self._tokenizer, question, response) for response in responses]
        if (longest := max(map(len, rows))) > self._max_tokens:
            raise JudgeError(
                f"A response of {longest} tokens does not fit the reward model's "
                f"{self._max_tokens}; it stays unscored."
            )
        batch = self._tokenizer.pad({"input_ids": rows}, padding_side="right", return_tensors="pt")
        with self._lock, torch.inference_mode():
            logits = self._model(**batch.to(self._model.device)).logits  # (K, 1)
        return [float(value) for value in logits[:, 0].float()]

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        """Compares two **responses** by their scores."""
        return self.decide(*self.score(question, reference_answer, (left, right)))

    def decide(self, left: float, right: float) -> Verdict:
        better, other = max(left, right), min(left, right)  # which is on which side, pages say
        if better - other <= self._tie_below:
            return Verdict(Choice.TIE, f"Scores {better:.3f} and {other:.3f}.")
        said = f"The better one scores {better:.3f}, the other {other:.3f}."
        return Verdict(Choice.LEFT if left > right else Choice.RIGHT, said)


def rewards(
    prompts: Sequence[str],
    completions: Sequence[str],
    model_path: Sequence[str],
    device: Sequence[str],
    **_: object,
) -> list[float]:
    """Scores **completions** as a judge's function does, by the reward model that all calls name.

    Raises `ModelUnusable`, `JudgeError`.
    """
    model = _loaded(model_path[0], device[0])
    asked = groupby(zip(prompts, completions, strict=True), key=itemgetter(0))
    return [
        score
        for question, rows in asked
        for score in model.score(question, None, [completion for _, completion in rows])
    ]


@lru_cache(1)
def _loaded(model_path: str, device: str) -> RewardModel:
    return RewardModel(model_path, model_path, device=device)


def chat_ids(tokenizer: Any, question: str, response: str) -> list[int]:
    """Returns the ids of question and **response** as a chat, the same in training and serving.

    A thought in either text is removed.
    """
    question, response = without_thoughts(question), response_of(response)
    chat = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": response},
    ]
    if tokenizer.chat_template:
        ids = tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False)
    else:
        ids = tokenizer(question, response)["input_ids"]
    return list(ids)
