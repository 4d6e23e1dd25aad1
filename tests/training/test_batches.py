"""Steps, micro-batches, and the positions in them."""

import doctest
from itertools import chain
from random import Random

import pytest

from training.data import plan
from training.data import tokens as token_module
from training.data.batches import Item, Rows, build
from training.data.plan import cost as cost_of
from training.data.plan import cut, plan_steps, shard
from training.data.tokens import Encoded, Pair, Tokens, per_token


def tokens(first: int, length: int, weight: float) -> Tokens:
    return Tokens(tuple(range(first, first + length)), (weight,) * length)


def item(n_prompt: int, *lengths: int) -> Item:
    """A prompt of ids from 100 and completions of ids from 1."""
    completions = tuple(tokens(1, length, 1.0) for length in lengths)
    pairs = (Pair(0, 1),) if len(lengths) > 1 else ()
    return Item(Encoded(tokens(100, n_prompt, 0.0), completions, pairs))


def test_every_epoch_takes_every_example_once_in_an_order_of_its_own() -> None:
    steps = plan_steps([1] * 10, batch_size=4, epochs=2, seed=3)

    first, second = [*chain(*steps[:3])], [*chain(*steps[3:])]
    assert [len(step) for step in steps] == [4, 4, 2, 4, 4, 2]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert plan_steps([1] * 10, batch_size=4, epochs=2, seed=3) == steps


def test_a_step_counts_pairs_and_never_cuts_an_example() -> None:
    sizes = [3, 1, 2, 6, 1, 1, 4]

    steps = plan_steps(sizes, batch_size=4, epochs=1, seed=0)

    loads = [sum(sizes[index] for index in step) for step in steps]
    assert sorted(chain(*steps)) == list(range(7))
    assert all(load <= 4 or len(step) == 1 for load, step in zip(loads, steps, strict=True))


@pytest.mark.parametrize("rows", Rows)
def test_no_micro_batch_is_over_the_budget_and_none_is_lost(rows: Rows) -> None:
    items = [item(2, length) for length in (9, 3, 30, 12, 7, 7, 25)]

    groups = cut(items, rows, token_budget=40)

    assert all(build(g, rows, pad_id=0).inputs.input_ids.numel() <= 40 for g in groups)
    sizes = sorted(i.encoded.n_tokens for i in chain(*groups))
    assert sizes == sorted(i.encoded.n_tokens for i in items)


@pytest.mark.parametrize("rows", Rows)
def test_an_example_over_the_budget_goes_alone(rows: Rows) -> None:
    groups = cut([item(9, 20, 20), item(3, 2, 2)], rows, token_budget=20)

    assert [len(group) for group in groups] == [1, 1]


def test_a_shared_prompt_is_read_once_and_positions_restart_after_it() -> None:
    batch = build([item(3, 2, 2), item(1, 2)], Rows.SEGMENTS, pad_id=0)

    assert batch.inputs.input_ids.tolist() == [[100, 101, 102, 1, 2, 1, 2, 100, 1, 2]]
    assert batch.inputs.position_ids.tolist() == [[0, 1, 2, 3, 4, 3, 4, 0, 1, 2]]
    assert batch.targets.predictors.tolist() == [2, 3, 2, 5, 7, 8]
    assert batch.targets.token_ids.tolist() == [1, 2, 1, 2, 1, 2]
    assert batch.targets.completions.tolist() == [0, 0, 1, 1, 2, 2]
    assert batch.preferences.pairs.tolist() == [[0, 1]]


def test_padded_rows_hold_the_same_and_padding_is_not_learnt() -> None:
    batch = build([item(3, 2, 1)], Rows.PADDED, pad_id=9)

    assert batch.inputs.input_ids.tolist() == [[100, 101, 102, 1, 2], [100, 101, 102, 1, 9]]
    assert batch.targets.predictors.tolist() == [2, 3, 7]
    assert batch.targets.token_ids.tolist() == [1, 2, 1]


def test_rounds_and_attempts_of_a_trajectory_are_known() -> None:
    """Prompt: question, attempt (2 tokens), request. The attempt is scored when it has weight."""
    prompt = Tokens((5, 6, 7, 8), (0.0, 0.5, 0.5, 0.0))
    encoded = Encoded(prompt, (Tokens((1, 2), (1.0, 1.0)),), attempts=((1, 3),))

    batch = build([Item(encoded)], Rows.SEGMENTS, pad_id=0)

    assert batch.targets.token_ids.tolist() == [6, 7, 1, 2]
    assert batch.targets.weights.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert batch.targets.rounds.tolist() == [1, 1, 2, 2]
    assert batch.n_rounds.tolist() == [2]
    assert batch.attempts.attempt_at.tolist() == [1, 2]
    assert batch.attempts.answer_at.tolist() == [4, 5]


@pytest.mark.parametrize("rows", Rows)
def test_cutting_many_examples_grows_with_their_number_not_with_its_square(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference pass cuts all examples at once: 36,000 pairs took longer than a quarter hour."""
    rng, n_compared = Random(1), 0
    items = [item(rng.randrange(2, 60), rng.randrange(1, 60)) for _ in range(6 * plan.WINDOW)]
    cost = plan._Size.cost

    def counted(size: plan._Size, rows: Rows) -> int:
        nonlocal n_compared
        n_compared += 1
        return cost(size, rows)

    monkeypatch.setattr(plan._Size, "cost", counted)
    of_number = {}
    for n in (3 * plan.WINDOW, 6 * plan.WINDOW):
        n_compared = 0
        groups = cut(items[:n], rows, token_budget=120)
        of_number[n] = n_compared
        assert sorted(map(id, chain(*groups))) == sorted(map(id, items[:n]))
        assert all(cost_of(group, rows) <= 120 for group in groups)
    few, many = of_number.values()
    assert many <= 2.5 * few  # its square is four times as much


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 5])
def test_processes_forward_equally_often_and_every_example_counts_once(n_ranks: int) -> None:
    items = [item(2, 3 + n, 9 - n) for n in range(7)]
    groups = cut(items, Rows.SEGMENTS, token_budget=30)

    shares = [shard(groups, Rows.SEGMENTS, rank, n_ranks) for rank in range(n_ranks)]

    assert len({len(share) for share in shares}) == 1
    counted = [i for share in shares for group in share for i in group if i.scale > 0]
    assert sorted(map(id, counted)) == sorted(map(id, items))
    idle = [i for share in shares for group in share for i in group if i.scale == 0]
    assert build(idle or items, Rows.SEGMENTS, 0).example_weights.sum() == (0 if idle else 7)


def test_a_mean_over_tokens_is_a_scaled_mean_over_sequences() -> None:
    items = [item(2, 4), item(2, 8)]
    losses = [1.0, 4.0]

    scales = per_token([i.encoded for i in items])

    mean = sum(s * loss for s, loss in zip(scales, losses, strict=True)) / 2
    assert mean == pytest.approx((4 * 1.0 + 8 * 4.0) / 12)


def test_the_worked_examples_of_means_over_tokens_come_out_as_written() -> None:
    assert doctest.testmod(token_module).attempted >= 2
    assert doctest.testmod(token_module).failed == 0
