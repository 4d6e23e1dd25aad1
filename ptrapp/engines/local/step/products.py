"""A product with one weight matrix, in the forms that a processor may be fast at."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from ptrapp.engines.local.step.layout import Weights

HALF_MAX = torch.finfo(torch.float16).max


class Product(Protocol):
    """Multiplies rows (M, K) by a matrix (N, K), and adds its bias."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Returns (M, N)."""
        ...


class PlainProduct:
    """In the type of the weights themselves."""

    def __init__(self, weights: Weights):
        self._matrix, self._bias = weights.matrix, weights.bias

    def __call__(self, rows: Tensor) -> Tensor:
        return F.linear(rows, self._matrix, self._bias)


class HalfProduct:
    """Float32 rows by float16 weights, summed in float32 (FBGEMM, x86 alone).

    Weights that were saved in bfloat16 are exact in float16 but for those below 1e-7, so this is
    the float32 product at half the memory traffic; others are rounded by 1/4096 at most.
    """

    def __init__(self, weights: Weights):
        matrix = weights.matrix.detach().float().contiguous()
        if float(matrix.abs().max()) > HALF_MAX:
            raise ValueError("a weight is beyond the range of float16")
        bias = weights.bias.detach().float() if weights.bias is not None else None
        self._packed: Any = torch.ops.quantized.linear_prepack_fp16(matrix, bias)

    def __call__(self, rows: Tensor) -> Tensor:
        product: Tensor = torch.ops.quantized.linear_dynamic_fp16(rows, self._packed)
        return product


class BfloatProduct:
    """Float32 rows, rounded to bfloat16, by bfloat16 weights, summed in float32.

    Processors with AVX512-BF16 or AMX do twice or more of these in the time of a float32 one.
    """

    def __init__(self, weights: Weights):
        self._matrix = weights.matrix.detach().bfloat16()
        self._bias = weights.bias.detach().float() if weights.bias is not None else None

    def __call__(self, rows: Tensor) -> Tensor:
        product = F.linear(rows.bfloat16(), self._matrix).float()
        return product if self._bias is None else product.add_(self._bias)


class DigitProduct:
    """Float32 rows by 8-bit weights, a scale for each row of the matrix (N,).

    A row of the input becomes two 8-bit digits, x ≈ s (d₁ + d₂ / 254), and each is multiplied in
    integers, which are exact: only the weights are rounded to 8 bits, the input is good to 16, and
    a row's result does not depend on the rows beside it.
    """

    def __init__(self, weights: Weights):
        matrix = weights.matrix.detach().float()
        self._scale = matrix.abs().amax(1).clamp(min=1e-12) / 127  # (N,)
        rounded = (matrix / self._scale[:, None]).round().to(torch.int8)  # (N, K)
        self._matrix = rounded.t()  # (K, N), a view
        self._bias = weights.bias.detach().float() if weights.bias is not None else None

    def __call__(self, rows: Tensor) -> Tensor:
        n_rows = rows.shape[0]
        step = rows.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127  # (M, 1)
        scaled = rows / step
        first = scaled.round()
        second = ((scaled - first) * 254).round()
        digits = torch.cat([first, second]).to(torch.int8)  # (2 M, K)
        sums = torch._int_mm(digits, self._matrix).float()  # (2 M, N)
        product = sums[n_rows:].div_(254).add_(sums[:n_rows])
        product.mul_(step).mul_(self._scale)
        return product if self._bias is None else product.add_(self._bias)


class ProductByRows:
    """One product in several forms: which is taken depends on the number of rows alone."""

    def __init__(self, products: Sequence[tuple[int, Product]]):
        """Takes products with the number of rows from which each is taken, ascending from 1."""
        self._products = tuple(reversed(products))

    def __call__(self, rows: Tensor) -> Tensor:
        return next(one for least, one in self._products if rows.shape[0] >= least)(rows)


FORMS: dict[str, Callable[[Weights], Product]] = {
    "float32": PlainProduct,
    "bfloat16": BfloatProduct,
    "float16": HalfProduct,
    "int8": DigitProduct,
}
"""Of float32 weights, by the name that `--weights` has for it."""
