"""Our side of the comparison: the recipes' trainer on examples that are encoded already."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import PeftModel

from bench.training.data import Settings, Task, build_model, build_steps, likely_logps
from bench.training.turns import Turns
from ptrapp.recipes.mask_sft import OFFICIAL
from ptrapp.recipes.training import TrainingConfig
from training.data.batches import Item, build
from training.data.plan import cut
from training.data.tokens import Encoded
from training.jobs.ranks import Ranks
from training.loop.arguments import LoopArguments, Steps
from training.loop.memory_plan import MemoryPlan, apply_plan, measure_cost, plan_for
from training.loop.objectives import (
    ObjectiveFunction,
    imitation_objective,
    preference_objective,
    sequence_logps,
)
from training.loop.trainer import StepTrainer
from training.policy.layout import PLAIN, choose_layout
from training.policy.lora import fuse
from training.policy.scorer import Scorer

BETA = 0.1
NO_BUDGET = 1 << 60
OBJECTIVES: dict[str, ObjectiveFunction] = {
    "dpo": partial(preference_objective, beta=BETA),
    "sft": partial(imitation_objective, lambdas=OFFICIAL),
}


def run(task: Task, settings: Settings, turns: Turns) -> None:
    """Trains `task.n_steps` steps, one at each turn.

    `token_budget` None puts a step in one row, and `chosen` has it chosen as a job does, from the
    free memory or as if `within_gb` were free. `reference` is `precomputed`, or `given` where its
    cost is not measured. `compile` is whether the layers are compiled.
    """
    model = build_model(task)
    steps = build_steps(task)
    turns.loaded()
    scorer = build_scorer(model)
    if settings.get("compile"):
        scorer.compile_layers("inductor" if task.device == "cuda" else "eager")
    turns.noted = {"layout": str(scorer.layout)}
    items = [[Item(one, likely_logps(one, task)) for one in step] for step in steps]
    budget = settings["token_budget"] or NO_BUDGET
    if budget == "chosen":
        plan = _plan(scorer, [item for step in items for item in step], settings["within_gb"])
        turns.noted["chosen"] = plan._asdict()
        budget = plan.token_budget
    if task.kind == "dpo" and settings["reference"] == "precomputed":
        items, turns.reference_s = turns.measure(
            lambda: [with_reference(scorer, step, budget) for step in steps]
        )
    with TemporaryDirectory() as folder:
        train(scorer, items, task, budget, Path(folder), turns)


def _plan(scorer: Scorer, items: Sequence[Item], within_gb: float | None) -> MemoryPlan:
    costs = measure_cost(scorer, items, pad_id=0)
    if within_gb is not None:
        costs = replace(costs, free=within_gb * 1e9)
    return apply_plan(scorer, plan_for(scorer, items, costs, TrainingConfig()))


def build_scorer(model: PeftModel) -> Scorer:
    """Returns the model as our trainer takes it."""
    fuse(model)
    scorer = Scorer(model, PLAIN)
    choose_layout(scorer)
    return scorer


def with_reference(scorer: Scorer, examples: Sequence[Encoded], budget: int) -> list[Item]:
    """Returns the examples with log-probabilities of the model as it is now."""
    rows, device = scorer.layout.rows, next(scorer.parameters()).device
    items = [Item(example) for example in examples]
    known: dict[int, tuple[float, ...]] = {}
    for group in cut(items, rows, budget):
        batch = build(group, rows, 0).to(device)
        with torch.no_grad():
            sums = iter(sequence_logps(scorer(batch), batch).tolist())
        for item in group:
            known[id(item)] = tuple(next(sums) for _ in item.encoded.completions)
    return [Item(item.encoded, known[id(item)]) for item in items]


def train(
    scorer: Scorer, steps: list[list[Item]], task: Task, budget: int, folder: Path, turns: Turns
) -> None:
    """Runs the recipes' loop, without evaluation and with one checkpoint, after the last turn."""
    flat = [item for step in steps for item in step]
    size = task.prompts_per_step
    plan = [range(start, start + size) for start in range(0, len(flat), size)]
    loop = LoopArguments(
        learning_rate=1e-4,
        warm_up=0.0,
        max_grad_norm=1.0,
        save_steps=task.n_steps,
        evaluate=False,
        seed=task.seed,
    )
    trainer = StepTrainer(
        scorer,
        Steps(flat, plan),
        OBJECTIVES[task.kind],
        loop,
        Ranks.join(cpu=task.device == "cpu"),
        folder=folder,
        token_budget=budget,
        pad_id=0,
        callbacks=[turns],
    )
    trainer.train()
