"""How long the reference takes is told while it is computed, the training behind it included."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import PreTrainedModel

from training.data.tokens import Encoded, Tokens
from training.jobs.claim import StopRequested
from training.jobs.ranks import Ranks
from training.loop import reference
from training.policy.layout import PLAIN
from training.policy.scorer import Scorer


def example(n: int) -> Encoded:
    prompt, answers = (5, 6, 7), ((8,) * n, (9, 10))
    given = Tokens(prompt, (0.0,) * len(prompt))
    return Encoded(given, tuple(Tokens(ids, (1.0,) * len(ids)) for ids in answers))


class Claim(SimpleNamespace):
    """Keeps what is reported, and asks to stop once `most` reports were made."""

    def __init__(self, folder: Path, most: int = 10**6) -> None:
        super().__init__(folder=folder, stop=Event(), told=[], most=most)

    def enter(self, phase: str) -> None:
        self.told.append((phase, None))

    def report(self, phase: str, step: int, n_steps: int, eta_s: float | None) -> bool:
        self.told.append((phase, eta_s))
        if len(self.told) > self.most:
            self.stop.set()
        return True


def compute(model: PreTrainedModel, claim: Claim, n: int) -> list[tuple[float, ...]]:
    examples = [example(n % 5 + 1) for n in range(n)]
    asked: Any = claim
    options: Any = {"key": "k", "token_budget": 16, "pad_id": 0, "epochs": 2}
    return reference.reference_logps(
        Scorer(model, PLAIN), examples, asked, Ranks.join(cpu=True), **options
    )


def test_the_time_left_is_told_from_the_first_passes_on(
    model: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(10**6))
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    monkeypatch.setattr(reference, "time", clock)
    claim = Claim(tmp_path)
    logps = compute(model, claim, 12)
    assert [len(each) for each in logps] == [2] * 12
    assert {phase for phase, _ in claim.told} == {reference.PHASE}
    first, *told = [eta for _, eta in claim.told]
    n = len(told) + 1
    assert first is None
    assert n > 4
    # The clock ticks before each pass: what is left of n, and two epochs of three passes' time.
    expected = [(done + 1) / done * (n - done + 2 * 3 * n) for done in range(1, n)]
    assert told == pytest.approx(expected)

    again = Claim(tmp_path)
    assert compute(model, again, 12) == logps
    assert again.told == [(reference.PHASE, None)], "read back, not computed"


def test_it_ends_when_asked_to(
    model: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "REPORT_EVERY_S", 0.0)
    with pytest.raises(StopRequested):
        compute(model, Claim(tmp_path, most=2), 12)
    assert not (tmp_path / "reference.json").exists()
