"""Measures how long files of other programs take to be read and stored, and prints one JSON object.

    python -m bench.importing [--rows 10000] [-n 3] [--files comparisons wide]

Each file is written anew from a seed. `preview_cpu_s` reads it as the Data page does before it is
imported, `store_cpu_s` reads and stores it in an empty SQLite database: medians of the CPU's time.
"""

import argparse
import csv
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple

from db.storage.session import Database, open_database
from ptrapp.core.settings import Settings
from ptrapp.services.context import kept_labels
from ptrapp.services.files.import_preview import preview_named
from ptrapp.services.files.importing import import_named
from ptrapp.services.kept_rows import KeptRows

_WORDS = ("the", "model", "says", "again", "what", "a", "person", "asked", "before", "it", "was")
_N_SHORT = 40
"""Columns of a wide table beside its texts."""


class ImportContext(NamedTuple):
    """A context of use cases that need rows alone."""

    settings: Settings
    database: Database
    labels: KeptRows
    base_model: str = ""


def main() -> None:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    report: dict[str, Any] = {"rows": asked.rows, "n": asked.n, "load_before": os.getloadavg()[0]}
    with TemporaryDirectory(prefix="bench-importing-") as folder:
        for name in asked.files:
            file = _written(Path(folder), name, asked.rows)
            report[name] = _measured(Path(folder), file, asked.n)
    print(json.dumps(report))


def _measured(folder: Path, file: Path, n: int) -> dict[str, float]:
    previews, stored = [], []
    for number in range(n):
        began = process_time()
        seen = preview_named(str(file))
        previews.append(process_time() - began)
        if seen.n_bad or not seen.n_records:
            raise SystemExit(f"{file.name} was not read: {seen.mistakes}")
        data = folder / f"{file.stem}-{number}"
        data.mkdir()
        database = open_database(f"sqlite:///{data / 'thrice.db'}")
        try:
            began = process_time()
            import_named(ImportContext(Settings(data_dir=data), database, kept_labels()), str(file))
            stored.append(process_time() - began)
        finally:
            database.dispose()
    return {
        "mib": round(file.stat().st_size / 2**20, 2),
        "preview_cpu_s": round(median(previews), 2),
        "store_cpu_s": round(median(stored), 2),
    }


def _written(folder: Path, name: str, n: int) -> Path:
    made = FILES[name](random.Random(7))
    rows = [next(made) for _ in range(n)]
    if name == "wide":
        file = folder / f"{name}.csv"
        with file.open("w", encoding="utf-8", newline="") as opened:
            table = csv.DictWriter(opened, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        return file
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def _text(drawn: random.Random, n: int) -> str:
    return " ".join(drawn.choices(_WORDS, k=n)) + f" {drawn.getrandbits(48):x}"


def _comparisons(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Two responses, a winner in words, and one of nine people."""
    while True:
        yield {
            "prompt": _text(drawn, 12),
            "response_a": _text(drawn, 60),
            "response_b": _text(drawn, 60),
            "winner": drawn.choice(("model_a", "model_b", "tie")),
            "annotator": f"person {drawn.randrange(9)}",
        }


def _conversations(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Chosen and rejected whole conversations of four turns."""
    while True:
        roles = ("user", "assistant", "user")
        turns = [{"role": role, "content": _text(drawn, 20)} for role in roles]
        yield {
            side: [*turns, {"role": "assistant", "content": _text(drawn, 60)}]
            for side in ("chosen", "rejected")
        }


def _thoughts(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Chosen and rejected responses behind a thought."""
    while True:
        sides = {
            side: f"<think>\n{_text(drawn, 120)}\n</think>\n\n{_text(drawn, 40)}"
            for side in ("chosen", "rejected")
        }
        yield {"prompt": _text(drawn, 12)} | sides


def _wide(drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Comparisons in a table of many short columns that say nothing of which is better."""
    for row in _comparisons(drawn):
        short = {f"field {at}": drawn.choice(("red", "green", "blue")) for at in range(_N_SHORT)}
        yield row | short


FILES: Mapping[str, Callable[[random.Random], Iterator[dict[str, Any]]]] = {
    "comparisons": _comparisons,
    "conversations": _conversations,
    "thoughts": _thoughts,
    "wide": _wide,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000, help="of each file")
    parser.add_argument("-n", type=int, default=3, help="times each file is measured")
    parser.add_argument("--files", nargs="+", choices=tuple(FILES), default=tuple(FILES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
