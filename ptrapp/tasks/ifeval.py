"""Reads IFEval's own file (arXiv 2311.07911) and checks responses with the package if-verifiable.

A row is `{"key", "prompt", "instruction_id_list", "kwargs"}`. The package is the extra `ifeval`.
Instructions whose check needs a download (nltk's sentence models) cannot be judged offline.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ptrapp.core.errors import ConfigurationError, InputError
from ptrapp.tasks.kept import Kept

PREFIX = "ifeval:"
"""Begins a reference answer that is the instructions of a row."""
_PROBE = "Some text of two sentences. It is checked once, to see whether it can be."
_UNCHECKABLE = (LookupError, ValueError, TypeError, AttributeError)
"""What the package raises for arguments it does not know; nltk's missing data is a LookupError."""


class IfevalPrompt(NamedTuple):
    """A row that can be judged, with the reference that its answers are checked against."""

    prompt: str
    reference: str
    instructions: tuple[str, ...]


class IfevalFile(NamedTuple):
    """The rows that can be judged, and the number of the others by reason."""

    prompts: list[IfevalPrompt]
    left_out: Counter[str]


def judged(rows: Iterable[Any], name: str) -> IfevalFile:
    """Parses the rows of a file; one with an instruction that cannot be judged is left out whole.

    Raises `InputError` for another format, `ConfigurationError` without the package.
    """
    _registry()
    found: list[IfevalPrompt] = []
    left_out: Counter[str] = Counter()
    for number, given in enumerate(rows, start=1):
        row = _row(given, f"Row {number} of {name}")
        reference = PREFIX + json.dumps(row, ensure_ascii=False)
        if reason := _why_not_judged(reference, row["instruction_id_list"]):
            left_out[reason] += 1
        else:
            ids = tuple(row["instruction_id_list"])
            found.append(IfevalPrompt(row["prompt"], reference, ids))
    return IfevalFile(found, left_out)


def kept_by(response: str, reference: str) -> Kept:
    """Checks a response, strictly and loosely.

    Loosely an instruction counts as kept too when it is by the response without its first line,
    its last, or its asterisks.
    """
    row = _parsed(reference)
    ids = row["instruction_id_list"]
    results = _results(response, row)
    broken = tuple(f"not kept: {one.instruction_id}" for one in results if not one.strict_pass)
    return Kept(
        sum(one.strict_pass for one in results),
        len(ids),
        broken if results else ("says nothing",),
        n_kept_loose=sum(one.loose_pass for one in results),
    )


def in_words(reference: str) -> str:
    """Returns the ids of the instructions. Raises `InputError` for an unreadable reference."""
    return ", ".join(_parsed(reference)["instruction_id_list"])


@lru_cache(maxsize=1)
def _registry() -> Mapping[str, Any]:
    """Returns IFEval's checkers by id. The package is imported here alone, since it is an extra."""
    try:
        import langdetect
        from if_verifiable.ifeval.instructions_registry import INSTRUCTION_DICT
    except ImportError as error:
        raise ConfigurationError(
            f"IFEval needs the package if-verifiable ({error}): pip install 'thrice[ifeval]'"
        ) from error
    langdetect.DetectorFactory.seed = 0  # its guess of a language is drawn at random otherwise
    registry: Mapping[str, Any] = INSTRUCTION_DICT
    return registry


def _results(response: str, row: Mapping[str, Any]) -> list[Any]:
    registry = dict(_registry())
    from if_verifiable.common import evaluate_instructions  # there, since the registry is

    results, _ = evaluate_instructions(
        response, row["instruction_id_list"], row["kwargs"], row["prompt"], registry
    )
    return list(results)


def _why_not_judged(reference: str, ids: list[str]) -> str | None:
    if unknown := [one for one in ids if one not in _registry()]:
        return f"the instruction {unknown[0]} is unknown"
    try:
        kept_by(_PROBE, reference)
    except _UNCHECKABLE as error:
        why = "needs a download" if isinstance(error, LookupError) else "has arguments not known"
        return f"{_first_failing(_parsed(reference))} {why}"
    return None


def _first_failing(row: Mapping[str, Any]) -> str:
    for one, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
        try:
            _results(_PROBE, {**row, "instruction_id_list": [one], "kwargs": [kwargs]})
        except _UNCHECKABLE:
            return str(one)
    return "an instruction"


def _row(row: Any, where: str) -> dict[str, Any]:
    try:
        prompt, ids, kwargs = row["prompt"], row["instruction_id_list"], row["kwargs"]
        sound = isinstance(prompt, str) and prompt.strip() and ids and len(ids) == len(kwargs)
        if not (sound and all(isinstance(one, str) for one in ids)):
            raise ValueError("prompt is empty, or the lists differ in length")
        if not all(isinstance(one, dict) for one in kwargs):
            raise ValueError("kwargs is no list of objects")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{where} is no row of IFEval ({type(error).__name__}: {error}). It has prompt, "
            "instruction_id_list and kwargs, the latter two of one length."
        ) from error
    return {"prompt": prompt, "instruction_id_list": ids, "kwargs": kwargs}


@lru_cache(maxsize=1024)
def _parsed(reference: str) -> dict[str, Any]:
    try:
        row = json.loads(reference.removeprefix(PREFIX))
    except ValueError as error:
        raise InputError(f"The reference is no JSON: {error}") from error
    return _row(row, "The reference")
