"""Metrics are mirrored to TensorBoard and trackio where asked, and no training ends by a sink."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from training.jobs import sinks
from training.jobs.sinks import Sinks, open_sinks

STEPS = {1: {"loss": 0.75, "rewards/margins": 0.0}, 2: {"loss": 0.5}}


def refuse(text: str) -> None:
    pytest.fail(f"nothing is to be said: {text}")


def test_tensorboards_own_reader_reads_what_is_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    opened = open_sinks(("tensorboard",), tmp_path, "dpo-000012", {"beta": 0.5}, refuse)
    opened.write(STEPS)
    opened.close()
    found = reading.EventAccumulator(str(tmp_path / "tensorboard" / "dpo-000012"))
    found.Reload()
    losses = [(one.step, one.value) for one in found.Scalars("loss")]
    assert losses == [(1, 0.75), (2, 0.5)]
    assert set(found.Tags()["scalars"]) == {"loss", "rewards/margins"}


class Recorder:
    """Stands in for a writer of tensorboardX and for a run of trackio."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def add_text(self, name: str, text: str, step: int) -> None:
        self.said.append((name, text, step))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.said.append((name, value, step))

    def flush(self) -> None:
        pass

    def log(self, values: Mapping[str, float], *, step: int) -> None:
        self.said.append((step, values))

    def close(self) -> None:
        self.said.append("closed")

    finish = close


def installed(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_a_step_is_a_point_of_every_metric_in_a_folder_of_the_job(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    writer, folders = Recorder(), []
    installed(monkeypatch, "tensorboardX",
              SummaryWriter=lambda logdir: folders.append(logdir) or writer)  # fmt: skip
    opened = open_sinks(("tensorboard",), tmp_path, "tpo-000003", {"k": 4}, refuse)
    opened.write(STEPS)
    opened.close()
    assert folders == [str(tmp_path / "tensorboard" / "tpo-000003")]
    assert writer.said == [
        ("settings", "{'k': 4}", 0), ("loss", 0.75, 1), ("rewards/margins", 0.0, 1),
        ("loss", 0.5, 2), "closed",
    ]  # fmt: skip


def test_trackio_gets_a_run_of_the_jobs_name_in_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, begun = Recorder(), []
    monkeypatch.delenv("TRACKIO_DIR", raising=False)
    installed(monkeypatch, "trackio", init=lambda **asked: begun.append(asked) or run)
    opened = open_sinks(("trackio",), tmp_path, "dpo-000001", {"beta": 0.2}, refuse)
    opened.write(STEPS)
    opened.close()
    (asked,) = begun
    assert (asked["project"], asked["name"], asked["config"]) == (
        "thrice", "dpo-000001", {"beta": 0.2},
    )  # fmt: skip
    assert asked["resume"] == "allow"
    assert sinks.os.environ["TRACKIO_DIR"] == str(tmp_path / "trackio")
    assert run.said == [(1, STEPS[1]), (2, STEPS[2]), "closed"]
    monkeypatch.delenv("TRACKIO_DIR")


def test_a_package_that_is_missing_is_said_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    monkeypatch.setitem(sys.modules, "trackio", None)
    opened = open_sinks(("trackio",), tmp_path, "dpo-000001", {}, said.append)
    opened.write(STEPS)
    opened.close()
    (text,) = said
    assert 'pip install "thrice[trackio]"' in text


def test_a_sink_that_fails_is_left_out_and_the_others_go_on() -> None:
    def full(step: int, values: Mapping[str, float]) -> None:
        raise OSError("no space left")

    other = SimpleNamespace(steps=[], close=lambda: None)
    other.write = lambda step, values: other.steps.append(step)
    broken = SimpleNamespace(write=full, close=lambda: pytest.fail("it is left out"))
    both = Sinks({"broken": broken, "other": other})
    both.write(STEPS)
    both.write({3: {"loss": 0.4}})
    both.close()
    assert other.steps == [1, 2, 3]
