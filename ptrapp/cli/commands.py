"""`python -m ptrapp COMMAND`: queue a job, watch it, and print what it found as JSON.

Options that are not given are left to the recipe; `--set name=value` reaches all its settings.
How the process runs comes from `THRICE_*` variables as everywhere, and from the options before the
command.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from db.models import JobKind, JobStatus
from db.storage.errors import DatabaseError
from ptrapp.cli import backup_commands, people_commands
from ptrapp.cli.context import CommandContext, open_context
from ptrapp.cli.data_commands import export_data, import_data, list_imports, undo_import
from ptrapp.cli.following import console, follow
from ptrapp.cli.model_commands import list_models
from ptrapp.cli.printing import print_json
from ptrapp.cli.values import given, read_values
from ptrapp.core.errors import ThriceError
from ptrapp.services import jobs, sources, versions
from ptrapp.services.files.importing import import_attempts
from ptrapp.services.labelling import campaigns

app = typer.Typer(
    name="python -m ptrapp", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

Set = Annotated[
    list[str] | None, typer.Option("--set", help="any other setting of the recipe, name=value")
]
Parent = Annotated[
    str, typer.Option(help="the version to begin at, or base; by default the one being served")
]
_JUDGES = "verifier, llm, a reward model, rule:NAME or python:MODULE:FUNCTION"
NoWait = Annotated[bool, typer.Option("--no-wait", help="queue the job and return")]
_FROM_NOTHING = {JobKind.TPO, JobKind.PTR_DATA, JobKind.EVALUATE}
"""Jobs that need nothing stored. For the others a folder that holds nothing was mistyped."""


app.command(name="import")(import_data)
app.command(name="export")(export_data)
app.command(name="imports")(list_imports)
app.command(name="undo-import")(undo_import)
app.command(name="models")(list_models)
app.command(name="backup")(backup_commands.back_up)
app.command()(backup_commands.restore)
app.command()(backup_commands.check)
app.command(name="admin-link")(people_commands.admin_link)


@app.callback()
def process(
    ctx: typer.Context,
    data_dir: Annotated[Path | None, typer.Option(help="database, adapters, checkpoints")] = None,
    database_url: Annotated[str | None, typer.Option(help="SQLAlchemy URL")] = None,
    model: Annotated[str | None, typer.Option(help="bundled, smollm2, a path, or a hub id")] = None,
    engine: Annotated[str | None, typer.Option(help="local or openai")] = None,
    base_url: Annotated[str | None, typer.Option(help="the server of engine openai")] = None,
    judge: Annotated[str | None, typer.Option(help=_JUDGES)] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda")] = None,
    backup_dir: Annotated[str | None, typer.Option(help="where backups are")] = None,
) -> None:
    """The two methods from a terminal, on the data of the app."""
    ctx.obj = given(
        {
            "data_dir": data_dir,
            "database_url": database_url,
            "model": model,
            "engine": engine,
            "base_url": base_url,
            "judge": judge,
            "device": device,
            "backup_dir": backup_dir,
        }
    )


@app.command()
def ptr_data(
    ctx: typer.Context,
    queries: Annotated[
        str | None, typer.Option(help="generated, instructions, a file, hf:NAME")
    ] = None,
    n_queries: Annotated[int | None, typer.Option(help="at most so many")] = None,
    final: Annotated[str | None, typer.Option(help="who writes the final answer")] = None,
    rounds: Annotated[int | None, typer.Option(help="rounds of a trajectory")] = None,
    parent: Parent = "",
    no_wait: NoWait = False,
    more: Set = None,
) -> None:
    """Make refinement data: attempts, and a better final answer (PTR)."""
    chosen = given({"queries": queries, "n_queries": n_queries, "final": final, "rounds": rounds})
    _run(ctx, JobKind.PTR_DATA, chosen, more, parent, wait=not no_wait)


@app.command()
def mask_sft(
    ctx: typer.Context,
    preset: Annotated[str | None, typer.Option(help="official or paper")] = None,
    epochs: Annotated[int | None, typer.Option(help="passes over the examples")] = None,
    parent: Parent = "",
    no_wait: NoWait = False,
    more: Set = None,
) -> None:
    """Learn stored refinements; earlier attempts are read, not learnt (PTR)."""
    chosen = given({"preset": preset, "epochs": epochs})
    _run(ctx, JobKind.MASK_SFT, chosen, more, parent, wait=not no_wait)


@app.command()
def dpo(
    ctx: typer.Context,
    form: Annotated[str | None, typer.Option(help="which loss of the family")] = None,
    beta: Annotated[float | None, typer.Option(help="weight of staying near the parent")] = None,
    epochs: Annotated[int | None, typer.Option(help="passes over the pairs")] = None,
    parent: Parent = "",
    no_wait: NoWait = False,
    more: Set = None,
) -> None:
    """Learn the votes that the version has not learnt yet."""
    chosen = given({"form": form, "beta": beta, "epochs": epochs})
    _run(ctx, JobKind.DPO, chosen, more, parent, wait=not no_wait)


@app.command()
def tpo(
    ctx: typer.Context,
    iterations: Annotated[int | None, typer.Option(help="one after another")] = None,
    prompts: Annotated[
        str | None, typer.Option(help="generated, instructions, stored, a file, hf:NAME")
    ] = None,
    n_prompts: Annotated[int | None, typer.Option(help="fresh prompts of an iteration")] = None,
    k: Annotated[int | None, typer.Option(help="samples of a prompt")] = None,
    thinking: Annotated[
        bool | None, typer.Option("--thinking/--direct", help="direct is the baseline")
    ] = None,
    parent: Parent = "",
    no_wait: NoWait = False,
    more: Set = None,
) -> None:
    """Sample, judge the responses, and learn best against worst (TPO)."""
    chosen = given(
        {
            "iterations": iterations,
            "prompts": prompts,
            "n_prompts": n_prompts,
            "k": k,
            "thinking": thinking,
        }
    )
    _run(ctx, JobKind.TPO, chosen, more, parent, wait=not no_wait)


@app.command()
def reward_model(
    ctx: typer.Context, parent: Parent = "base", no_wait: NoWait = False, more: Set = None
) -> None:
    """Train a judge on the collected preferences."""
    _run(ctx, JobKind.REWARD_MODEL, {}, more, parent, wait=not no_wait)


@app.command(name="judge")
def judge_campaign(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(help="name or number of a campaign")],
    judge: Annotated[str | None, typer.Option(help=_JUDGES)] = None,
    no_wait: NoWait = False,
    more: Set = None,
) -> None:
    """Let a judge label a campaign beside its people."""
    with open_context(ctx.obj) as context:
        campaign_id = campaigns.find_id(context, campaign)
    chosen = given({"campaign_id": campaign_id, "judge": judge})
    _run(ctx, JobKind.JUDGE, chosen, more, "base", wait=not no_wait)


@app.command()
def evaluate(
    ctx: typer.Context,
    versions: Annotated[list[str] | None, typer.Option(help="versions, base among them")] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="generated, held_out, instructions_held_out, a file, hf:NAME …"),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="rounds of each answer")] = None,
    n: Annotated[int | None, typer.Option(help="problems of a task")] = None,
    parent: Parent = "",
    no_wait: NoWait = False,
    more: Set = None,
) -> None:
    """Measure versions round by round, with the controls."""
    chosen = given({"versions": versions or None, "tasks": tasks or None, "rounds": rounds, "n": n})
    _run(ctx, JobKind.EVALUATE, chosen, more, parent, wait=not no_wait)


@app.command(name="import-attempts")
def import_file(
    ctx: typer.Context,
    file: Path,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="leave malformed rows out")] = False,
) -> None:
    """Import a JSON list of question, output1 (attempt) and output2 (better answer)."""
    with open_context(ctx.obj, new=True) as context, context.database.write() as session:
        done = import_attempts(session, file, skip_bad=skip_bad)
    for mistake in done.mistakes:
        console.print(f"Skipped: {mistake}", markup=False, soft_wrap=True)
    print_json({"new": done.n_new, "known": done.n_known, "skipped": done.n_skipped})


@app.command(name="jobs")
def list_jobs(ctx: typer.Context, limit: Annotated[int, typer.Option(min=1)] = 12) -> None:
    """The newest jobs, as JSON."""
    with open_context(ctx.obj) as context:
        for job in jobs.listing(context, limit):
            print_json({"id": job.id, "kind": job.kind, "status": job.status, "parent": job.parent,
                        "made": job.adapter, "error": job.error, "result": job.result})  # fmt: skip


@app.command()
def cancel(ctx: typer.Context, job_id: int) -> None:
    """Stop a job; its last checkpoint is kept."""
    with open_context(ctx.obj) as context:
        jobs.cancel(context, job_id)
        _print_state(context, job_id)


@app.command()
def resume(ctx: typer.Context, job_id: int, no_wait: NoWait = False) -> None:
    """Go on with a failed or cancelled job from its last checkpoint."""
    with open_context(ctx.obj) as context:
        jobs.resume(context, job_id)
        if no_wait:
            _print_state(context, job_id)
        else:
            _print_result(follow(context, job_id))


@app.command(name="versions")
def list_versions(ctx: typer.Context) -> None:
    """Every version of the policy, newest first, as JSON."""
    with open_context(ctx.obj) as context:
        for row in versions.listing(context):
            print_json({"name": row.name, "parent": row.parent, "status": row.status,
                        "reason": row.reason, "metrics": row.metrics})  # fmt: skip


def main() -> None:
    """Runs the command line; an error is one sentence and status 2."""
    try:
        app()
    except (ThriceError, DatabaseError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(2)


def _run(
    ctx: typer.Context,
    kind: JobKind,
    chosen: dict[str, Any],
    more: list[str] | None,
    parent: str,
    *,
    wait: bool,
) -> None:
    """Queues a job and follows it, and then the jobs that it queues itself."""
    made_here = {parent, *(chosen.get("versions") or ())} - {"", "base"}
    with open_context(ctx.obj, new=kind in _FROM_NOTHING and not made_here) as context:
        settings = sources.from_here(context.settings, chosen | read_values(more or []))
        next_id: int | None = jobs.start(
            context, kind, settings, parent=parent, by_operator=True, by="the command line"
        )
        if not wait:
            print_json({"job": next_id})
            return
        while next_id is not None:
            queued = jobs.view(context, next_id)
            console.print(f"Job {next_id}: {queued.kind}", markup=False)
            done = follow(context, next_id)
            _print_result(done)
            next_id = done.result.get("next_job_id")


def _print_state(context: CommandContext, job_id: int) -> None:
    """Says what became of a job that is not followed: a running one stops a little later."""
    job = jobs.view(context, job_id)
    is_on = job.stopping and job.status == JobStatus.RUNNING
    print_json({"job": job_id, "status": "stopping" if is_on else job.status})


def _print_result(job: jobs.JobView) -> None:
    print_json({"job": job.id, "made": job.adapter, **job.result})
