"""Frozen data."""

from collections import Counter
from pathlib import Path

import pytest

from ptrapp.core.errors import TrainingError
from ptrapp.core.types import Message, MessageRole
from training.data import snapshot
from training.data.examples import Gathered, PairExample, Target, TrajectoryExample, TrajectoryKind

MESSAGES = (Message(MessageRole.SYSTEM, "Be kind."), Message(MessageRole.USER, "Wie geht’s?\u2028"))
PAIR = PairExample(MESSAGES, True, Target("<T>a\n<R>b", (1, 2)), Target("c", None, False), (3, 4))
REPLAY = TrajectoryExample(MESSAGES, False, Target("d", None), TrajectoryKind.REPLAY)


def freeze(folder: Path) -> snapshot.Snapshot:
    gathered = Gathered((PAIR, REPLAY), Counter({"tie": 2}), 17)
    return snapshot.freeze(
        folder,
        gathered,
        kind="dpo",
        after_vote_id=5,
        thought_format="tiny",
        filters={},
        seed=0,
    )


def test_frozen_examples_are_read_back_as_they_were(tmp_path: Path) -> None:
    frozen = freeze(tmp_path)

    assert snapshot.read(tmp_path) == frozen
    assert frozen.examples == (PAIR, REPLAY)
    assert frozen.pairs == [PAIR]
    assert frozen.trajectories == [REPLAY]
    assert frozen.manifest.dropped == {"tie": 2}
    assert (frozen.manifest.n_rows, frozen.manifest.highest_vote_id) == (2, 17)


def test_the_same_examples_have_the_same_hash(tmp_path: Path) -> None:
    one, other = freeze(tmp_path / "one"), freeze(tmp_path / "other")

    assert one.manifest.sha256 == other.manifest.sha256


def test_changed_data_are_refused(tmp_path: Path) -> None:
    frozen = freeze(tmp_path)
    frozen.path.write_text(
        frozen.path.read_text(encoding="utf-8").replace("Be kind.", "Be rude."), encoding="utf-8"
    )

    with pytest.raises(TrainingError, match="was changed since it was frozen"):
        snapshot.read(tmp_path)
