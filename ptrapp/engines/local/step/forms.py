"""Chooses the forms of the weights by what each takes on this processor: for so many rows that are
decoded together, and for prompts."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch

from ptrapp.engines.local.step.layout import PlainLayout, Weights
from ptrapp.engines.local.step.products import FORMS, Product

SIZES = (1, 8, 64)
"""Rows decoded together at which forms are measured."""
N_READ, N_READ_PRODUCTS = 128, 4
"""Tokens of the prompt at which they are measured, and products: many rows are bound by computing,
not by memory."""
GAIN = 1.1
"""A form that costs a copy is taken when it is faster by this factor somewhere."""
READING_GAIN = 1.25
"""The same for a copy that prompts alone are read with, and that rounds them."""
_SAMPLE_BYTES = 48_000_000
"""Weights that are measured: more than a processor keeps in its cache, as the whole model is."""
TURNS, ENOUGH_S = 6, 0.1
"""Most turns of a measurement, and the time after which two are enough."""
_EXACT = 1e-7
"""Difference that rounding a weight may make to count as none: float16 has no smaller numbers."""


class Forms(NamedTuple):
    """By the names of `FORMS`."""

    decoding: tuple[tuple[int, str], ...]
    """Each with the number of rows from which it is taken, ascending from 1."""
    reading: str
    """For prompts, however many tokens are read at once."""

    @property
    def names(self) -> tuple[str, ...]:
        """Each form once."""
        return tuple(dict.fromkeys([*(form for _, form in self.decoding), self.reading]))


class Measured(NamedTuple):
    """Seconds of the same work in one form."""

    decoding: Sequence[float]
    """At each of `SIZES`."""
    reading: float


def one_form(form: str) -> Forms:
    """Returns the same form for everything."""
    return Forms(((1, form),), form)


def measure_forms(layout: PlainLayout, forms: Sequence[str]) -> dict[str, Measured]:
    """Returns what each form takes on some blocks of a model."""
    weights = sample(layout)
    products = {form: [FORMS[form](one) for one in weights] for form in forms}
    decoding = [seconds(products, weights, n_rows) for n_rows in SIZES]
    reading = seconds(products, weights[:N_READ_PRODUCTS], N_READ)
    return {form: Measured([one[form] for one in decoding], reading[form]) for form in forms}


def choose(measured: Mapping[str, Measured], *, exact: bool) -> Forms:
    """Returns the fastest forms.

    What a row is decoded with must not change its result. So only forms that compute the same may
    take turns: float32, and float16 where it rounds no weight (`exact`). Whoever measures bfloat16
    has prompts read in it where it is faster.
    """
    plain, half = measured["float32"], measured.get("float16")
    decoding: tuple[tuple[int, str], ...] = ((1, "float32"),)
    if half is not None:
        gains = [a / b for a, b in zip(plain.decoding, half.decoding, strict=True)]
        if exact:
            decoding = _by_rows(gains)
        elif gains[0] >= GAIN and min(gains) >= 1 / GAIN:
            decoding = ((1, "float16"),)
    own = {form for _, form in decoding} | {"float32"}
    reading = min(own, key=lambda form: measured[form].reading)
    if "bfloat16" in measured:
        gain = measured[reading].reading / measured["bfloat16"].reading
        reading = "bfloat16" if gain >= READING_GAIN else reading
    return Forms(decoding, reading)


def _by_rows(gains: Sequence[float]) -> tuple[tuple[int, str], ...]:
    """Returns float16 or float32 for each of `SIZES`, and for what lies between the nearer one."""
    if max(gains) < GAIN:
        return ((1, "float32"),)
    found: list[tuple[int, str]] = []
    before = 1
    for size, gain in zip(SIZES, gains, strict=True):
        form = "float16" if gain >= 1 else "float32"
        if not found or found[-1][1] != form:
            found.append((math.ceil(math.sqrt(before * size)), form))
        before = size
    return tuple(found)


def rounds_nothing(weights: Sequence[Weights], dtype: torch.dtype) -> bool:
    """Returns whether matrices are the same in another type."""
    return all(
        float((one.matrix - one.matrix.to(dtype).float()).abs().max()) <= _EXACT for one in weights
    )


def sample(layout: PlainLayout) -> list[Weights]:
    """Returns the weights of so many blocks as no cache holds."""
    found: list[Weights] = []
    for block in layout.blocks:
        found += block.products.values()
        if sum(one.matrix.nbytes for one in found) >= _SAMPLE_BYTES:
            break
    return found


def seconds(
    products: Mapping[str, Sequence[Product]],
    weights: Sequence[Weights],
    n_rows: int,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, float]:
    """Returns what products of these weights take with so many rows, by their key.

    They take turns, and the best turn counts; the clock is this thread's processor time, which
    others on a busy machine change least.
    """
    rows = [torch.ones(n_rows, one.matrix.shape[1]) for one in weights]
    best = dict.fromkeys(products, math.inf)
    started = time.perf_counter()
    for turn in range(TURNS):
        for key, of_key in products.items():
            before = clock()
            for product, one in zip(of_key, rows, strict=False):
                product(one)
            best[key] = min(best[key], clock() - before)
        if turn and time.perf_counter() - started > ENOUGH_S:
            break
    return best
