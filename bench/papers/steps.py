"""Runs the jobs of an experiment by name, and finds those again that an earlier run has done."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from db.models import JobKind
from ptrapp.cli.context import CommandContext
from ptrapp.cli.following import follow
from ptrapp.evaluation.answers import CellResult
from ptrapp.services import jobs
from ptrapp.services.jobs import JobView
from training.jobs import atomic_write
from training.jobs.claim import folder_of

log = logging.getLogger("bench.papers")


class Steps:
    """The named jobs of one experiment in one data folder.

    A name that has a job already is followed, not queued again: a run that was interrupted goes on
    where it was, and a finished one only reads its results.
    """

    def __init__(self, context: CommandContext):
        self._context = context
        self._file = context.settings.data_dir / "steps.json"
        self._job_ids: dict[str, int] = (
            json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        )

    def run(
        self, name: str, kind: JobKind, recipe: Mapping[str, Any], parent: str = "base"
    ) -> JobView:
        """Queues the job unless it was queued before, and waits for it. Raises `JobEnded`."""
        if name not in self._job_ids:
            job_id = jobs.start(self._context, kind, dict(recipe), parent=parent, by_operator=True)
            self._remember(name, job_id)
        return self._follow(name)

    def adopt(self, name: str, job_id: int) -> JobView:
        """Waits for a job that another job queued. Raises `JobEnded`."""
        self._remember(name, job_id)
        return self._follow(name)

    def cells(self, job: JobView) -> list[CellResult]:
        """Returns every answer that an evaluation job stored."""
        folder = folder_of(self._context.settings, job.id) / "cells"
        files: list[Path] = sorted(folder.glob("*.json"))
        return [
            CellResult.from_json(json.loads(file.read_text(encoding="utf-8"))) for file in files
        ]

    def _follow(self, name: str) -> JobView:
        began = time.monotonic()
        job_id = self._job_ids[name]
        if jobs.view(self._context, job_id).status in ("failed", "cancelled"):
            jobs.resume(self._context, job_id)
        done = follow(self._context, job_id)
        log.info("%s took %.0f s: %s", name, time.monotonic() - began, _short(done.result))
        return done

    def _remember(self, name: str, job_id: int) -> None:
        self._job_ids[name] = job_id
        atomic_write.write(self._file, json.dumps(self._job_ids).encode())


def _short(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if not isinstance(value, list | dict)}
