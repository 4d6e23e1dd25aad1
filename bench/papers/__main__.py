"""Both papers' experiments in small: `python -m bench.papers`; its last line is JSON.

All values come from the product's own jobs, in a data folder of its own for each seed and arm. With
`--folder` an interrupted run goes on where it was. Printed are the percent right of held-out
problems, mean and standard deviation over seeds, then the gains with the interval of resampled
problems, and what was said before and after.

    python -m bench.papers --seeds 3 --n 200 --prompts 150                    # sums, bundled model
    python -m bench.papers --model smollm2 --tasks instructions --prompts 300 \
        --iterations 2 --n 100 --seeds 2 --folder F                           # text, a real model
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.papers.arms import ARMS, comparisons
from bench.papers.measured import Lines, as_json, as_markdown, from_json, gain, merged, row
from bench.papers.said import said
from bench.papers.steps import Steps
from bench.papers.subjects import SUBJECTS, subject_of
from ptrapp.cli.context import open_context
from training.jobs import atomic_write

log = logging.getLogger("bench.papers")

RESULT = "lines.json"


def main(arguments: list[str] | None = None) -> None:
    """Runs every seed and arm, and prints what they found together."""
    args = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.one:
        seed, arm = args.one
        _run_arm(args, int(seed), arm)
        return
    began = time.monotonic()
    if args.folder:
        print(json.dumps(_run(args, Path(args.folder)) | {"seconds": _seconds(began)}))
        return
    with tempfile.TemporaryDirectory(prefix="thrice-papers-") as folder:
        print(json.dumps(_run(args, Path(folder)) | {"seconds": _seconds(began)}))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.papers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", choices=sorted(SUBJECTS), default="sums")
    parser.add_argument("--model", default="bundled")
    parser.add_argument(
        "--arms", nargs="+", choices=sorted(ARMS), default=["direct", "ptr", "thought"]
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=400, help="held-out problems of a task")
    parser.add_argument("--queries", type=int, default=256, help="trajectories PTR learns from")
    parser.add_argument("--prompts", type=int, default=200, help="fresh prompts of an iteration")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--ifeval", default="", help="a file in IFEval's format, measured as well")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--folder", default="", help="keeps the data folders, to go on from")
    parser.add_argument("--at-once", type=int, default=1, help="seeds and arms run side by side")
    parser.add_argument("--one", nargs=2, metavar=("SEED", "ARM"), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _run(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Runs what is missing, and returns the tables, gains and texts of all seeds."""
    wanted = [(seed, arm) for seed in range(args.seeds) for arm in args.arms]
    missing = [one for one in wanted if not (_folder(folder, *one) / RESULT).exists()]
    if args.at_once > 1:
        with ThreadPoolExecutor(args.at_once) as pool:
            list(pool.map(lambda one: _in_process(args, folder, *one), missing))
    else:
        args.folder = str(folder)
        for seed, arm in missing:
            _run_arm(args, seed, arm)
    report: dict[str, Any] = {"args": vars(args)}
    for arm in args.arms:
        lines = merged(_read(_folder(folder, seed, arm)) for seed in range(args.seeds))
        log.info("%s\n%s", arm, as_markdown(lines))
        gains = [gain(lines, one) for one in comparisons(arm, lines)]
        for one in gains:
            log.info("%s", one)
        report[arm] = {
            "table": {
                line: {column: row(points) for column, points in columns.items()}
                for line, columns in lines.items()
            },
            "gains": gains,
            "said": said(arm, lines),
        }
    return report


def _in_process(args: argparse.Namespace, folder: Path, seed: int, arm: str) -> None:
    """Runs one arm in a process of its own, whose output goes to a file in its folder."""
    place = _folder(folder, seed, arm)
    place.mkdir(parents=True, exist_ok=True)
    own = ["--one", str(seed), arm, "--folder", str(folder)]
    same = ("tasks", "model", "n", "queries", "prompts", "iterations", "ifeval", "device")
    shared = [text for name in same for text in (f"--{name}", str(getattr(args, name)))]
    with (place / "log.txt").open("ab") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "bench.papers", *own, *shared],
            stdout=output,
            stderr=output,
            check=False,
        )
    if ended.returncode:
        raise SystemExit(
            f"seed {seed}, {arm} ended with {ended.returncode}: see {place / 'log.txt'}"
        )


def _run_arm(args: argparse.Namespace, seed: int, arm: str) -> None:
    """Runs one arm to its end, and stores its answers."""
    place = _folder(Path(args.folder), seed, arm)
    chosen = {"data_dir": place, "model": args.model, "device": args.device}
    with open_context(chosen, new=True) as context:
        lines = ARMS[arm](Steps(context), subject_of(args), seed)
    atomic_write.write(place / RESULT, json.dumps(as_json(lines)).encode())


def _folder(folder: Path, seed: int, arm: str) -> Path:
    return folder / f"seed-{seed}-{arm}"


def _read(folder: Path) -> Lines:
    return from_json(json.loads((folder / RESULT).read_text(encoding="utf-8")))


def _seconds(began: float) -> int:
    return round(time.monotonic() - began)


if __name__ == "__main__":
    main()
