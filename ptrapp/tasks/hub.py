"""Loads questions with `datasets.load_dataset`: from a hub name, a local folder or file."""

from pathlib import Path
from typing import Any, NamedTuple

from httpx2 import HTTPError  # of the client that huggingface_hub speaks with
from yaml import YAMLError

from ptrapp.core.errors import InputError
from ptrapp.core.hub import from_hub
from ptrapp.core.names import is_path
from ptrapp.tasks.datasets import GSM8K, Columns, Question, questions

PREFIX = "hf:"
_BUILDERS = {
    ".json": "json",
    ".jsonl": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
}
"""The builder with which `datasets` reads a single file."""
_UNREADABLE = (
    *(HTTPError, YAMLError, OSError, ValueError, RuntimeError, ImportError),
    *(TypeError, LookupError, StopIteration),
)
"""What `load_dataset` raises for data it cannot read, beside a `DatasetsError`. Metadata of the
wrong shape is a `TypeError`, a name without parts a `LookupError`, an empty JSON file a
`StopIteration` (datasets 5.2)."""


class HubName(NamedTuple):
    """One split of one data set."""

    name: str
    config: str | None
    split: str

    @classmethod
    def parse(cls, given: str) -> "HubName":
        """Parses `hf:NAME[:CONFIG][:SPLIT]`; the default split is `train`.

        Two parts are name and split. A data set with several configurations needs three.

        >>> HubName.parse("hf:openai/gsm8k:main:test")
        HubName(name='openai/gsm8k', config='main', split='test')
        >>> HubName.parse("hf:folder:test")
        HubName(name='folder', config=None, split='test')
        """
        parts = given.removeprefix(PREFIX).split(":")
        if not parts[0] or len(parts) > 3:
            raise InputError(
                f"{given!r} names no data set; write hf:NAME, or hf:NAME:CONFIG:SPLIT."
            )
        name, *rest = parts
        split = rest.pop() if rest and rest[-1] else "train"
        config = rest[0] if rest and rest[0] else None
        return cls(name, config, split)


def read_hub(given: str, columns: Columns = GSM8K) -> list[Question]:
    """Loads `hf:NAME[:CONFIG][:SPLIT]` as questions. No code of the data set is run.

    Raises `InputError` for what cannot be loaded, and for rows without a question.
    """
    wanted = HubName.parse(given)
    return list(questions(load_rows(given), columns, source=f"{wanted.name}:{wanted.split}"))


def load_rows(given: str) -> Any:
    """Loads the rows of `hf:NAME[:CONFIG][:SPLIT]`, which can be iterated several times.

    Raises `InputError` for what cannot be loaded.
    """
    # the app starts without it: importing it takes as long as half of our own code
    from datasets.exceptions import DatasetsError

    try:
        return _load(HubName.parse(given))
    except InputError:
        raise
    except (DatasetsError, *_UNREADABLE) as error:
        raise InputError(
            f"The data set {given!r} cannot be loaded ({type(error).__name__}: "
            f"{_first_line(error)}). Check name, configuration and split, or give a local file."
        ) from error


def _load(wanted: HubName) -> Any:
    import datasets

    if not is_path(wanted.name):
        name = from_hub(wanted.name, "dataset")
        return datasets.load_dataset(name, wanted.config, split=wanted.split)
    file = Path(wanted.name).expanduser()
    if file.is_file():
        builder = _BUILDERS.get(file.suffix, "json")
        return datasets.load_dataset(builder, data_files=str(file), split=wanted.split)
    return datasets.load_dataset(str(file), wanted.config, split=wanted.split)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
