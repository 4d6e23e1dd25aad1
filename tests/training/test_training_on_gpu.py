"""Training on an accelerator computes what a CPU computes, and resumes."""

from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from training_world import order

from db.models import JobKind
from db.registry import curves, jobs
from db.storage.session import Database
from ptrapp.core.settings import Settings
from ptrapp.recipes.mask_sft import OFFICIAL
from ptrapp.recipes.training import Precision, TrainingConfig
from training.data.batches import Item, MicroBatch, Rows, build
from training.data.tokens import Encoded, Pair, Tokens
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Payload
from training.jobs.ranks import Ranks
from training.loop.fit import Fitted, fit
from training.loop.objectives import (
    Objective,
    ObjectiveFunction,
    imitation_objective,
    preference_objective,
)
from training.policy.model import Policy, load_base, make_policy
from training.policy.scorer import Scored

CONFIG = TrainingConfig(epochs=8, batch_size=4, save_steps=2, learning_rate=1e-3, patience=None)
OBJECTIVES: dict[str, ObjectiveFunction] = {
    "dpo": partial(preference_objective, beta=0.1),
    "mask_sft": partial(imitation_objective, lambdas=OFFICIAL),
}


@pytest.fixture(autouse=True)
def exact_products() -> Iterator[None]:
    """Some GPUs would round the factors of float32 products to 10 bits."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.fixture
def claim(database: Database, tmp_path: Path, random_model_dir: Path, accelerator: str) -> Claim:
    order(database, JobKind.DPO, {})
    with database.write() as session:
        job = jobs.claim(session, 600)
    assert job is not None
    assert job.claim_token is not None
    settings = Settings(data_dir=tmp_path, model=str(random_model_dir), device=accelerator)
    return Claim(database, settings, job.id, job.claim_token, job.kind, Payload())


def policy(model: Path, device: str, precision: Precision = Precision.FLOAT32) -> Policy:
    """The random model with a LoRA that is not the identity."""
    base = load_base(Settings(model=str(model), device=device), precision)
    made = make_policy(base, None, CONFIG, max_rank=64)
    draw = torch.Generator().manual_seed(1)
    for name, weight in made.scorer.named_parameters():
        if "lora_B" in name:
            weight.data.copy_(torch.randn(weight.shape, generator=draw) * 0.05)
    return made


def items(kind: str) -> list[Item]:
    """Prompts and completions that take several blocks of an attention mask."""
    draw = torch.Generator().manual_seed(2)

    def tokens(length: int, weight: float) -> Tokens:
        ids = torch.randint(5, 300, (length,), generator=draw).tolist()
        return Tokens(tuple(ids), (weight,) * length)

    def example(n_prompt: int, *lengths: int) -> Item:
        prompt, texts = tokens(n_prompt, 0.0), tuple(tokens(length, 1.0) for length in lengths)
        if kind == "mask_sft":
            return Item(Encoded(prompt, texts[:1], attempts=((1, n_prompt // 2),)))
        return Item(Encoded(prompt, texts, (Pair(0, 1),)), tuple(-5.0 * n for n in lengths))

    return [example(150, 40, 90), example(20, 160, 30), example(60, 5, 7), example(9, 80, 81)]


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_a_step_is_that_of_a_cpu(kind: str, accelerator: str, random_model_dir: Path) -> None:
    losses, gradients = [], []
    for device in ("cpu", accelerator):
        made = policy(random_model_dir, device)
        assert made.scorer.layout.rows is Rows.SEGMENTS, "its kernel runs there and is right"
        assert made.scorer.layout.fused_head
        batch = build(items(kind), Rows.SEGMENTS, 0).to(device)
        loss = OBJECTIVES[kind](made.scorer(batch), batch).loss.mean()
        loss.backward()
        losses.append(loss.item())
        named = made.scorer.named_parameters()
        gradients.append({name: w.grad.cpu() for name, w in named if w.grad is not None})

    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    expected, found = gradients
    assert expected.keys() == found.keys()
    for name, gradient in expected.items():
        difference = (gradient - found[name]).norm() / gradient.norm()
        assert difference < 5e-3, f"{name}: {difference:.2g}"


def test_compiled_layers_say_what_the_plain_ones_do(
    accelerator: str, random_model_dir: Path
) -> None:
    plain = policy(random_model_dir, accelerator).scorer
    compiled = deepcopy(plain)
    compiled.compile_layers("eager" if accelerator == "cpu" else "inductor")
    for n in (1, 4, 2):
        batch = build(items("dpo")[:n], Rows.SEGMENTS, 0).to(accelerator)
        losses = []
        for scorer in (plain, compiled):
            scorer.zero_grad(set_to_none=True)
            loss = OBJECTIVES["dpo"](scorer(batch), batch).loss.mean()
            loss.backward()
            losses.append(loss.item())
        assert losses[0] == pytest.approx(losses[1], abs=1e-3)
        gradients = zip(plain.parameters(), compiled.parameters(), strict=True)
        for ours, theirs in gradients:
            if ours.grad is not None:
                assert theirs.grad is not None
                assert (ours.grad - theirs.grad).norm() < 5e-3 * ours.grad.norm()


def test_a_training_learns_its_pairs_and_resumes_as_if_it_had_not_stopped(
    accelerator: str, claim: Claim, random_model_dir: Path
) -> None:
    ranks = Ranks.join(cpu=accelerator == "cpu")
    whole = run(claim, ranks, random_model_dir, OBJECTIVES["dpo"])
    with claim.database.read() as session:
        margins = curves.of_job(session, claim.job_id)["rewards/margins"]
    assert margins[-1][1] > margins[0][1] + 0.1
    first = run_until_stopped(claim, ranks, random_model_dir)

    resumed = run(first, ranks, random_model_dir, OBJECTIVES["dpo"])

    assert resumed.metrics["loss"] == pytest.approx(whole.metrics["loss"], abs=1e-3)
    started = dict(policy(random_model_dir, "cpu").scorer.named_parameters(remove_duplicate=False))
    for name, weight in whole.weights.items():
        moved = (weight - started[name].detach()).norm()
        assert (weight - resumed.weights[name]).norm() < 0.05 * moved, name


def run(
    claim: Claim, ranks: Ranks, model: Path, objective: ObjectiveFunction, **changes: Any
) -> Fitted:
    made = policy(model, claim.settings.device)
    options: dict[str, Any] = {"learning_rate": 1e-3, "token_budget": 4096}
    return fit(made, objective, items("dpo"), (), CONFIG, claim, ranks, **options)


def run_until_stopped(claim: Claim, ranks: Ranks, model: Path) -> Claim:
    """Stops a training of eight steps at its sixth; returns a claim that finds its checkpoint."""
    n_calls = 0

    def objective(scored: Scored, batch: MicroBatch) -> Objective:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2 + 6:  # two of them are the estimate's
            claim.stop.set()
        return OBJECTIVES["dpo"](scored, batch)

    for checkpoint in (claim.folder / "checkpoints").iterdir():
        checkpoint.rename(claim.folder / f"whole-{checkpoint.name}")
    with pytest.raises(StopRequested):
        run(claim, ranks, model, objective)
    claim.stop.clear()
    return claim
