"""Caches encoded examples beside their snapshot, so that a resumed job does not tokenise again."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from training.data.tokens import Encoded
from training.jobs import atomic_write

TOKENISING = "tokenising"
"""The phase of a job in which examples are encoded."""


@dataclass(frozen=True, slots=True)
class Stored:
    key: str
    """What the ids depend on: the snapshot, the tokenizer, and the options of the encoding."""
    dropped: dict[str, int]
    examples: list[Encoded]


_FILE = TypeAdapter(Stored)


def encoded_once(
    folder: Path, key: str, dropped: Counter[str], encode: Callable[[Counter[str]], list[Encoded]]
) -> list[Encoded]:
    """Returns what `encode` returned, made now or read from the job's folder, with its counts."""
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
