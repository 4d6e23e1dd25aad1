"""Several versions that answer one prompt, a candidate each, beside the one that serves."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from db.models import Adapter
from db.registry import adapters
from db.registry.servable import why_not_served
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.types import BASE, Policy
from ptrapp.services import retiring, versions
from ptrapp.services.context import AppContext


@dataclass(frozen=True, slots=True)
class RunVersions:
    """Versions that a run asks, in the order of its candidates; none where one version serves."""

    policies: tuple[Policy, ...] = ()
    adapter_ids: tuple[int | None, ...] = ()
    pins: ExitStack = field(default_factory=ExitStack)
    """Keeps the versions loaded until it is closed."""

    @property
    def names(self) -> list[str]:
        return [policy.label for policy in self.policies]


def load(context: AppContext, names: Sequence[str]) -> RunVersions:
    """Loads the versions without serving them, and keeps them until `unload`.

    Candidates are in an order by chance, so that their letters do not tell who wrote them.

    What serves stays, and no gate is asked: answering a question is no serving. Raises
    `versions.serve`'s errors.
    """
    names = random.sample(names, len(names))
    rows = [None if name == BASE.label else _row(context, name) for name in names]
    policies = tuple(BASE if row is None else Policy(row.name) for row in rows)
    pins = ExitStack()
    asked = RunVersions(policies, tuple(row.id if row else None for row in rows), pins)
    with ExitStack() as undo, context.publishing:
        undo.callback(unload, context, asked)
        for row, policy in zip(rows, policies, strict=True):
            if row is not None:
                versions.load(context, row)
            pins.enter_context(context.engine.pin(policy))
        undo.pop_all()
    return asked


def unload(context: AppContext, asked: RunVersions) -> None:
    """Lets the versions go: what does not serve is unloaded with the last run that asks it."""
    asked.pins.close()
    if not asked.policies:
        return
    with context.publishing:
        served = versions.serving(context)
        for policy in asked.policies:
            if policy.adapter is not None and policy.adapter != served:
                retiring.retire(context, policy.adapter)


def _row(context: AppContext, name: str) -> Adapter:
    with context.database.read() as session:
        row = adapters.by_name(session, name)
    if row is None:
        raise NotFound(f"There is no version {name}.")
    if mistake := why_not_served(row, context.engine.model_id, context.settings.data_dir):
        raise InputError(mistake)
    return row
