"""Both papers' tables in small: `python -m bench.papers [--seeds 3]`, last line JSON.

All values come from the product's own jobs, in a fresh data folder for each seed: refinement data,
thought-mask fine-tuning and its control for PTR; TPO's iterations and the direct baseline; and an
evaluation job that measures them by round. It prints mean and standard deviation over seeds, in
percent right of `--n` held-out problems.
"""

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from db.models import JobKind
from ptrapp.cli.context import CommandContext, open_context
from ptrapp.cli.following import follow
from ptrapp.services import jobs
from ptrapp.services.jobs import JobView

log = logging.getLogger("bench.papers")

Row = Mapping[str, Any]
Table = dict[str, list[float | None]]
"""Values by line of a printed table: one for each column, None where there is none."""


def ptr(context: CommandContext, seed: int, args: argparse.Namespace) -> Table:
    """Measures PTR by round: base, trained with attempts in view, trained without, and controls."""
    recipe = {"queries": "generated", "n_queries": args.queries, "final": "solver", "seed": seed}
    _run_job(context, JobKind.PTR_DATA, recipe)
    tuned = _run_job(context, JobKind.MASK_SFT, {"seed": seed})
    plain = _run_job(context, JobKind.MASK_SFT, {"seed": seed, "attempts": False})
    plan = {"tasks": ["generated", "held_out"], "rounds": 3, "thinking": "later"}
    of_tuned = _evaluate(context, seed, args, versions=[tuned.adapter], controls=True, **plan)
    of_plain = _evaluate(context, seed, args, versions=[plain.adapter], controls=False, **plan)
    names = {"base": "base", tuned.adapter: "tuned", plain.adapter: "plain SFT, no attempts"}
    plain_rows = [row for row in of_plain if row["version"] != "base"]
    return _by_round([*of_tuned, *plain_rows], names)


def tpo(context: CommandContext, seed: int, args: argparse.Namespace) -> Table:
    """Measures TPO by iteration beside the direct baseline: same prompts, judge and loss."""
    found: Table = {}
    for arm, thinking in (("thought", True), ("direct", False)):
        versions = list(_iterations(context, seed, args, thinking))
        measured = _evaluate(
            context,
            seed,
            args,
            versions=versions,
            tasks=["generated"],
            rounds=1,
            thinking="always" if thinking else "never",
            controls=False,
        )
        rows = {row["version"]: row for row in measured if row["setting"] == "refine"}
        line = [rows[name] for name in ("base", *versions)]
        found[f"{arm}, right"] = [100 * row["rate"] for row in line]
        found[f"{arm}, thought tokens"] = [row["mean_thought_tokens"] for row in line]
        found[f"{arm}, response tokens"] = [row["mean_response_tokens"] for row in line]
    return found


def _iterations(
    context: CommandContext, seed: int, args: argparse.Namespace, thinking: bool
) -> Iterator[str]:
    """Yields the versions of T iterations; each job queues the next one itself."""
    recipe = {
        "prompts": "generated",
        "n_prompts": args.prompts,
        "iterations": args.iterations,
        "thinking": thinking,
        "seed": seed,
        "temperature": 0.9,
        "top_p": 1.0,
    }
    done: JobView | None = _run_job(context, JobKind.TPO, recipe)
    while done is not None:
        assert done.adapter is not None
        yield done.adapter
        following = done.result.get("next_job_id")
        done = follow(context, following) if following else None


def _evaluate(
    context: CommandContext, seed: int, args: argparse.Namespace, **plan: Any
) -> Sequence[Row]:
    """Returns the table of an evaluation job."""
    recipe = plan | {"n": args.n, "seeds": [seed]}
    table: Sequence[Row] = _run_job(context, JobKind.EVALUATE, recipe).result["table"]
    return table


def _by_round(measured: Sequence[Row], names: Mapping[str | None, str]) -> Table:
    """Returns a line for each version, task and setting: percent right in rounds 1, 2, 3."""
    found: dict[str, dict[int, float]] = {}
    for row in measured:
        line = f"{row['task']}: {names[row['version']]}"
        if row["setting"] != "refine":
            line += f", {row['setting']}"
        found.setdefault(line, {})[row["round"]] = 100 * row["rate"]
    n_rounds = max(row["round"] for row in measured)
    return {
        line: [by_round.get(at) for at in range(1, n_rounds + 1)]
        for line, by_round in found.items()
    }


def _run_job(context: CommandContext, kind: JobKind, recipe: dict[str, Any]) -> JobView:
    """Queues a job that begins at the base model and waits for it. Raises `JobEnded`."""
    began = time.monotonic()
    done = follow(context, jobs.start(context, kind, recipe, parent="base", by_operator=True))
    log.info("%s took %.0f s: %s", kind.value, time.monotonic() - began, _short(done.result))
    return done


def _short(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if not isinstance(value, list | dict)}


METHODS: dict[str, Callable[[CommandContext, int, argparse.Namespace], Table]] = {
    "ptr": ptr,
    "tpo": tpo,
}


def summary(tables: Sequence[Table]) -> dict[str, list[str]]:
    """Returns mean ± standard deviation over seeds of every value.

    >>> summary([{"base": [40.0]}, {"base": [50.0]}])
    {'base': ['45.0 ± 7.1']}
    """
    return {
        line: [
            _mean_and_deviation(values)
            for values in zip(*(table[line] for table in tables), strict=True)
        ]
        for line in tables[0]
    }


def _mean_and_deviation(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    return f"{fmean(known):.1f}" + (f" ± {stdev(known):.1f}" if len(known) > 1 else "")


def as_markdown(lines: Mapping[str, Sequence[str]]) -> str:
    """Returns a Markdown table; columns are rounds or iterations."""
    width = max(map(len, lines.values()))
    head = [
        "| | " + " | ".join(str(at + 1) for at in range(width)) + " |",
        "|---" * (width + 1) + "|",
    ]
    rows = [
        f"| {line} | " + " | ".join([*cells, *[""] * (width - len(cells))]) + " |"
        for line, cells in lines.items()
    ]
    return "\n".join([*head, *rows])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.papers", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=sorted(METHODS))
    parser.add_argument("--n", type=int, default=400, help="held-out problems of a task")
    parser.add_argument("--queries", type=int, default=256, help="trajectories PTR learns from")
    parser.add_argument("--prompts", type=int, default=200, help="fresh prompts of an iteration")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--model", default="bundled")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    began = time.monotonic()
    found: dict[str, list[Table]] = {method: [] for method in args.methods}
    for seed in range(args.seeds):
        for method in args.methods:
            with (
                tempfile.TemporaryDirectory(prefix="thrice-papers-") as folder,
                open_context({"data_dir": Path(folder), "model": args.model}) as context,
            ):
                found[method].append(METHODS[method](context, seed, args))
    summaries = {method: summary(tables) for method, tables in found.items()}
    for method, lines in summaries.items():
        log.info("%s\n%s", method, as_markdown(lines))
    seconds = round(time.monotonic() - began)
    print(json.dumps({"seconds": seconds, "args": vars(args), "tables": found, **summaries}))


if __name__ == "__main__":
    main()
