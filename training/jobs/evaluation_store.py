"""Where an evaluation job puts down what is finished, to go on from it, and tells how far it is."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from db.models import Adapter
from db.registry import evaluations, jobs
from ptrapp.evaluation.answers import Measured
from ptrapp.evaluation.matches import Judged
from ptrapp.evaluation.plan import Plan
from ptrapp.evaluation.report import Progress
from training.jobs import atomic_write
from training.jobs.claim import Claim, StopRequested

_REPORT_S = 1.0
"""Between two reports of progress: each is a transaction."""


class EvaluationStore:
    """Puts down in the claim's folder and in `evaluations` what is finished."""

    def __init__(self, claim: Claim, plan: Plan, versions: Mapping[str, Adapter | None]) -> None:
        self._claim = claim
        self._plan = plan
        self._versions = versions
        self._began = time.monotonic()
        self._reported = float("-inf")
        self._n_before: int | None = None
        self._at = Progress("taking up what was kept", 0, 0)

    def cells(self) -> list[Measured]:
        return [Measured.from_json(kept) for kept in _read_all(self._folder("cells"))]

    def matches(self) -> list[Judged]:
        return [Judged.from_json(kept) for kept in _read_all(self._folder("matches"))]

    def keep(self, one: Measured) -> None:
        _write_next(self._folder("cells"), one.as_json())
        self.store(one)

    def keep_match(self, one: Judged) -> None:
        _write_next(self._folder("matches"), one.as_json())

    def store(self, one: Measured) -> None:
        """A row for each round that was written; stored again they are there once.

        Raises `Conflict` when the job is somebody else's by now.
        """
        cell, row = one.cell, self._versions[one.cell.version]
        setting = (
            f"{self._plan.decoding}, seed {cell.seed}, {cell.setting.value}, "
            f"job {self._claim.job_id}"
        )
        with self._claim.database.write() as session:
            jobs.progress(
                session,
                self._claim.job_id,
                self._claim.token,
                phase=self._at.doing[:64],
                step=self._at.n_done,
                n_steps=self._at.n_total,
            )
            for index in range(one.first_round, one.n_rounds):
                answers = one.at(index)
                evaluations.add_once(
                    session,
                    adapter_id=row.id if row else None,
                    task=cell.task[:64],
                    round_index=index,
                    setting=setting[:120],
                    n=len(answers),
                    n_correct=sum(answer.correct for answer in answers),
                )

    def report(self, at: Progress) -> None:
        """Tell the queue now and then. Raises `StopRequested` as soon as the job is to end."""
        if self._claim.stop.is_set():
            raise StopRequested
        self._at, now = at, time.monotonic()
        if self._n_before is None:
            self._n_before, self._began = at.n_done, now
        if now - self._reported < _REPORT_S:
            return
        n_written = at.n_done - self._n_before
        left_s = (at.n_total - at.n_done) * (now - self._began) / n_written if n_written else None
        if self._claim.report(at.doing[:64], at.n_done, at.n_total, left_s):
            self._reported = now

    def _folder(self, name: str) -> Path:
        return self._claim.folder / name


def _read_all(folder: Path) -> Sequence[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


def _write_next(folder: Path, content: Mapping[str, Any]) -> None:
    number = len(list(folder.glob("*.json")))
    atomic_write.write(folder / f"{number:05d}.json", json.dumps(content).encode())
