"""Reports a training between its steps: progress, curves, and marks on complete checkpoints."""

import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from db.storage import atomic_folder
from training.jobs import atomic_write
from training.jobs.claim import REPORT_EVERY_S, Claim
from training.jobs.ranks import Ranks
from training.loop import warnings

log = logging.getLogger(__name__)

COMPLETE = "whole"
"""A file written last into a checkpoint; without it a kill cut the checkpoint off."""


class Reporter(TrainerCallback):
    """Stores progress and metrics of finished steps, and ends the loop when the worker asks.

    Every process of a job has one, because they must end and save together; only the leader's
    writes.
    """

    def __init__(self, claim: Claim, ranks: Ranks) -> None:
        self._claim = claim
        self._ranks = ranks
        self._pending: dict[int, dict[str, float]] = {}
        self._curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._warned: set[str] = set()
        self._reported = 0.0
        self._start: tuple[float, int] = (0.0, 0)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._start = (time.monotonic(), state.global_step)
        for logs in state.log_history:  # empty unless the run is resumed
            self._remember(int(logs["step"]), _metrics_of(logs))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._ranks.any(self._claim.stop.is_set()):
            control.should_save = True
            control.should_training_stop = True
        elif state.global_step >= state.max_steps and args.load_best_model_at_end:
            control.should_evaluate = True  # the last step may be the best checkpoint as well

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not logs or not ("loss" in logs or "eval_loss" in logs):
            return
        values = _metrics_of(logs)
        self._remember(state.global_step, values)
        self._pending.setdefault(state.global_step, {}).update(values)
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._report(state)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._report(state)  # steps before a checkpoint are never repeated, so store them now
        self._warn()
        self._ranks.wait()
        if self._ranks.leads:
            folder = Path(args.output_dir or ".") / f"checkpoint-{state.global_step}"
            atomic_folder.flush_tree(folder)
            atomic_write.write(folder / COMPLETE, b"")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._report(state)
        self._warn()

    def _remember(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._curves[name].append((step, value))

    def _warn(self) -> None:
        """Notes what the curves show; the job stores the same note only once."""
        curves = self._curves
        found = {
            "diverges": warnings.diverges(curves["loss"]),
            "chosen falls": warnings.chosen_falls(
                curves["logps/chosen"], curves["logps/ref_chosen"]
            ),
            "memorises": warnings.memorises(
                curves["rewards/accuracies"], curves["eval_rewards/accuracies"]
            ),
        }
        for warning, sentence in found.items():
            if sentence and warning not in self._warned:  # its figures differ from time to time
                self._warned.add(warning)
                self._claim.note(sentence, "warning")

    def _report(self, state: TrainerState) -> None:
        started, from_step = self._start
        n_done = state.global_step - from_step
        step_s = (time.monotonic() - started) / n_done if n_done else None
        eta_s = step_s * (state.max_steps - state.global_step) if step_s is not None else None
        if self._claim.report("training", state.global_step, state.max_steps, eta_s, self._pending):
            self._pending = {}
        self._reported = time.monotonic()


def last_complete_checkpoint(folder: Path) -> Path | None:
    """Returns the newest complete checkpoint; removes incomplete ones."""
    found: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        if (path / COMPLETE).is_file():
            found.append((int(path.name.removeprefix("checkpoint-")), path))
        else:
            log.warning("removing %s: it is incomplete", path)
            shutil.rmtree(path)
    return max(found)[1] if found else None


def last_metrics(history: Sequence[dict[str, float]]) -> dict[str, float]:
    """Returns the metrics of the last step, also when it was done before an interruption."""
    found: dict[str, float] = {}
    for logs in history:
        if "loss" in logs or "eval_loss" in logs:
            found |= _metrics_of(logs)
    return found


def _metrics_of(logs: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in logs.items() if name not in ("epoch", "step")}
