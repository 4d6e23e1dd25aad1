"""Kills every program of ours at random moments, and counts what is left after each.

    python -m bench.faults --points 500 [--seed 0] [--server URL] [--only app worker]

People vote all the time, and a worker trains. A point kills one of: the app, the worker, the job's
process, the app in an import, `thrice backup`. What was killed is started again, and the ledger is
checked: every acknowledged vote is stored once, counters agree with rows, `thrice check` is clean,
the job goes on or says why not, an import is whole or absent. The status is 1 where it is not so.
"""

import argparse
import json
import signal
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bench.faults.databases import own_database
from bench.faults.ledger import problems
from bench.faults.points import POINTS
from bench.faults.world import World
from ptrapp.services.backups.making import rotate

PAIRS_PER_POINT = 60
"""More than a person decides from one kill to the next."""
BACKUPS_KEPT = 2


def main() -> int:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended, too
    with TemporaryDirectory(prefix="bench-faults-") as name, own_database(asked.server) as url:
        report = attack(Path(name), url, asked)
    line = json.dumps(report)
    if asked.out:
        asked.out.write_text(line + "\n", encoding="utf-8")
    print(line)
    return 1 if report["problems"] else 0


def attack(folder: Path, url: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Runs the points, one at a time, and returns the counts."""
    random, began = Random(asked.seed), time.monotonic()
    n_points, became, found = Counter[str](), Counter[str](), list[str]()
    reasons = Counter[str]()
    with closing(World(folder, url, 300 + PAIRS_PER_POINT * asked.points)) as world:
        for number in range(asked.points):
            if asked.seconds and time.monotonic() - began > asked.seconds:
                break
            kind = asked.only[number % len(asked.only)] if asked.each else random.choice(asked.only)
            result = POINTS[kind](world, random)
            n_points[kind] += 1
            here = [*filter(None, [result.pop("problem", "")]), *problems(world)]
            reasons.update(filter(None, [result.pop("error", "")]))
            became.update(f"{what} {result[what]}" for what in result)
            found += [f"point {number} ({kind}): {problem}" for problem in here]
            _log_progress(
                f"{number}: {kind}, {result or 'restarted'}; {here or 'clean'}. So far "
                f"{dict(n_points)}, {len(world.annotators.acknowledged)} votes acknowledged, "
                f"{len(found)} problems, {time.monotonic() - began:.0f} s"
            )
            rotate(world.settings.backups_dir, BACKUPS_KEPT)
        world.annotators.close()
        found += [f"at the end: {problem}" for problem in problems(world)]
        n_acknowledged = len(set(world.annotators.acknowledged))
        n_unanswered, n_again = world.annotators.n_unanswered, world.annotators.n_sent_again
    return {
        "database": "postgresql" if url else "sqlite",
        "seed": asked.seed,
        "n_points": n_points.total(),
        "points": dict(n_points),
        "n_acknowledged": n_acknowledged,
        "n_tries_unanswered": n_unanswered,
        "n_votes_sent_again": n_again,
        "became": dict(became),
        "reasons": dict(reasons),
        "problems": found,
        "seconds": time.monotonic() - began,
    }


def _log_progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--points", type=int, default=500, help="kills")
    parser.add_argument("--seed", type=int, default=0, help="of what is killed, and when")
    parser.add_argument("--seconds", type=float, default=0, help="end after them; 0 does not")
    parser.add_argument(
        "--server",
        default="",
        help="URL of a PostgreSQL database beside which one is made; without it SQLite",
    )
    parser.add_argument(
        "--only", nargs="+", choices=[*POINTS], default=[*POINTS], help="what is killed"
    )
    parser.add_argument("--each", action="store_true", help="each in turn, not drawn")
    parser.add_argument("--out", type=Path, help="a file for the JSON object, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
