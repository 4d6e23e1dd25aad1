"""The path that a GPU captures, run eagerly on the CPU: static buffers give the same answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from engine_contract import ask
from torch import nn

from ptrapp.core.types import Completion, Policy
from ptrapp.engines.base import complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.engines.local.step import fusing, graphs
from ptrapp.engines.local.step.graphs import GraphPool, n_columns_for, n_rows_for

RAGGED = ["hi", "a longer question than that", "x " * 90, "What is 12 + 30?", "hi", ""]


@pytest.fixture
def pool(engine: LocalEngine) -> GraphPool:
    context = engine._model_thread._context
    assert context.forward.step is not None
    made = GraphPool(context.forward.step)
    context.graphs = made
    return made


def written(engine: LocalEngine, versions: tuple[str | None, ...] = (None,)) -> list[Completion]:
    """Answers that end at different times, so that rows leave and the batch moves."""
    requests = [
        ask(text, seed=seed, max_tokens=12 + 20 * seed, policy=Policy(version))
        for version in versions
        for seed, text in enumerate(RAGGED)
    ]
    outcomes = complete(engine, requests)
    assert all(isinstance(one, Completion) for one in outcomes), outcomes
    return [one for one in outcomes if isinstance(one, Completion)]


def same(one: list[Completion], other: list[Completion]) -> None:
    assert [each.token_ids for each in one] == [each.token_ids for each in other]
    for each, twin in zip(one, other, strict=True):
        assert each.logprob_sum == pytest.approx(twin.logprob_sum, abs=1e-3)


def test_answers_are_those_of_a_growing_cache(engine: LocalEngine, pool: GraphPool) -> None:
    in_buffers = written(engine)
    assert {one.n_rows for _, one in pool._buffers} >= {8, 1}, "rows left, so the batch moved"
    engine._model_thread._context.graphs = None
    engine._model_thread._context.prefix_cache.clear()
    same(in_buffers, written(engine))


def test_versions_alternate_each_in_buffers_of_its_own(
    engine: LocalEngine, pool: GraphPool, adapter: Callable[[int], Path]
) -> None:
    engine.publish("one", adapter(1))
    engine.publish("two", adapter(2))
    in_buffers = written(engine, (None, "one", "two"))
    assert {version for version, _ in pool._buffers} == {None, "one", "two"}
    engine._model_thread._context.graphs = None
    engine._model_thread._context.prefix_cache.clear()
    same(in_buffers, written(engine, (None, "one", "two")))
    engine._model_thread._context.graphs = pool
    engine.retire("one")
    engine._model_thread._ask(lambda: None)
    assert {version for version, _ in pool._buffers} == {None, "two"}


def test_without_memory_for_buffers_a_batch_goes_on_in_its_own(
    engine: LocalEngine, pool: GraphPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "MAX_TOKENS", 8 * 512)  # eight rows fit, until they get longer
    monkeypatch.setattr(graphs, "SPARE_COLUMNS", 1)
    in_buffers = written(engine)
    engine._model_thread._context.graphs = None
    engine._model_thread._context.prefix_cache.clear()
    same(in_buffers, written(engine))


def test_sizes_are_few_and_have_room() -> None:
    assert [n_rows_for(n) for n in (1, 3, 8, 9, 256)] == [1, 4, 8, 16, 256]
    assert [n_columns_for(n) for n in (1, 192, 193, 640, 2000)] == [256, 256, 512, 768, 3072]
    assert all(n_columns_for(n) >= n + graphs.SPARE_COLUMNS for n in range(1, 5000, 7))


def test_the_pointwise_parts_can_be_traced_whole() -> None:
    compiled = fusing.fused_parts(torch.device("cpu"), backend="eager")
    draw = torch.Generator().manual_seed(0)
    heads = torch.randn(3, 1, 6, 8, generator=draw)
    angles = torch.randn(3, 1, 1, 8, generator=draw)
    plain = fusing.fused_parts(torch.device("cpu"))
    assert compiled["rotate"] is not plain["rotate"]
    assert torch.equal(
        compiled["rotate"](heads, angles, angles), plain["rotate"](heads, angles, angles)
    )
    assert torch.equal(compiled["gated"](heads[:, 0, 0]), plain["gated"](heads[:, 0, 0]))


def test_a_compiler_that_fails_leaves_the_plain_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> nn.Module:
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(fusing, "_compiled", lambda part, backend: broken)
    assert fusing.fused_parts(torch.device("cpu"), backend="eager") == fusing.fused_parts(
        torch.device("cpu")
    )
