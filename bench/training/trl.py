"""TRL's side of the comparison: its trainers unchanged, except for what `trl_peer` names."""

import math
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

from transformers import PrinterCallback
from trl import DPOConfig, SFTConfig

from bench.training.data import Settings, Task, build_model, build_steps, likely_logps
from bench.training.trl_peer import (
    BARE,
    DpoInOrder,
    Ids,
    SftInOrder,
    compact_head,
    dpo_rows,
    narrow_products,
    pad_tokenizer,
    sft_rows,
    without_metrics,
)
from bench.training.turns import Turns
from training.data.tokens import Encoded

BETA = 0.1


def run(task: Task, settings: Settings, turns: Turns) -> None:
    """Trains `task.n_steps` steps, one at each turn.

    `batch` examples are forwarded at once, until a step is full. `reference` is `precomputed`,
    `each step`, or `given` where its cost is not asked for; `head` is `metrics` (all that TRL
    logs), `bare` (without) or `narrow` (without, and with products in the model's type);
    `scored` is `completions` or `all` positions.
    """
    model = build_model(task, settings["attention"])
    turns.loaded()
    with ExitStack() as stack:
        if settings["scored"] == "completions":
            stack.enter_context(compact_head())
        if settings["head"] in ("bare", "narrow"):
            stack.enter_context(without_metrics())
        if settings["head"] == "narrow":
            stack.enter_context(narrow_products())
        folder = stack.enter_context(TemporaryDirectory())
        arguments = _arguments(task, settings, folder)
        if task.kind == "sft":
            trainer = _sft(model, task, arguments)
        else:
            trainer = _dpo(model, task, arguments, settings["reference"], turns)
        trainer.pop_callback(PrinterCallback)
        trainer.add_callback(turns)
        trainer.train()


def _sft(model: Any, task: Task, arguments: dict[str, Any]) -> Any:
    examples = [example for step in build_steps(task) for example in step]
    return SftInOrder(
        model,
        args=SFTConfig(**arguments),
        train_dataset=sft_rows([_imitated(example) for example in examples]),
        processing_class=pad_tokenizer(),
    )


def _dpo(model: Any, task: Task, arguments: dict[str, Any], reference: str, turns: Turns) -> Any:
    examples = [example for step in build_steps(task) for example in step]
    rows = dpo_rows([pair for one in examples for pair in _pairs(one)])
    if reference == "given":
        logps = [likely_logps(one, task) for one in examples]
        for side in ("chosen", "rejected"):
            values = [
                likely[getattr(pair, side)]
                for one, likely in zip(examples, logps, strict=True)
                for pair in one.pairs
            ]
            rows = rows.add_column(f"ref_{side}_logps", values)
    trainer: Any = DpoInOrder(
        model,
        args=DPOConfig(**arguments, beta=BETA),
        train_dataset=rows,
        processing_class=pad_tokenizer(),
    )
    trainer.model.delete_adapter("ref")  # a fresh policy's reference is its base
    trainer.precompute_ref_logps = reference != "each step"
    if reference == "precomputed":
        turns.reference_s = _precompute(trainer, arguments["output_dir"], turns)
    return trainer


def _arguments(task: Task, settings: Settings, folder: str) -> dict[str, Any]:
    per_step = task.prompts_per_step * task.n_pairs
    batch = math.gcd(settings["batch"], per_step)  # every forward is full
    return BARE | {
        "output_dir": folder,
        "use_cpu": task.device == "cpu",
        "gradient_checkpointing": settings["checkpointing"],
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": per_step // batch,
        "num_train_epochs": 1,
        "learning_rate": 1e-4,
        "max_grad_norm": 1.0,
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
    }


def _precompute(trainer: Any, folder: str, turns: Turns) -> float:
    """Does what `precompute_ref_log_probs` does when the trainer is made; returns its cost."""
    trainer._precompute_model_hash = folder  # no other run's values are read
    batch = trainer.args.per_device_train_batch_size
    trainer.train_dataset, cost_s = turns.measure(
        lambda: trainer._precompute_ref_logps(trainer.train_dataset, "train", batch)
    )
    return cost_s


def _pairs(example: Encoded) -> list[tuple[Ids, Ids, Ids]]:
    prompt, texts = example.prompt.token_ids, example.completions
    return [
        (prompt, texts[pair.chosen].token_ids, texts[pair.rejected].token_ids)
        for pair in example.pairs
    ]


def _imitated(example: Encoded) -> tuple[tuple[int, ...], tuple[int, ...]]:
    (completion,) = example.completions
    return example.prompt.token_ids, completion.token_ids
