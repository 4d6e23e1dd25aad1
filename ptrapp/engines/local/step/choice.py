"""Chooses how an engine computes: our step or the model's own, and the form of its weights, by what
is measured on this machine when the model is loaded."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from ptrapp.core.errors import ModelUnusable
from ptrapp.engines.local.device import best_device
from ptrapp.engines.local.step.check import TOLERANCE, divergence
from ptrapp.engines.local.step.forward import ModelForward, PlainForward
from ptrapp.engines.local.step.fusing import fused_parts
from ptrapp.engines.local.step.layout import PlainLayout, UnknownLayout, Weights, read_layout
from ptrapp.engines.local.step.plain import BlockProducts, PlainStep
from ptrapp.engines.local.step.products import FORMS, PlainProduct, Product

log = logging.getLogger(__name__)

SMALL_PARAMETERS = 20_000_000
"""Below this, a step is not bound by its weights, and starting quickly counts more."""
SIZES = (1, 8, 64)
"""Rows at which the forms are measured."""
GAIN = 1.1
"""Another form is taken when it is faster by this factor: it costs memory."""
_UNFIT = (RuntimeError, ValueError, AttributeError, NotImplementedError)
"""Raised where a form is not built into PyTorch for this processor, or cannot hold the weights."""


class ForwardChoice(NamedTuple):
    """How to compute, and what to say of it."""

    forward: ModelForward
    about: str


def choose_forward(model: PreTrainedModel, weights: str) -> ForwardChoice:
    """Returns a forward that computes what the model's own does; `weights` is `--weights`."""
    own = ModelForward(model)
    try:
        layout = read_layout(model)
    except UnknownLayout as why:
        log.info("the model's own forward is used: %s", why)
        return ForwardChoice(own, f"Each step is the model's own forward: {why}.")
    form, said = choose_form(model, layout, weights)
    for candidate in dict.fromkeys((form, _plain_form(model))):
        forward = PlainForward(model, build_step(layout, candidate))
        kl = divergence(forward, own)
        if kl <= TOLERANCE[candidate]:
            log.info("our step is used with weights in %s; it diverges by %.2g nats", form, kl)
            return ForwardChoice(
                forward, f"{said} The step is our own; KL to the model's: {kl:.1g} nats."
            )
        log.warning("our step with %s diverges by %.2g nats and is not used", candidate, kl)
        said = f"Weights in {_plain_form(model)}: {candidate} diverged by {kl:.1g} nats."
    return ForwardChoice(own, "Each step is the model's own forward: ours computes something else.")


def loaded_type(weights: str, device: str) -> torch.dtype | None:
    """Returns the type a model is loaded in; None leaves it to `load_model`.

    On a CPU, float16 and 8-bit weights are made of float32 ones. Raises `ModelUnusable` for int8 on
    a GPU, which has no such product.
    """
    on_cpu = best_device(device) == "cpu"
    if weights == "int8" and not on_cpu:
        raise ModelUnusable(
            "Weights in int8 are for the CPU. Use --weights auto on an accelerator."
        )
    if weights == "bfloat16":
        return torch.bfloat16
    if weights in ("float32", "float16") and not on_cpu:
        return torch.float32 if weights == "float32" else torch.float16
    return None


def choose_form(model: PreTrainedModel, layout: PlainLayout, weights: str) -> tuple[str, str]:
    """Returns the form of the weights, by the names of `FORMS`, and a sentence about it."""
    plain = _plain_form(model)
    if model.device.type != "cpu" or plain != "float32" or weights in ("float32", "bfloat16"):
        return plain, f"Weights in {plain}."
    if weights == "auto" and model.num_parameters() < SMALL_PARAMETERS:
        return plain, f"Weights in {plain}."
    wanted = "float16" if weights == "auto" else weights
    problem = _problem(wanted)
    if problem is None and weights != "auto":
        return wanted, f"Weights in {wanted}, as asked; {_memory(layout, wanted)}"
    if problem is not None:
        return plain, f"Weights in {plain}: {problem}."
    return _measured(layout)


def build_step(layout: PlainLayout, form: str) -> PlainStep:
    """Returns our step with all products in one form. Raises `RuntimeError`, `ValueError`."""
    kind = FORMS[form] if layout.embedding.dtype == torch.float32 else PlainProduct
    blocks = [
        BlockProducts(**{name: kind(weights) for name, weights in block.products.items()})
        for block in layout.blocks
    ]
    return PlainStep(layout, blocks, kind(layout.head), **fused_parts(layout.embedding.device))


def _plain_form(model: PreTrainedModel) -> str:
    return str(model.dtype).removeprefix("torch.")


def _problem(form: str) -> str | None:
    """Returns why this processor cannot compute with a form, by trying it; None when it can."""
    draw = torch.Generator().manual_seed(0)
    matrix = torch.randn(64, 256, generator=draw).half().float()
    rows = torch.randn(3, 256, generator=draw)
    # The largest digits everywhere: where a processor adds pairs of them in 16 bits, they overflow.
    rows[0], matrix[:32] = 1.0, 1.0
    try:
        found = FORMS[form](Weights(matrix))(rows)
    except _UNFIT as error:
        return f"{form} does not run here ({str(error).partition(chr(10))[0][:80]})"
    if form == "int8":
        digits = torch.full((2, 256), -128, dtype=torch.int8)
        exact = torch.equal(torch._int_mm(digits, digits.t()), torch.full((2, 2), 256 * 128**2))
        if not exact:
            return "this processor does not multiply 8-bit numbers exactly"
    expected = rows @ matrix.t()
    error_share = float((found - expected).abs().max() / expected.abs().max())
    return None if error_share < 0.02 else f"{form} is off by {error_share:.1%} here"


def _measured(layout: PlainLayout) -> tuple[str, str]:
    """Compares float16 with float32 on the products of one block, at each of `SIZES`."""
    weights = list(layout.blocks[0].products.values())
    seconds = {form: _seconds([FORMS[form](one) for one in weights], weights) for form in
               ("float32", "float16")}  # fmt: skip
    gains = [a / b for a, b in zip(seconds["float32"], seconds["float16"], strict=True)]
    said = ", ".join(f"{gain:.1f}× at {n}" for gain, n in zip(gains, SIZES, strict=True))
    if gains[0] < GAIN or min(gains) < 1 / GAIN:
        return "float32", f"Weights in float32: float16 was measured here ({said} rows)."
    return "float16", f"Weights in float16, {said} rows as fast here; {_memory(layout, 'float16')}"


def _seconds(products: Sequence[Product], weights: Sequence[Weights]) -> list[float]:
    """Returns what a block's products take at each of `SIZES`, the best of five."""
    found = []
    for n_rows in SIZES:
        rows = [torch.ones(n_rows, one.matrix.shape[1]) for one in weights]
        found.append(min(_timed(lambda rows=rows: _run(products, rows)) for _ in range(5)))  # type: ignore[misc]
    return found


def _run(products: Sequence[Product], rows: Sequence[Tensor]) -> None:
    for product, one in zip(products, rows, strict=True):
        product(one)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _memory(layout: PlainLayout, form: str) -> str:
    """Returns what the copy in another form costs, as half a sentence."""
    size = {"float16": 2, "int8": 1}.get(form, 0)
    matrices = [one.matrix for block in layout.blocks for one in block.products.values()]
    n_bytes = size * sum(one.numel() for one in [*matrices, layout.head.matrix])
    return f"the copy takes {n_bytes / 1e6:,.0f} MB beside the model."
