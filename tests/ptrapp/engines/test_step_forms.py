"""Which forms of the weights and how many threads are chosen, from timings that are given."""

import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from ptrapp.engines.local.step import choice, forms, threads
from ptrapp.engines.local.step.check import divergence
from ptrapp.engines.local.step.choice import build_step, choose_forward
from ptrapp.engines.local.step.forms import Forms, Measured, choose, one_form
from ptrapp.engines.local.step.forward import ModelForward, PlainForward
from ptrapp.engines.local.step.layout import Weights, read_layout
from ptrapp.engines.local.step.products import FORMS, BfloatProduct, PlainProduct, ProductByRows
from ptrapp.engines.local.step.threads import apart, choose_threads, counts, using

PLAIN = Measured([1.0, 1.0, 1.0], 1.0)


def small(dtype: torch.dtype = torch.bfloat16) -> PreTrainedModel:
    """Returns a model in float32 whose weights were saved in another type."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model: Any = LlamaForCausalLM(config)
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data *= 5
    return model.to(dtype).float().eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("half", "expected"),
    [
        ([0.5, 0.5, 0.5], ((1, "float16"),)),
        ([0.5, 0.5, 2.0], ((1, "float16"), (23, "float32"))),
        ([2.0, 0.5, 0.5], ((1, "float32"), (3, "float16"))),
        ([1.0, 1.0, 1.0], ((1, "float32"),)),
        ([0.95, 0.95, 0.95], ((1, "float32"),)),
    ],
)
def test_each_number_of_rows_is_decoded_in_the_form_that_is_fastest_there(
    half: list[float], expected: Any
) -> None:
    assert (
        choose({"float32": PLAIN, "float16": Measured(half, 1.0)}, exact=True).decoding == expected
    )


def test_a_row_is_not_rounded_otherwise_beside_others() -> None:
    """Where float16 rounds the weights, one form decodes however many rows there are."""
    for half, form in (([0.5, 0.5, 2.0], "float32"), ([0.5, 0.5, 1.0], "float16")):
        found = choose({"float32": PLAIN, "float16": Measured(half, 1.0)}, exact=False)
        assert found.decoding == ((1, form),)


def test_prompts_are_read_in_bfloat16_only_where_it_is_much_faster() -> None:
    half = Measured([0.5, 0.5, 0.5], 0.9)
    for seconds, form in ((0.5, "bfloat16"), (0.8, "float16"), (3.0, "float16")):
        measured = {"float32": PLAIN, "float16": half, "bfloat16": Measured([9.0] * 3, seconds)}
        assert choose(measured, exact=True) == Forms(((1, "float16"),), form)
    slow = {"float32": PLAIN, "float16": Measured([0.5, 0.5, 0.5], 2.0)}
    assert choose(slow, exact=True).reading == "float32", "the model's own weights cost nothing"


def test_the_choice_says_the_forms_their_gains_and_their_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = {
        "float32": PLAIN,
        "float16": Measured([0.25, 0.5, 2.0], 1.0),
        "bfloat16": Measured([1.0, 1.0, 1.0], 0.4),
    }
    tried: list[str] = []

    def given(layout: Any, names: list[str]) -> dict[str, Measured]:
        tried.extend(names)
        return {name: measured[name] for name in names}

    monkeypatch.setattr(choice, "SMALL_PARAMETERS", 0)
    monkeypatch.setattr(choice, "_problem", lambda form: None)
    monkeypatch.setattr(forms, "measure_forms", given)
    monkeypatch.setattr(choice, "choose_threads", lambda measure: 1)
    choose_forward(small(), "auto")
    assert tried == ["float32", "float16"], "rounded prompts are asked for only"
    tried.clear()
    chosen = choose_forward(small(), "mixed")
    assert tried == ["float32", "float16", "bfloat16"]
    assert isinstance(chosen.forward, PlainForward)
    assert chosen.n_threads == 1
    said = "Weights in float16, float32 from 23 rows on, for prompts in bfloat16: 4.0× at 1"
    assert chosen.about.startswith(said)
    assert "2.5× for prompts" in chosen.about
    assert "MB beside the model" in chosen.about
    tried.clear()
    choose_forward(small(torch.float32), "mixed")
    assert tried == ["float32", "float16"], "bfloat16 would round these weights"


@pytest.mark.parametrize(
    "plan",
    [
        one_form("float32"),
        one_form("float16"),
        one_form("int8"),
        Forms(((1, "float16"),), "bfloat16"),
        Forms(((1, "float32"), (2, "float16")), "float32"),
    ],
    ids=str,
)
def test_a_step_computes_what_the_model_computes_in_every_form(plan: Forms) -> None:
    if any(choice._problem(form) for form in plan.names if form != "float32"):
        pytest.skip("this processor lacks a form")
    model = small()
    kl = divergence(PlainForward(model, build_step(read_layout(model), plan)), ModelForward(model))
    assert kl <= max(choice.TOLERANCE[form] for form in plan.names)
    assert (kl > 1e-6) == ("bfloat16" in plan.names or "int8" in plan.names), "what rounds is seen"


def test_bfloat16_that_diverges_is_not_used_for_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Forms(((1, "float32"),), "bfloat16")
    monkeypatch.setattr(choice, "choose_forms", lambda *given: (plan, "Weights."))
    monkeypatch.setattr(choice, "TOLERANCE", dict.fromkeys(FORMS, 5e-7))
    chosen = choose_forward(small(), "auto")
    assert chosen.about.startswith("Weights in float32: bfloat16 diverged")
    assert isinstance(chosen.forward, PlainForward)
    assert divergence(chosen.forward, ModelForward(chosen.forward.model)) < 1e-6


def test_a_bfloat16_product_rounds_the_rows_alone_and_keeps_its_bias() -> None:
    draw = torch.Generator().manual_seed(0)
    matrix = torch.randn(40, 64, generator=draw).bfloat16().float()
    rows, bias = torch.randn(5, 64, generator=draw), torch.randn(40, generator=draw)
    found = BfloatProduct(Weights(matrix, bias))(rows)
    assert found.dtype == torch.float32
    expected = torch.nn.functional.linear(rows.bfloat16().float(), matrix, bias)
    assert (found - expected).abs().max() < 0.1
    assert not torch.equal(found, expected)


def test_the_number_of_rows_alone_says_which_product_is_taken() -> None:
    one, two = Weights(torch.ones(1, 4)), Weights(2 * torch.ones(1, 4))
    product = ProductByRows([(1, PlainProduct(one)), (3, PlainProduct(two))])
    assert [float(product(torch.ones(n, 4))[0]) for n in (1, 2, 3, 9)] == [4, 4, 8, 8]


def test_forms_are_measured_in_turns_and_the_best_turn_counts() -> None:
    ticks = iter([0, 5, 5, 6, 6, 8, 8, 11, *[11] * 99])
    slow_first: Callable[[], float] = lambda: float(next(ticks))  # noqa: E731
    products = {"a": [PlainProduct(Weights(torch.ones(2, 2)))]}
    products["b"] = products["a"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "ENOUGH_S", -1.0)  # two turns
        found = forms.seconds(products, [Weights(torch.ones(2, 2))], 1, slow_first)
    assert found == {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [([1, 1.9, 3.5, 6], 8), ([1, 1.9, 2.0, 9], 2), ([1, 1.1, 9, 9], 1), ([1, 0.3, 9, 9], 1)],
)
def test_more_threads_are_taken_while_they_pay(
    speeds: list[float], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "available_cores", lambda: 8)
    seen, given = [], iter(speeds)
    before = torch.get_num_threads()

    def measure() -> list[float]:
        seen.append(torch.get_num_threads())
        return [1 / next(given)] * 3

    assert choose_threads(measure) == expected
    assert seen == [1, 2, 4, 8][: len(seen)]
    assert torch.get_num_threads() == before
    assert counts(6) == [1, 2, 4, 6]
    assert counts(1) == [1]


def test_threads_set_by_hand_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "SMALL_PARAMETERS", 0)
    monkeypatch.setattr(choice, "choose_threads", lambda measure: pytest.fail("measured"))
    assert choose_forward(small(), "float32", 3).n_threads == 3


def test_a_small_model_has_one_thread() -> None:
    assert choose_forward(small(), "auto").n_threads == 1


def test_what_is_computed_apart_leaves_no_team_of_threads() -> None:
    def computed() -> int:
        with using(4):
            torch.ones(1000, 1000).sum()
        return n_threads()

    def n_threads() -> int:
        return psutil.Process().num_threads()

    with_team = apart(computed)
    until = time.monotonic() + 30
    while n_threads() > with_team - 4:  # its own thread and three beside it end by and by
        assert time.monotonic() < until
        time.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 // 0)
