"""`python -m ptrapp import` and `export`: files in and out of the app's database."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from db.models import RaterKind
from ptrapp.cli.context import open_context
from ptrapp.cli.following import console
from ptrapp.cli.printing import print_json
from ptrapp.core.errors import InputError
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.services.files import exporting, import_preview, importing, imports, publishing
from ptrapp.services.files.export_rows import Completions
from ptrapp.services.files.exporting import ExportRequest, What


def import_data(
    ctx: typer.Context,
    given: Annotated[
        str, typer.Argument(metavar="FILE", help="a file, or hf:NAME[:CONFIG][:SPLIT]")
    ],
    fmt: Annotated[
        Format | None, typer.Option("--format", help="by default inferred from the columns")
    ] = None,
    name: Annotated[str, typer.Option(help="what the import is called; else as the file")] = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="leave malformed rows out")] = False,
    answer_column: Annotated[
        str, typer.Option(help="column, control or question that says which text is preferred")
    ] = "",
    pairs: Annotated[
        Pairs, typer.Option(help="of several ranked or rated answers: every two, or best and worst")
    ] = Pairs.ALL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what was understood and store nothing")
    ] = False,
) -> None:
    """Import prompts, preferences, votes or attempts: all of a file or nothing."""
    if dry_run:
        print_json(
            import_preview.preview_named(given, Options(fmt, answer_column, pairs)).as_json()
        )
        return
    with open_context(ctx.obj, new=True) as context:
        done = importing.import_named(
            context,
            given,
            fmt=fmt,
            name=name,
            skip_bad=skip_bad,
            answer_column=answer_column,
            pairs=pairs,
        )
    for mistake in done.mistakes:
        console.print(f"Skipped: {mistake}", markup=False, soft_wrap=True)
    print_json(
        {
            "import": done.import_id,
            "name": done.name,
            "format": done.format,
            "new": done.n_new,
            "known": done.n_known,
            "skipped": done.n_skipped,
            "added": done.counts,
            "said": done.said,
            "used": done.used,
            "unused": done.unused,
            "left_out": done.left_out,
        }
    )


def list_imports(ctx: typer.Context, limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
    """The newest imports, as JSON."""
    with open_context(ctx.obj) as context:
        for one in imports.listing(context, at_once=limit)[0]:
            print_json(
                {"id": one.id, "name": one.name, "file": one.file, "state": one.state,
                 "new": one.n_new, "added": one.counts, "at": one.created_at.isoformat()}
            )  # fmt: skip


def undo_import(
    ctx: typer.Context,
    import_id: Annotated[int, typer.Argument(help="its number, as `imports` lists it")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be hidden and change nothing")
    ] = False,
) -> None:
    """Hide what an import brought; importing the file again shows it again."""
    with open_context(ctx.obj) as context:
        if dry_run:
            print_json(asdict(imports.preview_undo(context, import_id)))
        else:
            print_json(asdict(imports.undo(context, import_id, "the terminal")))


def export_data(
    ctx: typer.Context,
    to: Annotated[
        Path | None, typer.Option(help="a file: .jsonl, .parquet, of votes .csv; - is the output")
    ] = None,
    what: Annotated[What, typer.Option(help="what is written")] = What.PREFERENCES,
    campaign: Annotated[
        str | None, typer.Option(help="only the comparisons of the campaign of this name or number")
    ] = None,
    kind: Annotated[list[RaterKind] | None, typer.Option(help="only raters of this kind")] = None,
    completions: Annotated[
        Completions, typer.Option(help="full: thoughts included, as they are learnt")
    ] = Completions.FULL,
    up_to: Annotated[int | None, typer.Option(help="the state after this vote")] = None,
    expect: Annotated[str | None, typer.Option(help="the hash it must have")] = None,
    names: Annotated[bool, typer.Option(help="name people instead of numbering them")] = False,
    push: Annotated[str | None, typer.Option(help="publish as this dataset of a hub")] = None,
    as_: Annotated[
        str, typer.Option("--as", help="what goes to the output: jsonl, parquet, of votes csv")
    ] = "jsonl",
) -> None:
    """Export preferences, votes or refinements for trainings elsewhere; prints the manifest.

    People are numbered. With --names they are named, which a lossless way back needs. To the output
    the rows are written while they are read, and the manifest is not; the status tells whether that
    was all.
    """
    if (to is None) == (push is None):
        raise InputError("Say where to: --to FILE.jsonl, or --push OWNER/NAME.")
    kinds = frozenset(kind) if kind else None
    ask = ExportRequest(what, campaign, kinds, completions, up_to, names)
    with open_context(ctx.obj) as context:
        if to == Path("-"):
            exporting.write_to(context, ask, as_, sys.stdout.buffer, expect=expect)
        elif to is not None:
            _print(exporting.write(context, ask, to, expect=expect), file=str(to))
        elif push is not None:
            address, manifest = publishing.publish(context, ask, push)
            _print(manifest, published=address)


def _print(manifest: exporting.Manifest, **more: Any) -> None:
    print_json(more | manifest.as_json())
