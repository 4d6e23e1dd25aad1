"""Encoded examples beside the snapshot they come from: a resumed job does not tokenise again."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from training.jobs import atomic_write
from training.data.tokens import Encoded


@dataclass(frozen=True, slots=True)
class Stored:
    key: str
    """What the ids depend on: the snapshot, the tokenizer, and how it was asked to encode."""
    dropped: dict[str, int]
    examples: list[Encoded]


_FILE = TypeAdapter(Stored)


def encoded_once(
    folder: Path, key: str, dropped: Counter[str], encode: Callable[[Counter[str]], list[Encoded]]
) -> list[Encoded]:
    """What `encode` returns, and counts in `dropped`: made now, or read from the job's folder."""
    path = folder / "encoded.json"
    stored = _read(path)
    if stored is None or stored.key != key:
        counted: Counter[str] = Counter()
        examples = encode(counted)
        stored = Stored(key, dict(counted), examples)
        atomic_write.write(path, _FILE.dump_json(stored))
    dropped.update(stored.dropped)
    return stored.examples


def _read(path: Path) -> Stored | None:
    try:
        return _FILE.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
