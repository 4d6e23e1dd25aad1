"""Files of every kind are read whole and stored before their times are said."""

import json
import sys
from typing import Any

import pytest

from bench import importing


def test_every_file_is_read_and_stored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.importing", "--rows", "20", "-n", "1"])
    importing.main()
    report: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["rows"] == 20
    for name in importing.FILES:
        assert set(report[name]) >= {"preview_cpu_s", "store_cpu_s"}, name
