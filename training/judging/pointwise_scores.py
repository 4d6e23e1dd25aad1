"""Stores a judge's pointwise scores: of responses for good, of thoughts with their job.

A row of `scores` says how good a response is, and best and worst are chosen by it, so the score of
a thought is not stored there.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from db.content import scores
from db.labelling import candidates
from db.storage.session import Session
from training.jobs import atomic_write


class PointwiseScores(Protocol):
    """A judge's scores of rounds."""

    def of(self, session: Session, round_ids: Collection[int]) -> dict[int, float]:
        """Returns stored scores by round id; rounds without one are missing."""
        ...

    def save(self, session: Session, new: Mapping[int, float]) -> None:
        """Stores new scores by round id."""
        ...


class ResponseScores:
    """Stores scores as rows under the judge's name."""

    def __init__(self, rater_id: int, rater: str) -> None:
        self._rater_id = rater_id
        self._rater = rater

    def of(self, session: Session, round_ids: Collection[int]) -> dict[int, float]:
        return candidates.scores_of(session, self._rater, list(round_ids))

    def save(self, session: Session, new: Mapping[int, float]) -> None:
        scores.record(session, self._rater_id, new)


class ThoughtScores:
    """Stores scores in the job's folder, one file for each batch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._values: dict[int, float] = {}
        files = sorted(folder.glob("*.json"))
        for file in files:
            stored = json.loads(file.read_text(encoding="utf-8"))
            self._values |= {int(round_id): value for round_id, value in stored.items()}
        self._n_files = len(files)

    def of(self, session: Session, round_ids: Collection[int]) -> dict[int, float]:
        return {each: self._values[each] for each in round_ids if each in self._values}

    def save(self, session: Session, new: Mapping[int, float]) -> None:
        if new:
            path = self._folder / f"{self._n_files:06d}.json"
            atomic_write.write(path, json.dumps(dict(new)).encode())
            self._n_files += 1
            self._values |= new
