"""The training loop: held-out pairs, the best checkpoint, failed allocations, estimates."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_world import order

from db.models import Job, JobKind
from db.registry import curves as job_curves
from db.registry import jobs
from db.storage.session import Database
from ptrapp.core.errors import TrainingError
from ptrapp.core.settings import Settings
from ptrapp.recipes.training import Precision, TrainingConfig
from training.data.batches import Item, MicroBatch
from training.data.hold_out import hold_out
from training.data.tokens import Encoded, Pair, Tokens
from training.jobs.claim import Claim, StopRequested
from training.jobs.payload import Payload
from training.jobs.ranks import Ranks
from training.loop.estimate import estimate
from training.loop.fit import Fitted, fit
from training.loop.objectives import Objective, imitation_objective, preference_objective
from training.policy.model import Policy, load_base, make_policy
from training.policy.scorer import Scored
from training.policy.weights import FILE

DPO = partial(preference_objective, beta=0.1)
CONFIG = TrainingConfig(epochs=5, batch_size=4, save_steps=2, learning_rate=1e-2, patience=None)


@pytest.fixture
def claim(database: Database, tmp_path: Path, random_model_dir: Path) -> Claim:
    """A job that was claimed, as its training process holds it."""
    order(database, JobKind.DPO, {})
    with database.write() as session:
        job = jobs.claim(session, 600)
    assert job is not None
    assert job.claim_token is not None
    settings = Settings(data_dir=tmp_path, model=str(random_model_dir), device="cpu")
    return Claim(database, settings, job.id, job.claim_token, job.kind, Payload())


@pytest.fixture
def policy(random_model_dir: Path) -> Policy:
    base = load_base(Settings(model=str(random_model_dir), device="cpu"), Precision.AUTO)
    return make_policy(base, None, CONFIG, max_rank=64)


@pytest.fixture(scope="module")
def ranks() -> Ranks:
    return Ranks.join(cpu=True)


def tokens(first: int, length: int, weight: float) -> Tokens:
    return Tokens(tuple(5 + (first + n) % 300 for n in range(length)), (weight,) * length)


def pairs(n: int, *, swapped: bool = False) -> list[Item]:
    """The chosen side repeats one phrase and the rejected another, so there is something to learn.

    Of `swapped` pairs the other side is chosen.
    """
    order = (1, 0) if swapped else (0, 1)
    return [
        Item(
            Encoded(
                tokens(7 * k, 4 + k % 3, 0.0),
                (tokens(100, 5 + k % 2, 1.0), tokens(200, 6, 1.0)),
                (Pair(*order),),
            ),
            (-35.0, -40.0),
        )
        for k in range(n)
    ]


def notes(claim: Claim) -> list[str]:
    with claim.database.read() as session:
        return [note["text"] for note in session.get_one(Job, claim.job_id).notes]


def run(
    policy: Policy, claim: Claim, ranks: Ranks, config: TrainingConfig = CONFIG, **changes: Any
) -> Fitted:
    options: dict[str, Any] = {"items": pairs(16), "held_out": (), "objective": DPO} | changes
    return fit(
        policy,
        options["objective"],
        options["items"],
        options["held_out"],
        config,
        claim,
        ranks,
        learning_rate=config.learning_rate or 1e-3,
        token_budget=4096,
        first_loss=options.get("first_loss"),
        per_token=options.get("per_token", False),
    )


def too_big(limit: int) -> Callable[[Scored, MicroBatch], Objective]:
    """Returns an objective on a machine that can hold `limit` tokens at once."""

    def objective(scored: Scored, batch: MicroBatch) -> Objective:
        if batch.inputs.input_ids.numel() > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return DPO(scored, batch)

    return objective


def test_held_out_pairs_are_evaluated_before_each_checkpoint_and_at_the_end(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    fitted = run(policy, claim, ranks, held_out=pairs(4))

    with claim.database.read() as session:
        curves = job_curves.of_job(session, claim.job_id)
    assert fitted.n_steps == 20
    assert [step for step, _ in curves["eval_loss"]] == list(range(2, 21, 2))
    assert curves["eval_rewards/accuracies"][-1][1] == 1.0
    assert curves["eval_rewards/margins"][-1][1] == fitted.metrics["eval_rewards/margins"]
    assert len(curves["loss"]) == 20


def test_training_stops_when_held_out_pairs_get_worse_and_the_best_is_kept(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    """The held-out pairs contradict the others: every step makes them worse."""
    config = replace(CONFIG, patience=2)

    fitted = run(policy, claim, ranks, config, held_out=pairs(4, swapped=True))

    with claim.database.read() as session:
        losses = job_curves.of_job(session, claim.job_id)["eval_loss"]
    assert [step for step, _ in losses] == [2, 4, 6], "two evaluations without a gain were enough"
    assert losses == sorted(losses, key=lambda point: point[1])
    best = claim.folder / "checkpoints" / "checkpoint-2"
    assert (best / "whole").exists(), "the best is kept beside the newest"
    assert all(
        torch.equal(weight, fitted.weights[name]) for name, weight in load_file(best / FILE).items()
    )


def test_out_of_memory_halves_the_budget_and_goes_on(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    fitted = run(policy, claim, ranks, objective=too_big(40))

    assert fitted.metrics["rewards/accuracies"] == 1.0
    (said,) = notes(claim)
    assert "at most 32 tokens" in said


def test_memory_that_gets_scarce_later_halves_the_budget_too(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    scarce = False
    whole, halved = DPO, too_big(40)

    def objective(scored: Scored, batch: MicroBatch) -> Objective:
        return (halved if scarce else whole)(scored, batch)

    class Later(list[Item]):
        def __getitem__(self, at: Any) -> Any:  # the third step begins
            nonlocal scarce
            scarce = scarce or (isinstance(at, int) and next(calls) > 40)
            return super().__getitem__(at)

    calls = iter(range(10**6))
    fitted = run(policy, claim, ranks, objective=objective, items=Later(pairs(16)))

    assert "The memory ran out; going on with a token budget of" in notes(claim)[-1]
    assert len(fitted.weights) > 0
    assert fitted.metrics["rewards/accuracies"] == 1.0


def test_an_example_that_never_fits_ends_the_job_in_words(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    with pytest.raises((TrainingError, torch.OutOfMemoryError), match="memory"):
        run(policy, claim, ranks, objective=too_big(5))


def test_an_estimate_learns_nothing_and_gives_time_and_memory(policy: Policy) -> None:
    before = {n: w.detach().clone() for n, w in policy.scorer.named_parameters()}
    plan = [[0, 1], [2, 3]]

    found = estimate(policy.scorer, DPO, pairs(4), plan, token_budget=4096, pad_id=0)

    assert all(torch.equal(before[n], w) for n, w in policy.scorer.named_parameters())
    assert all(w.grad is None for w in policy.scorer.parameters())
    assert found.seconds > 0
    assert found.peak_gb > 0.05
    n_tokens = sum(item.encoded.n_tokens for item in pairs(4))
    assert found.seconds == pytest.approx(n_tokens / found.tokens_per_s)


def test_a_loss_that_is_no_number_ends_the_job_in_words(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    def objective(scored: Scored, batch: MicroBatch) -> Objective:
        computed = DPO(scored, batch)
        return computed._replace(loss=computed.loss * float("nan"))

    with pytest.raises(TrainingError, match="step 1 is not a number; lower learning_rate"):
        run(policy, claim, ranks, objective=objective)


def test_a_policy_that_is_not_its_reference_is_found_before_the_first_step(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    with pytest.raises(TrainingError, match="not its reference"):
        run(policy, claim, ranks, items=pairs(8), first_loss=9.0)


def test_a_stop_keeps_the_last_checkpoint(policy: Policy, claim: Claim, ranks: Ranks) -> None:
    def objective(scored: Scored, batch: MicroBatch) -> Objective:
        claim.stop.set()
        return DPO(scored, batch)

    claim_of_estimate = replace(claim, stop=claim.stop)
    with pytest.raises(StopRequested):
        run(policy, claim_of_estimate, ranks, objective=objective)


def test_normalising_by_tokens_weighs_long_answers_more(
    policy: Policy, claim: Claim, ranks: Ranks
) -> None:
    """Two answers of 2 and 20 tokens: the mean over tokens is nearly the long one's own loss."""
    items = [
        Item(Encoded(tokens(0, 5, 0.0), (tokens(50, 2, 1.0),))),
        Item(Encoded(tokens(9, 5, 0.0), (tokens(90, 20, 1.0),))),
    ]
    objective = partial(imitation_objective, lambdas=(1.0, 0.0, 0.0))
    config = replace(CONFIG, epochs=1, learning_rate=1e-9)
    alone = []
    for item in items:
        fitted = run(policy, claim, ranks, config, items=[item], objective=objective)
        alone.append(fitted.metrics["loss"])
        shutil.rmtree(claim.folder / "checkpoints")

    fitted = run(policy, claim, ranks, config, items=items, objective=objective, per_token=True)

    expected = (2 * alone[0] + 20 * alone[1]) / 22
    assert fitted.metrics["loss"] == pytest.approx(expected, abs=1e-4)


def test_a_pair_of_double_weight_counts_as_two(policy: Policy, claim: Claim, ranks: Ranks) -> None:
    config = replace(CONFIG, epochs=1, learning_rate=1e-9)
    first, second = pairs(2)
    heavy = replace(
        first, encoded=replace(first.encoded, pairs=(replace(first.encoded.pairs[0], weight=2.0),))
    )
    losses = []
    for items in ([heavy, second], [first, first, second]):
        losses.append(run(policy, claim, ranks, config, items=items).metrics["loss"])
        shutil.rmtree(claim.folder / "checkpoints")

    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_the_time_left_is_told_before_the_first_step(
    policy: Policy, claim: Claim, ranks: Ranks, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, float | None]] = []
    report = Claim.report

    def note(claim: Claim, phase: str, step: int, n: int, eta_s: float | None, *rest: Any) -> bool:
        told.append((phase, step, eta_s))
        return report(claim, phase, step, n, eta_s, *rest)

    monkeypatch.setattr(Claim, "report", note)
    run(policy, claim, ranks, replace(CONFIG, epochs=1), items=pairs(3))
    at_first = next(eta_s for phase, step, eta_s in told if (phase, step) == ("training", 0))
    assert at_first is not None
    assert at_first > 0


def test_a_single_step_is_a_training_too(policy: Policy, claim: Claim, ranks: Ranks) -> None:
    fitted = run(policy, claim, ranks, replace(CONFIG, epochs=1), items=pairs(3))

    assert fitted.n_steps == 1
    assert all("lora_" in name for name in fitted.weights), "the frozen, tied head is not saved"


def test_the_same_prompts_are_held_out_however_the_data_grow() -> None:
    def prompts(items: list[Encoded]) -> set[tuple[int, ...]]:
        return {item.prompt.token_ids for item in items}

    few = [item.encoded for item in pairs(60)]
    many = [item.encoded for item in pairs(200)]

    learnt, held = hold_out(few, 0.4)
    later_learnt, later_held = hold_out(many, 0.4)

    assert len(learnt) + len(held) == 60
    assert prompts(held) <= prompts(later_held)
    assert not prompts(later_learnt) & prompts(later_held)
    assert hold_out(few[:40], 0.4) == (few[:40], [])
