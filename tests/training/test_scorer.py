"""Log-probabilities and both objectives against what anybody would write down naively."""

import random
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters
from torch.nn.functional import cosine_similarity, log_softmax, logsigmoid

from ptrapp.recipes.mask_sft import PAPER
from ptrapp.recipes.preferences import PreferenceForm
from training.data.batches import Item, Rows, build
from training.data.plan import cut
from training.data.tokens import Encoded, Pair, Tokens
from training.loop.objectives import (
    ObjectiveFunction,
    imitation_objective,
    preference_objective,
    sequence_logps,
)
from training.policy.layout import PLAIN, choose_layout
from training.policy.scorer import Layout, Scorer

LAYOUTS = [Layout(rows, fused) for rows in Rows for fused in (True, False)]
EVERYTHING = 10**9
"""A token budget that leaves a step in one piece."""


def tokens(length: int, weight: float, draw: random.Random) -> Tokens:
    return Tokens(tuple(draw.randrange(5, 300) for _ in range(length)), (weight,) * length)


@pytest.fixture
def items() -> list[Item]:
    """Two pairs of their own prompts, and one prompt with three candidates and all their pairs."""
    draw = random.Random(1)

    def example(n_prompt: int, *lengths: int) -> Item:
        completions = tuple(tokens(length, 1.0, draw) for length in lengths)
        pairs = tuple(
            Pair(a, b, (0.8, 0.0, 0.2))
            for a in range(len(lengths))
            for b in range(a + 1, len(lengths))
        )
        references = tuple(-20.0 - draw.random() for _ in lengths)
        return Item(Encoded(tokens(n_prompt, 0.0, draw), completions, pairs), references)

    return [example(4, 3, 9), example(7, 6, 5), example(5, 4, 8, 6)]


@pytest.fixture
def trajectories() -> list[Item]:
    draw = random.Random(2)

    def example(n_prompt: int, n_answer: int, attempt: tuple[int, int] | None) -> Item:
        prompt, answer = tokens(n_prompt, 0.0, draw), tokens(n_answer, 1.0, draw)
        return Item(Encoded(prompt, (answer,), attempts=(attempt,) if attempt else ()))

    return [example(9, 4, (2, 6)), example(6, 7, (1, 3)), example(5, 3, None)]


def forward(model: Any, prompt: Tokens, completion: Tokens) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the completion's tokens and all hidden states, of this one sequence."""
    ids = torch.tensor([prompt.token_ids + completion.token_ids])
    out = model(ids, output_hidden_states=True)
    logps = log_softmax(out.logits[0, :-1], dim=-1)
    picked = logps[torch.arange(len(logps)), ids[0, 1:]]
    return picked[len(prompt.token_ids) - 1 :], out.hidden_states[-1][0]


@pytest.fixture(autouse=True)
def no_gradient(model: Any) -> None:
    """The model is shared: a test that failed half-way must not fail the next one."""
    model.zero_grad()


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def step(scorer: Scorer, objective: ObjectiveFunction, items: list[Item], budget: int) -> float:
    """Loss and gradient of one optimiser step, as the trainer accumulates them."""
    total, n_examples = 0.0, sum(item.encoded.size for item in items)
    for group in cut(items, scorer.layout.rows, budget):
        batch = build(group, scorer.layout.rows, 0)
        loss = objective(scorer(batch), batch).loss.sum() / n_examples
        loss.backward()
        total += loss.item()
    return total


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Equal but for the model's norms, which round to float32 whatever they are given."""
    return one.keys() == other.keys() and all(
        torch.allclose(one[name], other[name], rtol=1e-6, atol=1e-9) for name in one
    )


def made(model: Any, layout: Layout, **options: Any) -> Scorer:
    """A scorer in this layout, whichever would be chosen."""
    scorer = Scorer(model, PLAIN, **options)
    model.get_base_model().set_attn_implementation("sdpa")
    if layout.rows is Rows.SEGMENTS:
        assert choose_layout(scorer).rows is Rows.SEGMENTS
    scorer.layout = layout
    return scorer


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dpo_step_equals_a_naive_one_with_a_forward_for_each_side(
    model: Any, items: list[Item], layout: Layout
) -> None:
    model.get_base_model().set_attn_implementation("sdpa")
    naive = torch.zeros((), dtype=torch.float64)
    for item in items:
        sums = [forward(model, item.encoded.prompt, c)[0].sum() for c in item.encoded.completions]
        ratios = [s - r for s, r in zip(sums, item.reference_logps, strict=True)]
        for pair in item.encoded.pairs:
            margin = 0.1 * (ratios[pair.chosen] - ratios[pair.rejected])
            naive = naive - (0.8 * logsigmoid(margin) + 0.2 * logsigmoid(-margin)) / 5
    naive.backward()
    expected = gradients(model)

    objective = partial(preference_objective, beta=0.1)
    loss = step(made(model, layout), objective, items, EVERYTHING)

    assert loss == pytest.approx(naive.item(), abs=1e-12)
    assert same(gradients(model), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_thought_mask_step_equals_a_naive_one(
    model: Any, trajectories: list[Item], layout: Layout
) -> None:
    model.get_base_model().set_attn_implementation("sdpa")
    naive = torch.zeros((), dtype=torch.float64)
    for item in trajectories:
        prompt, (answer,) = item.encoded.prompt, item.encoded.completions
        logps, hidden = forward(model, prompt, answer)
        likelihood, inconsistency = -logps.mean(), torch.zeros(())
        for begin, end in item.encoded.attempts:
            pooled = hidden[len(prompt.token_ids) :].mean(0)
            before = hidden[begin:end].mean(0).detach()
            inconsistency = 1 - cosine_similarity(pooled, before, dim=0)
        doubt = 1 - (-likelihood).exp()
        naive = naive + (0.8 * likelihood + 0.1 * inconsistency + 0.1 * doubt) / 3
    naive.backward()
    expected = gradients(model)

    scorer = made(model, layout, with_consistency=True)
    loss = step(scorer, partial(imitation_objective, lambdas=PAPER), trajectories, EVERYTHING)

    assert loss == pytest.approx(naive.item(), abs=1e-12)
    assert same(gradients(model), expected)


@pytest.mark.parametrize("form", PreferenceForm)
@pytest.mark.parametrize("rows", Rows)
@pytest.mark.parametrize("budget", [1, 30, 45])
def test_cutting_a_step_into_micro_batches_changes_neither_loss_nor_gradient(
    model: Any, items: list[Item], form: PreferenceForm, rows: Rows, budget: int
) -> None:
    scorer = made(model, Layout(rows, fused_head=True))
    objective = partial(preference_objective, beta=0.1, form=form, nll_weight=0.3)
    whole = step(scorer, objective, items, EVERYTHING)
    expected = gradients(model)
    assert len(cut(items, rows, budget)) > 1

    assert step(scorer, objective, items, budget) == pytest.approx(whole, abs=1e-12)
    assert same(gradients(model), expected)


def test_activation_checkpointing_changes_nothing(model: Any, items: list[Item]) -> None:
    objective = partial(preference_objective, beta=0.1)
    scorer = made(model, Layout(Rows.SEGMENTS, fused_head=True))
    whole = step(scorer.train(), objective, items, EVERYTHING)
    expected = gradients(model)

    scorer.checkpoint_activations()
    n_forwards = 0

    def count(*_: Any) -> None:
        nonlocal n_forwards
        n_forwards += 1

    layer = scorer.causal.get_decoder().layers[0].mlp
    hook = layer.register_forward_pre_hook(count)
    try:
        again = step(scorer.train(), objective, items, EVERYTHING)
    finally:
        hook.remove()
        scorer.causal.activation_checkpointing_disable()
    assert n_forwards == 2, "the layer was computed a second time for the backward pass"
    assert again == pytest.approx(whole, abs=1e-12)
    assert same(gradients(model), expected)


def test_no_dropout_is_on_while_training(model: Any) -> None:
    scorer = Scorer(model, PLAIN).train()

    assert not any(m.training for m in scorer.modules() if isinstance(m, torch.nn.Dropout))


def test_the_head_sees_completion_positions_only(model: Any, items: list[Item]) -> None:
    seen: list[int] = []
    scorer = made(model, Layout(Rows.SEGMENTS, fused_head=False))
    head = model.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, i, output: seen.append(output.shape[:-1].numel()))
    batch = build(items, Rows.SEGMENTS, 0)
    scorer(batch)
    hook.remove()

    assert seen == [len(batch.targets.token_ids)]
    assert seen[0] == sum(len(c.token_ids) for i in items for c in i.encoded.completions)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_completions_keep_their_own_tokens(model: Any, items: list[Item], layout: Layout) -> None:
    batch = build(items, layout.rows, 0)
    logps = sequence_logps(made(model, layout)(batch), batch)

    model.get_base_model().set_attn_implementation("sdpa")
    expected = [
        forward(model, item.encoded.prompt, completion)[0].sum().item()
        for item in items
        for completion in item.encoded.completions
    ]
    assert logps.tolist() == pytest.approx(expected, abs=1e-10)


def test_compiled_layers_say_the_same_and_are_compiled_once_for_rows_of_every_length(
    model: Any, items: list[Item]
) -> None:
    scorer = Scorer(deepcopy(model), PLAIN)
    choose_layout(scorer)
    batches = [build(items[:n], scorer.layout.rows, 0) for n in (1, 2, 3)]
    expected = [scorer(batch).logps for batch in batches]
    torch._dynamo.reset()
    scorer.compile_layers(backend="eager")
    counts = []
    for batch, logps in zip(batches, expected, strict=True):
        assert torch.allclose(scorer(batch).logps, logps)
        counts.append(counters["stats"]["unique_graphs"])
    assert counts[0] > 0
    assert len(set(counts)) == 1
