"""bench.papers runs the product's own jobs to the end and prints what they found."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.papers.__main__ import main
from bench.papers.arms import comparisons
from bench.papers.measured import Comparison, Point, as_json, as_markdown, from_json, gain, row
from bench.papers.said import said
from bench.warm.asking import WarmWorker, template
from ptrapp.cli import following
from ptrapp.core.settings import Settings


@pytest.fixture
def warm_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers whose training processes need not import torch anew."""

    class WarmSupervisor:
        def __init__(self, settings: Settings) -> None:
            self._environment = dict(os.environ | settings.as_environment())
            self._worker: WarmWorker | None = None

        def start(self) -> None:
            self._worker = template().start_worker((), self._environment)

        def stop(self) -> None:
            assert self._worker is not None, "it was started"
            self._worker.terminate()
            self._worker.wait()

    monkeypatch.setattr(following, "WorkerSupervisor", WarmSupervisor)


@pytest.mark.worker
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("warm_worker")
def test_a_small_run_prints_every_line_by_round_and_goes_on_from_its_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["--seeds", "1", "--arms", "ptr", "--n", "8", "--queries", "8"]
    asked += ["--folder", str(tmp_path)]
    main(asked)
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["args"]["queries"] == 8
    table = report["ptr"]["table"]
    for kind in ("generated", "held_out"):
        for line in ("base, asked again", "tuned", "plain SFT, no attempts"):
            assert set(table[f"{kind}: {line}"]) == {"1", "2", "3"}
        assert set(table[f"{kind}: tuned, swapped"]) == {"2", "3"}
    assert len(report["ptr"]["said"]) == 8

    steps = json.loads((tmp_path / "seed-0-ptr" / "steps.json").read_text(encoding="utf-8"))
    (tmp_path / "seed-0-ptr" / "lines.json").unlink()
    main(asked)
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["ptr"] == report["ptr"]
    assert steps == json.loads(
        (tmp_path / "seed-0-ptr" / "steps.json").read_text(encoding="utf-8")
    ), "no job was queued again"


def points(rights: Sequence[bool], seed: int = 0, words: int = 2) -> list[Point]:
    return [
        Point(seed, f"problem {at}", " ".join(["word"] * words), right, True, 5)
        for at, right in enumerate(rights)
    ]


def test_a_table_has_mean_and_deviation_over_seeds() -> None:
    lines = {
        "a": {"base": points([True, False]) + points([True, True], seed=1)},
        "b": {"base": points([True, False]), "1": points([True, True])},
    }
    assert as_markdown(lines).splitlines() == [
        "| | base | 1 |",
        "|---|---|---|",
        "| a | 75.0 ± 35.4 |  |",
        "| b | 50.0 | 100.0 |",
    ]
    found = row(lines["a"]["base"])
    assert (found["n"], found["rate"], found["words"], found["empty"]) == (4, 0.75, 2, 0)
    assert from_json(as_json(lines)) == lines


def test_a_gain_is_paired_by_problem_and_has_an_interval() -> None:
    before, after = [False] * 30 + [True] * 10, [True] * 30 + [True] * 10
    lines = {"task": {"base": points(before, words=4), "1": points(after, words=3)}}
    (asked,) = comparisons("thought", lines)
    found = gain(lines, asked)
    assert found["gain"] == 0.75
    assert found["low"] < 0.75 < found["high"]
    assert (found["low"] > 0, found["n"], found["words_ratio"]) == (True, 40, 0.75)


def test_refining_is_compared_with_its_first_round_and_with_foreign_attempts() -> None:
    lines = {
        "t: tuned": {"1": points([True]), "2": points([True]), "3": points([True])},
        "t: tuned, swapped": {"2": points([True]), "3": points([False])},
    }
    assert comparisons("ptr", lines) == [
        Comparison("t: tuned", "3", "t: tuned", "1"),
        Comparison("t: tuned", "3", "t: tuned, swapped", "3"),
    ]


def test_ten_problems_are_drawn_by_seed_and_shown_before_and_after() -> None:
    lines = {"task": {"base": points([False] * 30), "1": points([True] * 30, words=3)}}
    shown = said("direct", lines)
    assert len({one["problem"] for one in shown}) == 10
    assert shown == said("direct", lines)
    assert all(not one["before_right"] and one["after_right"] for one in shown)
    assert (shown[0]["before"], shown[0]["after"]) == ("word word", "word word word")
