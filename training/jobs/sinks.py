"""Mirrors a job's metrics to where a person watches other trainings: TensorBoard, trackio.

Both are optional packages. The database stays the truth: a sink that cannot be opened or written is
said on the job and left out, and the training goes on::

    data/tensorboard/dpo-000012/     tensorboard --logdir data/tensorboard
    data/trackio/                    TRACKIO_DIR=data/trackio trackio show --project thrice
"""

import importlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

PROJECT = "thrice"
"""The name of the project in trackio."""


class Sink(Protocol):
    """A place that a job's metrics are mirrored to."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Mirrors the metrics of one step; a resumed job may repeat a step."""

    def close(self) -> None:
        """Writes what is left."""


class TensorBoardSink:
    """Event files that TensorBoard reads, one folder a job."""

    def __init__(self, data_dir: Path, run: str, settings: Mapping[str, Any]) -> None:
        package = importlib.import_module("tensorboardX")
        self._writer = package.SummaryWriter(logdir=str(data_dir / "tensorboard" / run))
        self._writer.add_text("settings", repr(dict(settings)), 0)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class TrackioSink:
    """A run of trackio's, in its own database in the data folder."""

    def __init__(self, data_dir: Path, run: str, settings: Mapping[str, Any]) -> None:
        os.environ.setdefault("TRACKIO_DIR", str(data_dir / "trackio"))  # read at its import
        package = importlib.import_module("trackio")
        self._run = package.init(
            project=PROJECT, name=run, config=dict(settings), resume="allow", embed=False
        )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


SINKS: dict[str, Callable[[Path, str, Mapping[str, Any]], Sink]] = {
    "tensorboard": TensorBoardSink,
    "trackio": TrackioSink,
}
"""How each sink is opened: by the data folder, the name of the run, and the job's settings."""
_FAILURES = (OSError, RuntimeError, ValueError)


class Sinks:
    """The sinks of one job; one that fails is left out from then on."""

    def __init__(self, opened: Mapping[str, Sink] | None = None) -> None:
        self._open = dict(opened or {})

    def write(self, metrics: Mapping[int, Mapping[str, float]]) -> None:
        """Mirrors the metrics of finished steps."""
        for name, sink in list(self._open.items()):
            try:
                for step, values in metrics.items():
                    sink.write(step, values)
            except _FAILURES as error:
                log.warning("metrics are not mirrored to %s any more: %s", name, error)
                del self._open[name]

    def close(self) -> None:
        for name, sink in self._open.items():
            try:
                sink.close()
            except _FAILURES as error:
                log.warning("the end of the metrics is not mirrored to %s: %s", name, error)
        self._open.clear()


def open_sinks(
    names: tuple[str, ...],
    data_dir: Path,
    run: str,
    settings: Mapping[str, Any],
    warn: Callable[[str], None],
) -> Sinks:
    """Opens the sinks of these names; says which cannot be opened, and why."""
    opened: dict[str, Sink] = {}
    for name in names:
        try:
            opened[name] = SINKS[name](data_dir.resolve(), run, settings)
        except ImportError as error:
            warn(
                f"Metrics are not mirrored to {name}: its package is missing ({error}). Install "
                f'it with: pip install "thrice[{name}]"'
            )
        except _FAILURES as error:
            warn(f"Metrics are not mirrored to {name}: {error}")
    return Sinks(opened)
