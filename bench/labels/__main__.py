"""Measures labelling over HTTP, beside Label Studio: votes a second, latency, and lost votes.

    python -m bench.labels [--seconds 40] [--annotators 1 8 32] [--kills 3] [--million]

Every annotator is a thread of another process that decides at once: a pair is asked for, the vote
sent, the next asked for. The peer is measured after us with as many annotators, the same client and
pairs of the same length. All of it shares one machine, so the client's CPU time is reported as
well, and the load average of each measurement.
"""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

from bench.labels.app import create_campaign, invite, start_app
from bench.labels.client import Workload
from bench.labels.filling import fill
from bench.labels.importing import label_during_import
from bench.labels.kills import kill_under_load
from bench.labels.label_studio import LabelStudio
from bench.labels.last_slots import race_for_last_slots
from bench.labels.measuring import measure
from bench.labels.million import label_a_million
from bench.labels.processes import Program
from bench.labels.recount import recount

OVERLAP = 2
TASKS_PER_S = 60
"""Tasks a peer is given for each second of a measurement: more than it can serve."""


def main() -> None:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    report: dict[str, Any] = {"n_cores": os.cpu_count(), "seconds": asked.seconds}
    with TemporaryDirectory(prefix="bench-labels-") as name:
        folder = Path(name)
        if asked.annotators:
            with ExitStack() as stack:
                report |= _sides(asked, folder, stack)
        if asked.kills:
            _log_progress("kill -9 under load")
            report["kills"] = kill_under_load(folder / "killed", asked.kills, asked.kill_after_s)
        if asked.million:
            _log_progress("a million pairs in the database")
            report["million"] = label_a_million(folder / "million", asked.million_of)
    line = json.dumps(report)
    if asked.out:
        asked.out.write_text(line + "\n", encoding="utf-8")
    print(line)


def _sides(asked: argparse.Namespace, folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Measures our app, and the peer where it is installed, alternately."""
    ours = folder / "thrice"
    fill(ours, asked.pairs)
    app = start_app(ours)
    stack.callback(app.close)
    report: dict[str, Any] = {"thrice": {}, "thrice_start_s": app.start_s}
    peer = None
    if asked.label_studio:
        _log_progress("starting Label Studio")
        peer = LabelStudio(asked.label_studio, folder / "label-studio")
        stack.callback(peer.program.close)
        report |= {"label_studio": {}, "label_studio_start_s": peer.program.start_s, "ratio": {}}
    for n in asked.annotators:
        ours_now = report["thrice"][n] = _measure_ours(app, ours, n, asked)
        _log_progress(f"thrice, {n}: {ours_now}")
        if peer:
            theirs = report["label_studio"][n] = _measure_peer(peer, n, asked.seconds)
            report["ratio"][n] = ours_now["votes_per_s"] / theirs["votes_per_s"]
            _log_progress(f"Label Studio, {n}: {theirs}; ratio {report['ratio'][n]:.1f}")
    if asked.import_rows:
        _log_progress(f"an import of {asked.import_rows} rows while {asked.annotators[0]} label")
        report["import"] = label_during_import(
            app,
            ours,
            n_annotators=asked.annotators[0],
            n_rows=asked.import_rows,
            n_pairs=asked.pairs,
            seconds=asked.seconds,
            pause_s=0,
        )
        _log_progress(f"during the import: {report['import']}")
    report["end"] = race_for_last_slots(app, ours, max(asked.annotators), asked.slots)
    _log_progress(f"the end of a campaign: {report['end']}")
    return report


def _measure_ours(app: Program, folder: Path, n: int, asked: argparse.Namespace) -> dict[str, Any]:
    campaign = create_campaign(app, f"{n} annotators", OVERLAP, asked.pairs)
    headers = invite(app, n, f"of-{n}")
    metrics, log = measure(app, Workload("thrice", app.port, campaign, headers, asked.seconds))
    return metrics | recount(folder, campaign, log.acknowledged)._asdict()


def _measure_peer(peer: LabelStudio, n: int, seconds: float) -> dict[str, Any]:
    n_tasks = max(1000, int(TASKS_PER_S * seconds))
    project = peer.create_project(f"{n} annotators", n_tasks, OVERLAP)
    headers = peer.sign_up(n, f"of-{n}")
    port = peer.program.port
    metrics, log = measure(peer.program, Workload("label_studio", port, project, headers, seconds))
    return metrics | peer.recount(project, log.acknowledged)._asdict()


def _log_progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=40, help="of each turn")
    parser.add_argument(
        "--annotators",
        type=int,
        nargs="*",
        default=[1, 8, 32],
        help="none skips the turns",
    )
    parser.add_argument("--pairs", type=int, default=20_000, help="in each campaign of ours")
    parser.add_argument("--slots", type=int, default=2000, help="of the campaign that is ended")
    parser.add_argument(
        "--import-rows",
        type=int,
        default=0,
        help="rows that are imported while the first number of annotators label once more",
    )
    parser.add_argument(
        "--label-studio",
        metavar="COMMAND",
        default=which("label-studio"),
        help="the peer's command, where it is not on the path; without one only we are measured",
    )
    parser.add_argument("--kills", type=int, default=3, help="times the app is killed")
    parser.add_argument(
        "--kill-after-s", type=float, default=5, help="seconds of labelling before it"
    )
    parser.add_argument("--million", action="store_true", help="a campaign of 1,000,000 pairs")
    parser.add_argument("--million-of", type=int, default=1_000_000, help="its pairs")
    parser.add_argument("--out", type=Path, help="a file for the JSON object, too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
