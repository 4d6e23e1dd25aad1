"""Says which generated questions fit the model that answers."""

from ptrapp.services.context import AppContext
from ptrapp.tasks import fitting
from ptrapp.tasks.fitting import AUTO


def knows_sums_only(context: AppContext) -> bool:
    """Returns whether the model is the bundled one, or one grown from it, by its thought format.

    While no model is there yet, the one that was named counts.
    """
    if not context.base_model:
        return context.settings.model == "bundled"
    return fitting.knows_sums_only(context.engine.thought_format)


def gate_task(context: AppContext) -> str:
    """Returns the task of the gate, `auto` as the one that fits the model."""
    named = context.settings.gate_task
    if named != AUTO:
        return named
    return fitting.source(sums=knows_sums_only(context))
