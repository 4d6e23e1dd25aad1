"""The worked examples in the docstrings of the losses are true, and every formula has one."""

import doctest
import pkgutil
from importlib import import_module
from types import FunctionType

import pytest

from training import losses

MODULES = [name for _, name, _ in pkgutil.iter_modules(losses.__path__, "training.losses.")]


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples_come_out_as_written(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_formula_has_a_worked_example(name: str) -> None:
    functions = [
        value
        for value in vars(import_module(name)).values()
        if isinstance(value, FunctionType)
        and value.__module__ == name
        and not value.__name__.startswith("_")
    ]

    assert functions
    assert not [found.__name__ for found in functions if ">>>" not in (found.__doc__ or "")]


def test_all_that_is_offered_exists() -> None:
    assert sorted(losses.__all__) == sorted(set(losses.__all__))
    assert all(hasattr(losses, name) for name in losses.__all__)
