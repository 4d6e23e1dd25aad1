"""Finds the answers that earlier evaluations have to the same problems, asked in the same way.

A gate measures a new version beside the base model and the version that answers, which the gates
before it measured on the same problems. Answers drawn from the same seeds do not differ from one
time to the next, so they are taken from there.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from db.models import Adapter
from ptrapp.core.settings import Settings
from ptrapp.core.version import VERSION
from ptrapp.engines.base import Engine
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.plan import Plan
from training.jobs import atomic_write
from training.jobs.evaluation_store import CELLS

_FILE = "measured_with.json"
_WHICH = frozenset({"versions", "tasks", "seeds", "controls", "chunk", "limit_s"})
"""What of a plan says which cells there are; the rest says how each is measured."""


class Found(NamedTuple):
    """Cells of earlier jobs."""

    cells: list[CellResult]
    job_of: dict[str, int]
    """The newest job that measured a version, by the version's name."""


class MeasuredWith(NamedTuple):
    """What the answers of an evaluation depend on; equal ones have equal answers."""

    way: str
    """Hash of the release, the base model, the engine, and how problems are asked."""
    problems: dict[str, str]
    """Hash of the problems and their reference answers, by task and seed."""
    versions: dict[str, str]
    """Hash of the content of each version, by name; of the base model it is empty."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        engine: Engine,
        plan: Plan,
        versions: Mapping[str, Adapter | None],
    ) -> "MeasuredWith":
        names = sorted({one.name for one in fields(plan)} - _WHICH)
        way = [
            VERSION,
            engine.model_id,
            _files_of(engine.model_id),
            engine.thought_format.name,
            [settings.engine, settings.base_url, settings.device, settings.weights],
            {name: getattr(plan, name) for name in names},
        ]
        problems = {
            _named(task.name, seed): _hash(
                [(one.prompt, one.reference_answer) for one in task.draw(plan.n, seed)]
            )
            for task in plan.tasks
            for seed in plan.seeds
        }
        hashes = {name: row.sha256 if row else "" for name, row in versions.items()}
        return cls(_hash(way), problems, hashes)

    def remember(self, folder: Path) -> None:
        """Writes it beside the cells of a job."""
        atomic_write.write(folder / _FILE, json.dumps(self._asdict()).encode())

    def found_before(self, jobs_dir: Path, job_id: int) -> Found:
        """Returns what jobs before `job_id` measured in the same way, the newest first."""
        found = Found([], {})
        for earlier, folder in _earlier(jobs_dir, job_id):
            stored = _read(folder / _FILE)
            if stored is None or stored.way != self.way:
                continue
            for one in _cells(folder / CELLS):
                if self._asks_for(one, stored):
                    found.cells.append(one)
                    found.job_of.setdefault(one.cell.version, earlier)
        return found

    def _asks_for(self, one: CellResult, stored: "MeasuredWith") -> bool:
        """Returns whether a stored cell is of the same version's content and the same problems."""
        name, problems = one.cell.version, _named(one.cell.task, one.cell.seed)
        return (
            name in self.versions
            and problems in self.problems
            and stored.versions.get(name) == self.versions[name]
            and stored.problems.get(problems) == self.problems[problems]
        )


def _earlier(jobs_dir: Path, job_id: int) -> Iterator[tuple[int, Path]]:
    folders = {int(one.name): one for one in jobs_dir.glob("*") if one.name.isdecimal()}
    for number in sorted(folders, reverse=True):
        if number < job_id:
            yield number, folders[number]


def _read(path: Path) -> MeasuredWith | None:
    try:
        return MeasuredWith(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _cells(folder: Path) -> Iterator[CellResult]:
    for file in sorted(folder.glob("*.json")):
        try:
            yield CellResult.from_json(json.loads(file.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it is measured anew


def _named(task: str, seed: int) -> str:
    return f"{task}, seed {seed}"


def _files_of(model_id: str) -> list[tuple[str, int, int]]:
    """Returns the weights of a model in a folder, by which it is known when they are others."""
    files = sorted(Path(model_id).glob("*.safetensors"))
    return [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in files]


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
