"""`models`: the base models within reach, as JSON."""

import typer

from ptrapp.cli.context import open_context
from ptrapp.cli.printing import print_json
from ptrapp.services import base_models


def list_models(ctx: typer.Context) -> None:
    """Every base model within reach: what --model takes, size, licence and versions, as JSON."""
    with open_context(ctx.obj, new=True) as context:
        for one, versions in base_models.listing(context):
            print_json(
                {
                    "model": one.model,
                    "title": one.title,
                    "kind": one.kind,
                    "fetched": one.fetched,
                    "megabytes": round(one.n_bytes / 1e6, 1) if one.n_bytes else None,
                    "licence": one.licence or None,
                    "versions": versions,
                }
            )
