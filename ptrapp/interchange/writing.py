"""Writes rows to JSONL, Parquet, or CSV for flat rows; the hash is always that of the JSONL."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ptrapp.core.errors import InputError
from ptrapp.interchange import votes
from ptrapp.interchange.table_rows import escaped

JSONL, PARQUET, CSV = "jsonl", "parquet", "csv"
KINDS = (JSONL, PARQUET, CSV)
_AT_ONCE = 1000
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TURN = [("role", pa.string()), ("content", pa.string())]
_TURNS = pa.list_(pa.struct(_TURN))
SCHEMAS = {
    "preferences": pa.schema(
        {
            "prompt": _TURNS,
            "chosen": _TURNS,
            "rejected": _TURNS,
            "strength": pa.float64(),
            "n_votes": pa.int64(),
            "agreement": pa.float64(),
            "thrice": pa.string(),
        }
    ),
    "unpaired": pa.schema({"prompt": _TURNS, "completion": _TURNS, "label": pa.bool_()}),
    "refinements": pa.schema(
        {
            "messages": pa.list_(pa.struct([*_TURN, ("loss", pa.int8())])),
            "correct": pa.bool_(),
            "author": pa.string(),
            "version": pa.string(),
        }
    ),
    "prompts": pa.schema(
        {
            "prompt": _TURNS,
            "reference_answer": pa.string(),
            "task": pa.string(),
            "source": pa.string(),
            "held_out": pa.bool_(),
            "tags": pa.list_(pa.string()),
        }
    ),
    "scores": pa.schema(
        {
            "prompt": _TURNS,
            "completion": _TURNS,
            "score": pa.float64(),
            "judge": pa.string(),
            "correct": pa.bool_(),
            "author": pa.string(),
            "version": pa.string(),
            "held_out": pa.bool_(),
        }
    ),
}
"""Parquet columns of nested rows; raw votes become cells of text instead."""


def kind_of(path: Path) -> str:
    """Returns the kind of file of a name's ending. Raises `InputError` for an unknown one."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise InputError(
            f"{path.name or path} ends in none of .{', .'.join(KINDS)}; call it export.jsonl."
        )
    return kind


class Hashed:
    """An iterator over rows that hashes and counts them as JSONL."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows
        self._hash = hashlib.sha256()
        self.n = 0

    def __iter__(self) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        for row in self._rows:
            line = _as_json(row).encode() + b"\n"
            self._hash.update(line)
            self.n += 1
            yield row, line

    @property
    def sha256(self) -> str:
        """Hash of the rows so far."""
        return self._hash.hexdigest()


class Sink(Protocol):
    """What rows are written to: a file, or a pipe, which cannot be gone back in."""

    def write(self, data: bytes, /) -> Any: ...

    def flush(self) -> None: ...


def check_kind(what: str, kind: str) -> None:
    """Raises `InputError` where this kind of file cannot hold such rows."""
    if kind == CSV and what != "votes":
        raise InputError(f"A CSV file holds no messages: write {what} as .jsonl or .parquet.")


def write(rows: Hashed, to: Sink, what: str, kind: str) -> None:
    """Writes all rows as this kind of file, each as soon as it is there.

    Raises `InputError` where the kind cannot hold them.
    """
    write_kind: dict[str, Callable[[Hashed, Sink, str], None]] = {
        JSONL: _jsonl,
        PARQUET: _parquet,
        CSV: _csv,
    }
    check_kind(what, kind)
    write_kind[kind](rows, to, what)


def _jsonl(rows: Hashed, to: Sink, what: str) -> None:
    for _, line in rows:
        to.write(line)


def _csv(rows: Hashed, to: Sink, what: str) -> None:
    text = io.StringIO(newline="")
    writer = None
    for row, _ in rows:
        cells = {name: escaped(cell) for name, cell in votes.cells(row).items()}
        if writer is None:
            writer = csv.DictWriter(text, list(cells))
            writer.writeheader()
        writer.writerow(cells)
        to.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()


def _parquet(rows: Hashed, to: Sink, what: str) -> None:
    schema = SCHEMAS.get(what) or pa.schema([(name, pa.string()) for name in votes.COLUMNS])
    with pq.ParquetWriter(pa.PythonFile(_Counted(to), mode="w"), schema) as writer:
        waiting: list[Mapping[str, Any]] = []
        for row, _ in rows:
            waiting.append(votes.cells(row) if what == "votes" else row)
            if len(waiting) == _AT_ONCE:
                writer.write_table(pa.Table.from_pylist(waiting, schema))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_pylist(waiting, schema))
        writer.add_key_value_metadata({"thrice.sha256": rows.sha256})


class _Counted:
    """A sink that knows how much was written: Parquet asks, and a pipe does not tell."""

    closed = False

    def __init__(self, to: Sink) -> None:
        self._to = to
        self._n = 0

    def write(self, data: bytes) -> int:
        self._to.write(data)
        self._n += len(data)
        return len(data)

    def tell(self) -> int:
        return self._n

    def flush(self) -> None:
        self._to.flush()

    def close(self) -> None:
        """Leaves the sink open: whoever opened it closes it."""
