"""bench.papers runs the product's own jobs to the end and prints what they found."""

import json
import os

import pytest
from warm_worker import WarmWorker, template

from bench.papers import as_markdown, main, summary
from ptrapp.cli import following
from ptrapp.core.settings import Settings


@pytest.fixture
def warm_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers whose training processes need not import torch anew."""

    def start_worker(settings: Settings) -> WarmWorker:
        return template().start_worker((), dict(os.environ | settings.as_environment()))

    monkeypatch.setattr(following, "start_worker", start_worker)


@pytest.mark.worker
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("warm_worker")
def test_a_small_run_prints_every_line_by_round(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seeds", "1", "--methods", "ptr", "--n", "8", "--queries", "8"])
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["args"]["queries"] == 8
    assert {len(line) for line in report["ptr"].values()} == {3}
    for kind in ("generated", "held_out"):
        for line in ("base", "tuned", "tuned, swapped", "plain SFT, no attempts"):
            assert f"{kind}: {line}" in report["ptr"]


def test_values_are_mean_and_deviation_over_seeds() -> None:
    tables = [{"base": [40.0, None]}, {"base": [50.0, None]}]
    assert summary(tables) == {"base": ["45.0 ± 7.1", ""]}
    assert summary(tables[:1]) == {"base": ["40.0", ""]}
    assert as_markdown({"a": ["1.0", "2.0"], "b": ["3.0"]}).splitlines() == [
        "| | 1 | 2 |",
        "|---|---|---|",
        "| a | 1.0 | 2.0 |",
        "| b | 3.0 |  |",
    ]
