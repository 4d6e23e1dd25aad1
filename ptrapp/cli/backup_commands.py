"""`thrice backup`, `restore` and `check`: everything copied, brought back, and compared."""

from pathlib import Path
from typing import Annotated

import typer

from ptrapp.cli.context import open_context
from ptrapp.cli.printing import print_json
from ptrapp.core.settings import load_settings
from ptrapp.services.backups import checking, making, restoring
from ptrapp.services.backups.folder import damaged, open_backup

To = Annotated[Path | None, typer.Option(help="folder that gets it; else --backup-dir's")]
NoTest = Annotated[bool, typer.Option("--no-test", help="do not restore it as a test")]


def back_up(ctx: typer.Context, to: To = None, no_test: NoTest = False) -> None:
    """Back up database, adapters, checkpoints and keys, while the app runs or not.

    The backup is then restored beside itself as a test, and checked. Status 1 when that fails.
    """
    with open_context(ctx.obj) as context:
        made = making.make(context, to)
        test = None if no_test else restoring.test(context.settings, made)
    problems = list(test.problems) if test else None
    print_json(
        {
            "backup": str(made.folder),
            "files": len(made.files),
            "bytes": made.n_bytes,
            "problems": problems,
        }
    )
    if problems:
        raise typer.Exit(1)


def restore(
    ctx: typer.Context,
    backup: Annotated[Path, typer.Argument(help="a folder that `thrice backup` made")],
) -> None:
    """Restore a backup to the data folder and database that the options before name, both empty."""
    settings = load_settings(**ctx.obj)
    restoring.restore(settings, open_backup(backup))
    print_json({"restored": str(backup), "data_dir": str(settings.data_dir)})


def check(
    ctx: typer.Context,
    backup: Annotated[
        Path | None, typer.Argument(help="a backup to compare with its hashes, instead of the data")
    ] = None,
) -> None:
    """Compare everything with its hash, and follow every reference. Status 1 when something is
    wrong."""
    if backup is not None:
        opened = open_backup(backup)
        problems = list(damaged(opened))
        print_json({"files": len(opened.files), "problems": problems})
    else:
        with open_context(ctx.obj) as context:
            found = checking.check(context.settings, context.database)
        problems = list(found.problems)
        print_json(
            {
                "versions": found.n_versions,
                "snapshots": found.n_snapshots,
                "judges": found.n_judges,
                "problems": problems,
            }
        )
    if problems:
        raise typer.Exit(1)
