"""Steps and micro-batches."""

from itertools import chain

from training.batches import Item, micro_batches, plan_steps
from training.encode import Encoded, Row


def item(length: int, rows: int = 1) -> Item:
    row = Row((1,) * length, (0.0,) + (1.0,) * (length - 1))
    return Item(Encoded((row,) * rows), ())


def test_every_epoch_takes_every_example_once_in_an_order_of_its_own() -> None:
    steps = plan_steps(10, batch_size=4, epochs=2, seed=3)

    first, second = [*chain(*steps[:3])], [*chain(*steps[3:])]
    assert [len(step) for step in steps] == [4, 4, 2, 4, 4, 2]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert plan_steps(10, batch_size=4, epochs=2, seed=3) == steps


def test_no_micro_batch_is_over_the_budget_and_none_is_lost() -> None:
    items = [item(length) for length in (9, 3, 30, 12, 7, 7, 25)]

    batches = micro_batches(items, token_budget=40, pad_id=0)

    assert all(batch.input_ids.numel() <= 40 for batch in batches)
    lengths = [int(n) for batch in batches for n in batch.attention_mask.sum(1)]
    assert sorted(lengths) == [3, 7, 7, 9, 12, 25, 30]


def test_an_example_over_the_budget_goes_alone() -> None:
    batches = micro_batches([item(50, rows=2), item(5, rows=2)], token_budget=20, pad_id=0)

    assert [batch.input_ids.shape[0] for batch in batches] == [2, 2]


def test_padding_is_neither_read_nor_learnt() -> None:
    (batch,) = micro_batches([item(4), item(2)], token_budget=100, pad_id=9)

    assert batch.input_ids.tolist() == [[1, 1, 1, 1], [1, 1, 9, 9]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch.loss_weights.tolist() == [[0, 1, 1, 1], [0, 1, 0, 0]]
