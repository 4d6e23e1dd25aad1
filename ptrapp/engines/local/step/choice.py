"""Chooses how an engine computes: our step or the model's own, the forms of its weights and the
number of threads, by what is measured on this machine when the model is loaded."""

import logging
import time
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from ptrapp.core.errors import ModelUnusable
from ptrapp.engines.local.device import best_device
from ptrapp.engines.local.step import forms as measuring
from ptrapp.engines.local.step.check import TOLERANCE, divergence
from ptrapp.engines.local.step.forms import SIZES, Forms, Measured, one_form
from ptrapp.engines.local.step.forward import ModelForward, PlainForward
from ptrapp.engines.local.step.fusing import fused_parts
from ptrapp.engines.local.step.layout import PlainLayout, UnknownLayout, Weights, read_layout
from ptrapp.engines.local.step.plain import BlockProducts, PlainStep
from ptrapp.engines.local.step.products import FORMS, PlainProduct, Product, ProductByRows
from ptrapp.engines.local.step.threads import choose_threads, using

log = logging.getLogger(__name__)

SMALL_PARAMETERS = 20_000_000
"""Below this, a step is not bound by its weights, starting quickly counts more, and a layer is too
small to share: on a machine that also trains, a step with two threads took three to ten times as
long as with one."""
_UNFIT = (RuntimeError, ValueError, AttributeError, NotImplementedError)
"""Raised where a form is not built into PyTorch for this processor, or cannot hold the weights."""


class ForwardChoice(NamedTuple):
    """How to compute, and what to say of it."""

    forward: ModelForward
    about: str
    n_threads: int = 0
    """0 leaves what PyTorch takes."""


def choose_forward(model: PreTrainedModel, weights: str, n_threads: int = 0) -> ForwardChoice:
    """Returns a forward that computes what the model's own does.

    `weights` is `--weights`, `n_threads` is `--threads`: 0 has them measured.
    """
    own = ModelForward(model)
    threads = n_threads or int(model.num_parameters() < SMALL_PARAMETERS)
    try:
        layout = read_layout(model)
    except UnknownLayout as why:
        log.info("the model's own forward is used: %s", why)
        return ForwardChoice(own, f"Each step is the model's own forward: {why}.", threads)
    plain, words, why_not = one_form(_plain_form(model)), "", ""
    with using(1):  # on a busy machine several threads wait for each other, in some forms more
        forms, said = choose_forms(model, layout, weights)
    for candidate in dict.fromkeys((forms, forms._replace(reading=forms.decoding[0][1]), plain)):
        step = build_step(layout, candidate)
        forward = PlainForward(model, step)
        if not threads:
            threads, words = _threads(layout, step)
        with using(threads):
            kl = divergence(forward, own)
        if kl <= max(TOLERANCE[form] for form in candidate.names):
            log.info("our step is used with weights in %s; KL %.2g", "/".join(candidate.names), kl)
            if why_not:
                said = f"Weights in {' and '.join(candidate.names)}: {why_not}."
            said = f"{said}{words} The step is our own; KL to the model's: {max(kl, 0.0):.1g} nats."
            return ForwardChoice(forward, said, threads)
        log.warning("our step with %s diverges by %.2g nats and is not used", candidate.names, kl)
        why_not = f"{candidate.names[-1]} diverged by {kl:.1g} nats"
    said = "Each step is the model's own forward: ours computes something else."
    return ForwardChoice(own, said, threads)


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


def choose_forms(model: PreTrainedModel, layout: PlainLayout, weights: str) -> tuple[Forms, str]:
    """Returns the forms of the weights, and a sentence about them."""
    plain = _plain_form(model)
    if model.device.type != "cpu" or plain != "float32" or weights in ("float32", "bfloat16"):
        return one_form(plain), f"Weights in {plain}."
    if weights not in ("auto", "mixed"):
        if problem := _problem(weights):
            return one_form(plain), f"Weights in {plain}: {problem}."
        forms = one_form(weights)
        return forms, f"Weights in {weights}, as asked; {_memory(layout, forms)}"
    if model.num_parameters() < SMALL_PARAMETERS:
        return one_form(plain), f"Weights in {plain}."
    return _measured(layout, mixed=weights == "mixed")


def build_step(layout: PlainLayout, forms: Forms) -> PlainStep:
    """Returns our step with its products in these forms. Raises `RuntimeError`, `ValueError`."""
    decoding: list[BlockProducts] = []
    reading: list[BlockProducts] = []
    for block in layout.blocks:
        made = {name: _products(layout, one, forms.names) for name, one in block.products.items()}
        decoding.append(BlockProducts(**{name: _decoding(forms, made[name]) for name in made}))
        reading.append(BlockProducts(**{name: made[name][forms.reading] for name in made}))
    of_head = tuple(dict.fromkeys(form for _, form in forms.decoding))
    head = _decoding(forms, _products(layout, layout.head, of_head))
    parts = fused_parts(layout.embedding.device)
    return PlainStep(layout, decoding, head, reading=reading, **parts)


def _products(layout: PlainLayout, weights: Weights, names: tuple[str, ...]) -> dict[str, Product]:
    """Returns one product in each form; weights that are not float32 stay in their type."""
    in_float32 = layout.embedding.dtype == torch.float32
    return {form: (FORMS[form] if in_float32 else PlainProduct)(weights) for form in names}


def _decoding(forms: Forms, made: dict[str, Product]) -> Product:
    if len(forms.decoding) == 1:
        return made[forms.decoding[0][1]]
    return ProductByRows([(least, made[form]) for least, form in forms.decoding])


def _threads(layout: PlainLayout, step: PlainStep) -> tuple[int, str]:
    """Returns the number of threads for a step on a CPU, and half a sentence."""
    if layout.embedding.device.type != "cpu":
        return torch.get_num_threads(), ""
    weights = measuring.sample(layout)
    products = {"step": [one for block in step.products for one in block]}

    def measure() -> list[float]:
        found = [measuring.seconds(products, weights, n, time.perf_counter) for n in SIZES]
        return [one["step"] for one in found]

    n_threads = choose_threads(measure)
    return n_threads, f" {n_threads} thread{'s' if n_threads > 1 else ''}, as measured."


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


def _measured(layout: PlainLayout, *, mixed: bool) -> tuple[Forms, str]:
    """Compares the forms that this processor has, and that do not round the weights more.

    Prompts in bfloat16 are only for `mixed`: how a batch is padded, or a prompt cut into chunks,
    moves a sum by 1e-7, and that rounds some inputs to another neighbour. Two of eight drawn
    answers of 32 tokens then differed alone and in a batch, against none.
    """
    sample = measuring.sample(layout)
    tried = ["float32"]
    tried += [] if _problem("float16") else ["float16"]
    if mixed and not _problem("bfloat16") and measuring.rounds_nothing(sample, torch.bfloat16):
        tried.append("bfloat16")
    measured = measuring.measure_forms(layout, tried)
    exact = measuring.rounds_nothing(sample, torch.float16)
    forms = measuring.choose(measured, exact=exact)
    said = _said(forms, measured)
    return forms, f"{said}; {_memory(layout, forms)}" if forms.names != ("float32",) else f"{said}."


def _said(forms: Forms, measured: dict[str, Measured]) -> str:
    """Returns the choice and what it gains, as half a sentence."""
    plain = measured["float32"]
    words = []
    for at, size in enumerate(SIZES):
        form = next(form for least, form in reversed(forms.decoding) if size >= least)
        words.append(f"{plain.decoding[at] / measured[form].decoding[at]:.1f}× at {size}")
    by_rows = ", ".join(
        form if least == 1 else f"{form} from {least} rows on" for least, form in forms.decoding
    )
    read = f"{plain.reading / measured[forms.reading].reading:.1f}×"
    gains = f"{', '.join(words)} rows and {read} for prompts as fast as float32 here"
    return f"Weights in {by_rows}, for prompts in {forms.reading}: {gains}"


def _memory(layout: PlainLayout, forms: Forms) -> str:
    """Returns what the copies in other forms cost, as half a sentence."""
    sizes = {"float16": 2, "bfloat16": 2, "int8": 1}
    matrices = [one.matrix for block in layout.blocks for one in block.products.values()]
    decoding = {form for _, form in forms.decoding}
    n_bytes = sum(
        sizes.get(form, 0)
        * sum(one.numel() for one in [*matrices, *([layout.head.matrix] * (form in decoding))])
        for form in forms.names
    )
    return f"the copies take {n_bytes / 1e6:,.0f} MB beside the model."
