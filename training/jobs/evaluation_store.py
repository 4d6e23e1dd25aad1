"""Stores the finished parts of an evaluation job, so that a resumed job continues from them."""

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from db.models import Adapter, JudgedWinRate
from db.registry import evaluations, jobs
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.matches import MatchResult, WinRow
from ptrapp.evaluation.plan import Plan
from ptrapp.evaluation.report import Progress
from training.jobs import atomic_write
from training.jobs.claim import Claim, StopRequested

CELLS = "cells"
"""Folder of measured cells in that of the job."""
_REPORT_S = 1.0
"""Seconds between two reports of progress, each of which is a transaction."""
_PACE_S = 120.0
"""Seconds of work by which the time left is told: what was slow before them is over."""
_SETTING_CHARS = 120
"""Characters of the text by which a row of a cell is known."""


class EvaluationStore:
    """Stores finished cells and matches in the job's folder, and their counts in `evaluations`."""

    def __init__(self, claim: Claim, plan: Plan, versions: Mapping[str, Adapter | None]) -> None:
        self._claim = claim
        self._plan = plan
        self._versions = versions
        self._reported = float("-inf")
        self._written: deque[tuple[float, int]] = deque()
        """When how many answers were written, of the last `_PACE_S` seconds."""
        self._eta_s: float | None = None
        self._progress = Progress("reading stored results", 0, 0)

    def cells(self) -> list[CellResult]:
        """Returns the cells, or the parts of them, that were stored before an interruption."""
        return [CellResult.from_json(stored) for stored in _read_all(self._folder(CELLS))]

    def matches(self) -> list[MatchResult]:
        """Returns the matches that were stored before an interruption."""
        return [MatchResult.from_json(stored) for stored in _read_all(self._folder("matches"))]

    def save_part(self, one: CellResult) -> None:
        """Stores a cell's answers to a block of problems in a file."""
        _write_next(self._folder(CELLS), one.as_json())

    def save_match(self, one: MatchResult) -> None:
        """Stores a finished match in a file."""
        _write_next(self._folder("matches"), one.as_json())

    def record_rounds(self, one: CellResult) -> None:
        """Stores a row for each round of a cell; repeated calls add none.

        Raises `Conflict` when the claim is lost.
        """
        cell, row = one.cell, self._versions[one.cell.version]
        own = f", seed {cell.seed}, {cell.setting.value}, job {self._claim.job_id}"
        setting = self._plan.decoding[: _SETTING_CHARS - len(own)] + own
        with self._claim.database.write() as session:
            jobs.progress(
                session,
                self._claim.job_id,
                self._claim.token,
                phase=self._progress.doing[:64],
                step=self._progress.n_done,
                n_steps=self._progress.n_total,
                eta_s=self._eta_s,
            )
            for index in range(one.first_round, one.n_rounds):
                answers = one.at(index)
                changed = one.changes_at(index)
                evaluations.add_once(
                    session,
                    adapter_id=row.id if row else None,
                    task=cell.task[:64],
                    round_index=index,
                    setting=setting,
                    n=len(answers),
                    n_correct=sum(answer.correct for answer in answers),
                    job_id=self._claim.job_id,
                    control=cell.setting.value,
                    **_lengths("thought_tokens", [one.n_thought_tokens for one in answers]),
                    **_lengths("response_tokens", [one.n_response_tokens for one in answers]),
                    n_fixed=changed.fixed if changed else None,
                    n_broken=changed.broken if changed else None,
                )

    def record_win_rates(self, rows: Sequence[WinRow]) -> None:
        """Stores the judge's win rates; a repeated call adds none."""
        ids = {name: row.id if row else None for name, row in self._versions.items()}
        with self._claim.database.write() as session:
            evaluations.save_win_rates(
                session,
                self._claim.job_id,
                [
                    JudgedWinRate(
                        adapter_id=ids[row.version],
                        against_id=ids[row.against],
                        round_index=row.round - 1,
                        against_round_index=row.against_round - 1,
                        task=row.task[:64],
                        judge=row.judge[:255],
                        n=row.n,
                        value=row.win_rate,
                        low=min(row.low, row.win_rate),
                        high=max(row.high, row.win_rate),
                    )
                    for row in rows
                    if row.win_rate is not None and row.low is not None and row.high is not None
                ],
            )

    def report(self, progress: Progress) -> None:
        """Stores progress, at most once in `_REPORT_S`. Raises `StopRequested` after a stop."""
        if self._claim.stop.is_set():
            raise StopRequested
        self._progress, now = progress, time.monotonic()
        if now - self._reported < _REPORT_S:
            return
        self._eta_s = left_s = self._left_s(progress, now)
        if self._claim.report(progress.doing[:64], progress.n_done, progress.n_total, left_s):
            self._reported = now

    def _left_s(self, progress: Progress, now: float) -> float | None:
        """Returns the seconds left at the pace of late; None before there is one."""
        n_written = progress.n_done - progress.n_restored
        self._written.append((now, n_written))
        while len(self._written) > 2 and now - self._written[1][0] >= _PACE_S:
            self._written.popleft()
        since, n_then = self._written[0]
        if n_written == n_then:
            return None
        left_s = (progress.n_total - progress.n_done) * (now - since) / (n_written - n_then)
        if progress.limit_left_s is None:
            return left_s
        return min(left_s, max(progress.limit_left_s, 0.0))

    def _folder(self, name: str) -> Path:
        return self._claim.folder / name


def _lengths(name: str, values: Sequence[int]) -> dict[str, float]:
    return {name: fmean(values), f"{name}_sd": pstdev(values)}


def _read_all(folder: Path) -> Sequence[dict[str, Any]]:
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


def _write_next(folder: Path, content: Mapping[str, Any]) -> None:
    number = len(list(folder.glob("*.json")))
    atomic_write.write(folder / f"{number:05d}.json", json.dumps(content).encode())
